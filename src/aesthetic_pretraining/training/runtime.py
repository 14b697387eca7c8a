"""Shared by both trainers: deterministic execution, and errors of a training that cannot continue."""

import contextlib
import logging
import math
import os
from collections.abc import Iterator, Sequence

import torch

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.seeding import seeded_int

NAMED = 16  # images of a batch that an error names; the log names all
GIB = 2**30
log = logging.getLogger("aesthetic_pretraining")


def set_up(threads: int, training: bool = True, tf32: bool = False) -> torch.device:
    """Make execution deterministic: a fixed number of threads, deterministic kernels. Returns the device.

    Args:
        threads: of torch on the CPU; a parameter and not the machine's number, because sums differ in the last bit otherwise.
        training: whether gradients will be computed; on a CPU, inference needs no deterministic mode.
        tf32: whether float32 convolutions and matrix products of a GPU may round their factors to 10 bits (fidelity row 31).
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    if device.type == "cuda":
        allow_tf32(tf32)
    if training or device.type == "cuda":
        # the flag of use_deterministic_algorithms, which would import the compiler for seconds to tell it, too
        torch.set_deterministic_debug_mode("error")
        # that mode writes NaN into every new tensor before a layer fills it, which took a sixth of a step on a CPU
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # made at run time
    return device


def allow_tf32(allowed: bool) -> None:
    """Allow or forbid TF32 for convolutions and matrix products alike; torch's default is TF32 for convolutions only."""
    # not by the newer fp32_precision: torch raises where its older switches are read after that, by Fabric, ONNX's exporter, cudnn.flags
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed


def seed_step(*parts: object) -> None:
    """Seed torch's generator for one step, so that a resumed run needs no saved generator state."""
    torch.manual_seed(seeded_int(*parts))


def finite(loss: float, what: str, photos: Sequence[str] = (), checkpoint: object = None) -> float:
    """The loss, if it is finite. Raises UserError otherwise, so that weights of a diverged training are never written.

    Args:
        what: the training, and where in it.
        photos: ids of the batch's images; the error names the first of them, the log all.
        checkpoint: the training's `Checkpoint`; the error names its last state.
    """
    if math.isfinite(loss):
        return loss
    log.error("%s: the loss is %s for %s", what, loss, ", ".join(photos))
    named = ", ".join(photos[:NAMED]) + (f" and {len(photos) - NAMED} more" if len(photos) > NAMED else "")
    raise UserError(
        f"{what}: the loss is {loss}"
        + (f" for the pictures {named}" if photos else "")
        + (f"; last good state: {checkpoint}" if checkpoint else "")
        + "; nothing was written; lower the learning rate in params.yaml"
    )


@contextlib.contextmanager
def out_of_memory(lower: str) -> Iterator[None]:
    """Turn errors for lack of memory, of the GPU or the machine, into a UserError that says what to lower.

    Also where a GPU has no deterministic kernel for a layer that `Backbone.prepare` does not know of.

    Args: lower: the keys of params.yaml, in words.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        # torch's allocator on the CPU raises a bare RuntimeError, known by its text alone
        text = str(error).lower()
        if "deterministic implementation" in text:
            kernel = str(error).split()[0]
            raise UserError(
                f"backbone.name: the network cannot be trained on this GPU to the same result twice ({kernel} is not deterministic); "
                "choose another"
            ) from error
        if isinstance(error, RuntimeError) and "out of memory" not in text and "can't allocate memory" not in text:
            raise
        if isinstance(error, torch.OutOfMemoryError) or "cuda" in text:
            held, advice = gpu_memory()
            raise UserError(f"out of memory of the GPU{held}; {advice}lower {lower} in params.yaml") from error
        raise UserError(f"out of memory of the machine; lower {lower} in params.yaml") from error


def gpu_memory() -> tuple[str, str]:
    """Who holds the memory of the GPU, and what to do about other programs there, both as parts of a sentence or empty."""
    try:
        free, total = torch.cuda.mem_get_info()
        ours = torch.cuda.memory_reserved()
    except (RuntimeError, AssertionError):  # no answer from a GPU in trouble; or torch was built without CUDA
        return "", ""
    others = max(total - free - ours, 0)  # the driver's own share among it, less than a GiB
    held = f" ({total / GIB:.1f} GiB: this job holds {ours / GIB:.1f}, other programs {others / GIB:.1f}, {free / GIB:.1f} are free)"
    return held, "end the other programs (nvidia-smi names them), or " if others > GIB else ""
