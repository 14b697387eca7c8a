"""What a GPU would refuse or wait for in the device engine, without one: its operations, and a render of tensors that claim to be there."""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from aesthetic_pretraining.distortions.batched import geometry, philox, style, technical
from aesthetic_pretraining.distortions.batched.geometry import Recipe
from aesthetic_pretraining.distortions.batched.parcel import Parcels, pack
from aesthetic_pretraining.distortions.batched.render import render
from aesthetic_pretraining.distortions.native import colour

CUDA = torch.device("cuda", 0)
SIZE = 32
# without a deterministic kernel, or with one that takes a value back: what this engine could be tempted to use
# (tests/training/test_cuda_ready.py keeps torch's own list)
FORBIDDEN = {
    "index_put", "index_put_", "index_add", "index_add_", "scatter", "scatter_", "scatter_add", "scatter_add_", "scatter_reduce",
    "put_", "histc", "bincount", "median", "kthvalue", "cumsum", "nonzero", "masked_select", "unique", "_unique2", "upsample_bilinear2d",
    "_upsample_bilinear2d_aa", "_local_scalar_dense", "is_nonzero", "equal", "fft_fft2",
}  # fmt: skip
CACHES = (geometry.geometry, philox._column, style._values, style._light, style._tables, technical._disks, technical._steps)
VIEWS = {
    "view", "slice", "select", "expand", "permute", "transpose", "unsqueeze", "split", "split_with_sizes", "t", "detach", "unbind",
    "_unsafe_view", "alias", "as_strided", "squeeze", "lift_fresh",
}  # fmt: skip


class Recorded(TorchDispatchMode):
    """Names of the operations, and of those that send a CPU's tensor to a GPU."""

    def __init__(self):
        super().__init__()
        self.names, self.sent = [], []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        self.names.append(name)
        out = function(*args, **kwargs or {})
        inputs = [one for one in args if isinstance(one, torch.Tensor)]
        arrived = isinstance(out, torch.Tensor) and out.device.type == "cuda"
        if arrived and any(one.device.type == "cpu" and one.ndim for one in inputs):
            self.sent.append(name)
        return out


@pytest.fixture(autouse=True)
def _no_pretended_tensors_are_left_in_caches():
    caches = [*CACHES, *(one for one in vars(colour).values() if hasattr(one, "cache_clear"))]
    for one in caches:
        one.cache_clear()
    yield
    for one in caches:
        one.cache_clear()


@pytest.fixture
def parcels(make_photo):
    photo = make_photo(1, 72, 48)
    return Parcels.of([pack(photo, "a", 0, Recipe(SIZE)), pack(np.ascontiguousarray(photo[:, 10:58]), "b", 0, Recipe(SIZE))])


def test_no_operation_is_one_that_a_gpu_refuses_and_a_photo_takes_few(parcels):
    render(parcels)  # once, for what is kept of a shape and of the constants
    with Recorded() as seen:
        render(parcels)
    assert {"convolution", "grid_sampler_2d", "gather", "index_select"} <= set(seen.names)
    assert not set(seen.names) & FORBIDDEN
    assert sum(name not in VIEWS for name in seen.names) < 2 * 1600


def test_a_render_on_a_gpu_reads_nothing_back_and_sends_nothing_after_the_first_time(parcels, monkeypatch):
    computed = {shape: geometry.compute(*shape, parcels.recipe) for shape in parcels.shapes}
    monkeypatch.setattr(geometry, "compute", lambda height, width, recipe: computed[height, width])
    monkeypatch.setattr(geometry, "upload", pretended)
    with FakeTensorMode() as mode:
        there = parcels.each(lambda tensor: mode.from_tensor(tensor).to(CUDA))
        for _ in range(2):
            with Recorded() as seen:
                pictures = render(there)
        assert pictures.shape == (2, 174, 3, SIZE, SIZE) and pictures.device == CUDA
        assert len(seen.names) > 300 and not seen.sent
        with pytest.raises(DataDependentOutputException):
            pictures.sum().item()  # what a hidden synchronisation would have raised


def pretended(arrays, device):
    """In place of pinned memory, which a machine without a GPU has not."""
    return [torch.tensor(array).to(device) for array in arrays]


def test_many_arrays_go_in_one_transfer_and_come_out_as_they_were(monkeypatch):
    """As for a GPU, with the CPU's memory in the place of the pinned one."""
    arrays = [
        np.arange(7, dtype=np.float32),
        np.eye(3),
        np.arange(4, dtype=np.int64).reshape(2, 2),
        np.array([1, 2, 3], np.int32),
    ]
    empty, sent = torch.empty, []

    def to(tensor, device, non_blocking):
        sent.append((tensor.nbytes, non_blocking))
        return tensor

    monkeypatch.setattr(torch, "empty", lambda *args, pin_memory, **options: empty(*args, **options))
    monkeypatch.setattr(torch.Tensor, "to", to)
    made = geometry.upload(arrays, CUDA)
    assert sent == [(32 + 80 + 32 + 16, True)]
    assert all(
        one.numpy().dtype == array.dtype and (one.numpy() == array).all() for one, array in zip(made, arrays, strict=True)
    )
