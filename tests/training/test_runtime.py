"""Determinism, losses that are no number, and what is said where memory is short."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import aesthetic_pretraining
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.training import runtime

GIB = 2**30


def test_steps_are_seeded_by_their_parts_alone():
    runtime.seed_step("a", 1, 2)
    first = torch.rand(3)
    torch.rand(100)
    runtime.seed_step("a", 1, 2)
    assert torch.equal(torch.rand(3), first)
    runtime.seed_step("a", 12)
    assert not torch.equal(torch.rand(3), first)


def test_a_loss_has_to_be_finite():
    assert runtime.finite(1e30, "rotnet") == 1e30
    for bad in (float("nan"), float("inf")):
        with pytest.raises(UserError, match="rotnet"):
            runtime.finite(bad, "rotnet")


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_said_for_convolutions_and_products_alike(allowed):
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    try:
        runtime.allow_tf32(allowed)
        kinds = torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn
        assert [kind.fp32_precision == "tf32" for kind in kinds] == [allowed] * 3
        # the older questions, which raise where the newer switches were used: Lightning Fabric and ONNX's exporter ask them
        assert torch.get_float32_matmul_precision() == ("high" if allowed else "highest")
        with cudnn.flags(enabled=False, allow_tf32=allowed):
            assert cudnn.allow_tf32 == allowed
        assert cudnn.allow_tf32 == allowed
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32 = before[1]


@pytest.mark.parametrize("tf32", [True, False])
def test_a_gpu_is_told_about_tf32_and_a_cpu_is_not(monkeypatch, tf32):
    told = []
    monkeypatch.setattr(runtime, "allow_tf32", told.append)
    runtime.set_up(1, tf32=tf32)
    assert told == [] or torch.cuda.is_available()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.set_up(1, tf32=tf32).type == "cuda"
    runtime.set_up(1, training=False)
    assert told[-2:] == [tf32, False]


def test_determinism_is_switched_on_without_importing_the_compiler():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, torch; from aesthetic_pretraining.training import runtime; before = set(sys.modules)\nruntime.set_up(1)\n"
         "print(torch.are_deterministic_algorithms_enabled(), torch.get_deterministic_debug_mode(), torch.utils.deterministic.fill_uninitialized_memory)\n"
         "print([m for m in set(sys.modules) - before if m.startswith(('torch._inductor', 'torch._dynamo'))])"],
        env={"PYTHONPATH": str(Path(aesthetic_pretraining.__file__).parents[1])}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["True 2 False", "[]"]


@pytest.mark.parametrize(
    ("free", "ours", "held", "advice"),
    [
        (1, 78, r"this job holds 78\.0, other programs 1\.0, 1\.0 are free", "lower"),
        (
            2,
            8,
            r"this job holds 8\.0, other programs 70\.0, 2\.0 are free",
            r"end the other programs \(nvidia-smi names them\), or lower",
        ),
    ],
)
def test_a_full_gpu_says_who_fills_it(monkeypatch, free, ours, held, advice):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free * GIB, 80 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: ours * GIB)
    with (
        pytest.raises(
            UserError, match=rf"^out of memory of the GPU \(80\.0 GiB: {held}\); {advice} finetune\.batch in params\.yaml$"
        ),
        runtime.out_of_memory("finetune.batch"),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


def test_a_gpu_that_does_not_answer_is_still_a_sentence(monkeypatch):
    def dead():
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "mem_get_info", dead)
    with pytest.raises(UserError, match=r"^out of memory of the GPU; lower x in"), runtime.out_of_memory("x"):
        raise RuntimeError("CUDA error: out of memory")


def test_a_kernel_that_is_not_deterministic_is_a_sentence():
    with (
        pytest.raises(
            UserError, match=r"backbone\.name: .*\(reflection_pad2d_backward_cuda is not deterministic\); choose another"
        ),
        runtime.out_of_memory("x"),
    ):
        raise RuntimeError("reflection_pad2d_backward_cuda does not have a deterministic implementation, but you set ...")
