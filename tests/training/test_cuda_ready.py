"""What a GPU would refuse or wait for, without one.

Three nets: the operations of every loss and of whole steps, forward and backward, against torch's list of those that have no
deterministic kernel on CUDA; forward passes on tensors that claim to be on a GPU, where a mixture of devices or a number that is
read back is an error; and what such a pass sends to the device.
"""

import re
from types import SimpleNamespace

import pytest
import torch
from ladders import BETWEEN_PHOTOS, LOSSES
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.backbones.backbone import unrepeatable
from aesthetic_pretraining.models.network import Network, score_network
from aesthetic_pretraining.training import gradient_cache, losses
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.finetune import votes_loss
from aesthetic_pretraining.training.pretext import TASKS, TaskConfig

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
TASK = TaskConfig(margin=0.2, balance_temperature=50, simclr_temperature=0.5, simclr_projection=8)
VOTES = SimpleNamespace(emd="per_image", emd_r=2)

# What torch.use_deterministic_algorithms says to raise on CUDA, by its name there, and the aten operations behind it. All that
# any version from 2.4 names; nothing for what concerns other devices alone.
RAISES = {
    "torch.nn.AvgPool3d": {"avg_pool3d_backward"},
    "torch.nn.AdaptiveAvgPool2d": {"_adaptive_avg_pool2d_backward"},
    "torch.nn.AdaptiveAvgPool3d": {"_adaptive_avg_pool3d_backward"},
    "torch.nn.MaxPool3d": {"max_pool3d_with_indices_backward"},
    "torch.nn.AdaptiveMaxPool2d": {"adaptive_max_pool2d_backward"},
    "torch.nn.FractionalMaxPool2d": {"fractional_max_pool2d_backward"},
    "torch.nn.FractionalMaxPool3d": {"fractional_max_pool3d_backward"},
    "torch.nn.MaxUnpool1d": {"max_unpool2d"},
    "torch.nn.MaxUnpool2d": {"max_unpool2d"},
    "torch.nn.MaxUnpool3d": {"max_unpool3d"},
    "torch.nn.functional.interpolate": {
        f"{kind}_backward"
        for kind in ("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d")
    }
    | {"_upsample_bilinear2d_aa_backward", "_upsample_bicubic2d_aa_backward"},
    "torch.nn.ReflectionPad1d": {"reflection_pad1d_backward"},
    "torch.nn.ReflectionPad2d": {"reflection_pad2d_backward"},
    "torch.nn.ReflectionPad3d": {"reflection_pad3d_backward"},
    "torch.nn.ReplicationPad1d": {"replication_pad1d_backward"},
    "torch.nn.ReplicationPad2d": {"replication_pad2d_backward"},
    "torch.nn.ReplicationPad3d": {"replication_pad3d_backward"},
    "torch.nn.NLLLoss": {"nll_loss2d_forward"},  # with a mean or a sum; tells nothing of it without
    "torch.nn.CTCLoss": {"_ctc_loss_backward", "_cudnn_ctc_loss"},
    "torch.nn.EmbeddingBag": {"_embedding_bag_dense_backward"},
    "torch.Tensor.put_": {"put", "put_"},
    "torch.histc": {"histc"},
    "torch.bincount": {"bincount"},
    "torch.kthvalue": {"kthvalue"},
    "torch.median": {"median"},
    "torch.nn.functional.grid_sample": {"grid_sampler_2d_backward", "grid_sampler_3d_backward"},
    "torch.Tensor.scatter_reduce": {"scatter_reduce", "scatter_reduce_"},
    "torch.Tensor.resize_": set(),  # of quantised tensors
    "torch.Tensor.index_put": set(),  # on MPS
    "torch.Tensor.index_reduce": set(),  # on MPS
    "torch.nn.Embedding": set(),  # on MPS
    "torch.nn.MaxPool2d": set(),  # on MPS
}
FORBIDDEN = set().union(*RAISES.values())


class Recorded(TorchDispatchMode):
    """Operations by name, with those that leave the CPU for another device apart."""

    def __init__(self):
        super().__init__()
        self.names, self.sent = set(), []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        none = name == "nll_loss2d_forward" and args[3] == 0  # reduction: none
        self.names.add("nll_loss2d_forward of each" if none else name)
        out = function(*args, **kwargs or {})
        inputs = [a for a in args if isinstance(a, torch.Tensor)]
        if (
            isinstance(out, torch.Tensor)
            and out.device.type == "cuda"
            and any(i.device.type == "cpu" and i.ndim for i in inputs)
        ):
            self.sent.append(name)
        return out


@pytest.fixture(autouse=True)
def _no_pretended_tensors_are_left_in_caches():
    yield
    for name in vars(losses):
        if name.endswith("_on"):
            getattr(losses, name).cache_clear()


def test_the_list_is_torchs_own():
    said = torch.use_deterministic_algorithms.__doc__
    said = said[said.index("operations will throw a") : said.index("In addition, several operations fill")]
    named = set(re.findall(r":(?:class|func):`(torch\.[\w.]+)`", said))
    assert len(named) > 20
    assert named <= set(RAISES), "torch names more: add their aten operations"


@pytest.mark.parametrize("name", LOSSES | BETWEEN_PHOTOS)
def test_losses_use_no_operation_that_a_gpu_refuses(name):
    loss, shape = (LOSSES | BETWEEN_PHOTOS)[name]
    with Recorded() as seen:
        loss(torch.rand(3, *shape, requires_grad=True)).backward()
    assert len(seen.names) > 5 and not seen.names & FORBIDDEN


def small_network(task):
    made = TASKS[task](TASK)
    return Network(build_backbone("mobilenet_v2"), made.heads, made.hidden), made


def pictures(task):
    count = {"rotnet": 4, "simclr": 2}.get(task, 174)
    return torch.zeros(2 * count, 3, 32, 32, dtype=torch.uint8), count


@pytest.mark.parametrize("task", ["rotnet", "simclr", "ranking_classification", "ranking_regression"])
def test_a_step_of_pretraining_uses_none_either(task):
    torch.manual_seed(0)
    network, made = small_network(task)
    network.backbone.prepare(CPU, True)
    outputs = {name: torch.rand(3, pictures(task)[1], n, requires_grad=True) for name, n in made.heads.items()}
    optimiser = torch.optim.RMSprop(network.parameters(), lr=1e-9, momentum=0.9)
    x = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8)
    with Recorded() as seen:
        made.loss(outputs).backward()
        gradient_cache.backward(network, x, lambda out: sum(o.square().sum() for o in out.values()), 2, Alone(CPU), 1)
        optimiser.step()
    assert {"convolution_backward", "native_batch_norm_backward"} <= seen.names
    assert not seen.names & FORBIDDEN


@pytest.mark.parametrize("emd", ["per_image", "per_batch"])
def test_nor_does_a_step_of_fine_tuning(emd):
    torch.manual_seed(0)
    network = score_network(build_backbone("efficientnet_lite0"), 0.75, 10).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-9, weight_decay=1e-4)
    wanted, x = torch.full((4, 10), 0.1), torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    with Recorded() as seen:
        gradient_cache.backward(
            network, x, lambda out: votes_loss(out, wanted, SimpleNamespace(emd=emd, emd_r=2)), 0, Alone(CPU)
        )
        optimiser.step()
    assert "convolution_backward" in seen.names and not seen.names & FORBIDDEN


def test_what_the_net_is_for_is_caught():
    logits, target = torch.rand(2, 4, 4, requires_grad=True), torch.zeros(2, 4, dtype=torch.int64)
    with Recorded() as seen:  # RotNet's loss as it once was
        nn.functional.cross_entropy(logits.transpose(1, 2), target)
    assert seen.names & FORBIDDEN == {"nll_loss2d_forward"}
    with Recorded() as seen:
        nn.AdaptiveAvgPool2d(2)(torch.rand(1, 2, 5, 5, requires_grad=True)).sum().backward()
    assert seen.names & FORBIDDEN == {"_adaptive_avg_pool2d_backward"}


@pytest.mark.parametrize("name", LOSSES | BETWEEN_PHOTOS)
def test_losses_stay_on_their_device_and_send_it_nothing_after_the_first_time(name):
    loss, shape = (LOSSES | BETWEEN_PHOTOS)[name]
    with FakeTensorMode():
        loss(torch.rand(3, *shape, device=CUDA))
        with Recorded() as seen:
            assert loss(torch.rand(3, *shape, device=CUDA)).device.type == "cuda"
    assert len(seen.names) > 2 and not seen.sent


@pytest.mark.parametrize("task", TASKS)
def test_a_pass_of_each_task_stays_on_its_device_and_reads_nothing_back(task):
    with FakeTensorMode():
        with CUDA:  # where everything is made that does not say where; the pass is outside
            network, made = small_network(task)
            x, views = pictures(task)
        joint = gradient_cache.by_photo(made.loss, views)
        network.backbone._taken.add(32)
        for _ in range(2):
            with Recorded() as seen:
                loss = joint(network(x))
        assert loss.device.type == "cuda"
        with pytest.raises(DataDependentOutputException):
            loss.item()  # what a hidden synchronisation would have raised
    assert "convolution" in seen.names and not seen.sent


def test_a_pass_of_fine_tuning_does_too():
    with FakeTensorMode():
        with CUDA:
            network = score_network(build_backbone("efficientnet_lite0"), 0.75, 10).train()
        network.backbone._taken.add(32)
        wanted = torch.rand(4, 10, device=CUDA)
        with Recorded() as seen:
            loss = votes_loss(network(torch.zeros(4, 3, 32, 32, dtype=torch.uint8, device=CUDA)), wanted, VOTES)
        assert loss.device.type == "cuda"
    assert not seen.sent


def test_what_these_nets_are_for_is_caught():
    with FakeTensorMode():
        scores = torch.rand(3, 174, device=CUDA)
        with Recorded() as seen:
            scores[:, [1, 2]]
        assert seen.sent
        with Recorded() as seen:
            torch.tensor([1.0, 2.0], device=CUDA)
        assert seen.sent
        with pytest.raises(RuntimeError, match="same device"):
            scores + torch.zeros(174)


@pytest.mark.parametrize("name", ["vgg11", "alexnet"])
def test_networks_that_a_gpu_cannot_train_repeatably_are_refused_in_a_sentence(name):
    with torch.device("meta"):
        backbone = build_backbone(name)
    backbone.prepare(CPU, False)
    with pytest.raises(UserError, match=rf"backbone\.name: {name} cannot be trained on a GPU .*layer avgpool .*choose another"):
        backbone.prepare(CUDA, False)


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_lite0", "resnet18"])
def test_others_are_not(name):
    build_backbone(name).prepare(CUDA, False)


def test_pooling_to_one_pixel_by_a_mean_is_fine_and_by_a_maximum_is_not():
    for layer, refused in (
        (nn.AdaptiveAvgPool2d(1), False), (nn.AdaptiveAvgPool2d((1, 1)), False), (nn.AdaptiveAvgPool2d((1, 2)), True),
        (nn.AdaptiveAvgPool2d(7), True), (nn.AdaptiveMaxPool2d(1), True), (nn.MaxPool2d(2), False),
    ):  # fmt: skip
        assert unrepeatable(nn.Sequential(nn.Identity(), layer)) == ("1" if refused else None)
