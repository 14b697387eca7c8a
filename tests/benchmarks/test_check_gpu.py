"""make check-gpu on a machine without a GPU: what it says, and what it takes for a failure."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from limits import limit

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks/check_gpu.py"
sys.path.append(str(ROOT / "benchmarks"))  # at the end, because some modules there are called as tests' are

import check_gpu  # noqa: E402
from gpu_checks import agreement, engine, memory, rendering, setting, speed  # noqa: E402
from gpu_checks.report import Report  # noqa: E402

from aesthetic_pretraining.distortions import DISTORTIONS  # noqa: E402
from aesthetic_pretraining.training import losses  # noqa: E402

BLOCKS = ["machine", "losses", "steps", "trainers", "engine", "rendering", "bfloat16", "rates", "memory", "live", "hours"]
TASKS = [
    "ranking", "ranking_classification", "ranking_regression", "rotnet", "simclr", "ranking_across_photos", "ranking_consistency",
    "ranking_aspects", "ranking_margin_04", "ranking_margin_06", "finetune", "finetune_per_batch",
]  # fmt: skip
# no test depends on speed: the limits of time are far away
LIMIT = ["--seconds", "3000"]

# Runs the script in a process where something is not as it should be.
HARNESS = """
import runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, {folder!r})
{change}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def call(*arguments, change=None, folder=None):
    """The script's exit status and its lines as {name: value}, on one thread and without a GPU."""
    command = [sys.executable, str(SCRIPT)]
    if change is not None:
        command = [sys.executable, "-c", HARNESS.format(folder=str(SCRIPT.parent), change=change), str(SCRIPT)]
    done = subprocess.run(
        [*command, "--tiny", *LIMIT, *map(str, arguments)],
        cwd=folder, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True, timeout=limit(900),
    )  # fmt: skip
    lines = [line.partition(" = ") for line in done.stdout.splitlines()]
    assert lines and all(middle for _, middle, _ in lines), (done.stdout, done.stderr)
    return done.returncode, {name: value for name, _, value in lines}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One run of all blocks, started somewhere else; (status, lines, folder)."""
    folder = tmp_path_factory.mktemp("check")
    return *call("--out", "gpu.md", "--json", "gpu.json", folder=folder), folder


def test_all_is_well_on_a_cpu_and_every_block_is_there(whole):
    status, lines, _ = whole
    assert status == 0, lines
    assert not [name for name in lines if name.endswith("_error")]
    assert [name.removesuffix("_seconds") for name in lines if name.endswith("_seconds")] == BLOCKS
    assert lines["device"] == "cpu" and "torch finds no GPU here" in lines["no_gpu"]
    assert lines["torch"] == str(torch.__version__).partition("+")[0]


def test_every_task_and_every_style_distortion_is_checked(whole):
    _, lines, _ = whole
    for task in TASKS:
        assert float(lines[f"loss_{task}"]) <= 1e-4
        assert float(lines[f"step_{task}_loss"]) <= 1e-4
        assert lines[f"step_{task}_twice"] == lines[f"loss_{task}_twice"] == "equal"
    for name in (
        "brightness",
        "contrast",
        "saturation",
        "exposure",
        "shadows",
        "highlights",
        "temperature",
        "tint",
        "vibrance",
    ):
        assert float(lines[f"engine_{name}_max"]) <= 1
    assert "jpeg_compression" in lines["engine_on_the_cpu_alone"]
    for name in set(DISTORTIONS) - {"gaussian_noise", "impulse_noise"}:  # which the native engine draws otherwise
        assert float(lines[f"rendering_{name}_max"]) <= 1 and float(lines[f"rendering_{name}_mean"]) <= 0.01
    assert lines["rendering_philox"] == lines["rendering_twice"] == "equal"
    assert float(lines["rendering_rate"]) > 0
    for layout in ("contiguous", "channels_last"):
        for precision in ("float32", "bfloat16"):
            assert float(lines[f"rate_{precision}_{layout}"]) > 0
    assert all(lines[f"trainer_{name}"] == "equal" for name in ("ranking_regression", "rotnet", "simclr", "finetune"))
    assert float(lines["live_0"]) > 0
    assert lines["live_kernels"] == "numba"  # the scale paper's, which this environment has


def test_what_is_written_is_what_was_said(whole):
    _, lines, folder = whole
    rows = json.loads((folder / "gpu.json").read_text())["rows"]
    assert {row["name"]: row["value"] for row in rows} == lines
    page = (folder / "gpu.md").read_text()
    assert page.startswith("## a machine without a GPU\n")
    for name in ("loss_rotnet", "hours_native_float32_all", "hours_device_float32_all"):
        assert f"| `{name}` | {lines[name]} |" in page
    passed = sum(row["state"] == "passed" for row in rows)
    assert lines["checks"].startswith(f"{passed} passed, 0 failed")


@pytest.fixture
def here(capsys, monkeypatch):
    """here(*arguments) -> the script's exit status and its lines, in this process."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def run(*arguments):
        status = check_gpu.main(["--tiny", *LIMIT, *arguments])
        return status, dict(line.split(" = ", 1) for line in capsys.readouterr().out.splitlines())

    yield run
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = True  # torch's own beginning


def test_a_loss_that_a_kernel_refuses_fails_and_the_others_go_on(here, monkeypatch):
    def refused(logits):
        raise RuntimeError("nll_loss2d_forward_out_cuda_template does not have a deterministic implementation")

    monkeypatch.setattr(losses, "rotation_loss", refused)
    status, lines = here("--only", "losses")
    assert status == 1
    assert lines["loss_rotnet_error"].startswith("RuntimeError: nll_loss2d_forward_out_cuda_template")
    assert [name for name in lines if name.endswith("_error")] == ["loss_rotnet_error"] == [lines["failed"]]
    assert lines["loss_simclr_twice"] == "equal"


def test_a_loss_that_is_not_exact_fails_by_its_bound(here, monkeypatch):
    right = losses.nt_xent

    def rough(views, temperature):
        return right(views if views.dtype == torch.float64 else views.bfloat16().float(), temperature)

    monkeypatch.setattr(losses, "nt_xent", rough)
    status, lines = here("--only", "losses")
    assert status == 1
    assert lines["loss_simclr_error"].endswith("is above its bound of 0.0001")
    assert lines["failed"] == "loss_simclr"


def test_a_loss_that_draws_chance_is_not_the_same_twice(here, monkeypatch):
    right, drawn = losses.rotation_loss, torch.Generator().manual_seed(1)
    # 1e-6 is some eight float32 steps of the loss: by chance two draws could be the same number
    monkeypatch.setattr(losses, "rotation_loss", lambda logits: right(logits) + 1e-5 * torch.rand((), generator=drawn))
    status, lines = here("--only", "losses")
    assert status == 1
    assert lines["loss_rotnet_twice"] == "differs" and lines["failed"] == "loss_rotnet_twice"


def test_a_step_whose_gradients_are_another_losss_fails(monkeypatch):
    """In float32 alone, as a wrong kernel would be."""
    right = agreement.loss_of

    def other(name, every, count, device, dtype):
        loss = right(name, every, count, device, dtype)
        return loss if dtype == torch.float64 else lambda outputs: loss({k: 1.01 * out for k, out in outputs.items()})

    monkeypatch.setattr(agreement, "loss_of", other)
    monkeypatch.setattr(agreement, "names", lambda: ["simclr", "rotnet"])
    report = Report()
    agreement.steps(report, setting.Setting(torch.device("cpu"), setting.TINY, Path()))
    assert report.named("failed") == ["step_rotnet_loss"]  # SimCLR's loss knows no scale


def test_the_rounding_of_tf32_does_not_pass_for_float32(monkeypatch):
    """Factors of convolutions rounded to 10 bits, as a card would unless told otherwise."""
    right = torch.nn.functional.conv2d

    def rounded(x):
        return ((x.detach().view(torch.int32) + 4096) & -8192).view(torch.float32) - x.detach() + x  # the slope is x's

    def conv2d(x, weight, *rest):
        return right(rounded(x), rounded(weight), *rest) if x.dtype == torch.float32 else right(x, weight, *rest)

    monkeypatch.setattr(torch.nn.functional, "conv2d", conv2d)
    monkeypatch.setattr(agreement, "names", lambda: ["ranking_regression", "simclr", "finetune"])
    report = Report()
    agreement.steps(report, setting.Setting(torch.device("cpu"), setting.TINY, Path()))
    failed = {name for name in report.named("failed") if name.endswith("_loss")}
    assert failed == {"step_ranking_regression_loss", "step_simclr_loss", "step_finetune_loss"}


class Card(setting.Setting):
    """A CPU that is taken for a GPU, to walk the ways of one."""

    cuda = True


def test_the_ways_of_a_gpu_can_be_walked(monkeypatch, tmp_path):
    """No kernel of a GPU runs here; but the lines are there, and memory that does not suffice is told, not an error."""
    for name, answer in {
        "is_bf16_supported": True, "empty_cache": None, "reset_peak_memory_stats": None, "synchronize": None,
        "max_memory_allocated": 3 * 2**30, "max_memory_reserved": 4 * 2**30,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, lambda *args, answer=answer, **kwargs: answer)
    monkeypatch.setattr(agreement, "names", lambda: ["rotnet", "finetune"])
    monkeypatch.setattr(memory, "step_of", lambda network, pictures, team: lambda: None)
    where, report = Card(torch.device("cpu"), setting.TINY, tmp_path), Report()
    report.run("steps", lambda: agreement.steps(report, where), 3000)
    report.run("engine", lambda: engine.engine(report, where), 3000)
    report.run("rendering", lambda: rendering.rendering(report, where), 3000)
    report.run("bfloat16", lambda: agreement.bfloat16(report, where), 3000)
    report.run("memory", lambda: memory.memory(report, where), 3000)
    assert not report.named("failed") and not report.named("skipped")
    assert report.figures["rendering_gaussian_noise_max"] == report.figures["rendering_defocus_blur_max"] == 0
    assert {"step_rotnet_float64", "step_finetune_float64", "memory_bfloat16_recompute_gib"} <= {
        row.name for row in report.rows
    }
    assert report.figures["memory_float32_gib"] == 3 and report.figures["memory_float32_reserved_gib"] == 4

    def small_card(network, photos, where, team):
        if photos > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 1.0 + 2.0 * photos, 0.0, 1.0  # GiB

    monkeypatch.setattr(memory, "peak", small_card)
    memory.of_joint_batch(report, "small", None, where, None)
    assert report.figures["memory_small_gib"] == 17  # 1 + 2 x 8
    assert report.rows[-1].value.startswith("no;")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    agreement.bfloat16(report, where)
    assert report.rows[-1].name == "bfloat16_skipped"


def test_a_machine_that_has_torch_alone_is_checked_as_far_as_that_goes():
    change = """
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"cv2", "pandas", "scipy", "safetensors", "yaml", "ruamel", "pydantic", "timm", "lightning_fabric", "snakemake", "dvc"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Nothing())
"""
    status, lines = call("--only", "machine", "losses", "trainers", "engine", "rendering", "live", "hours", change=change)
    assert status == 0, lines
    assert lines["packages_skipped"].startswith("cv2, pandas, scipy, safetensors")
    assert float(lines["loss_ranking"]) <= 1e-4
    assert float(lines["engine_shadows_max"]) <= 1
    assert lines["rendering_philox"] == "equal" and lines["rendering_skipped"].startswith("needs the package ")
    assert lines["live_0_skipped"] == "needs the package cv2, which is not installed"
    assert lines["trainers_skipped"] == lines["hours_skipped"] == "needs the package yaml, which is not installed"


def test_a_rate_is_taken_of_as_many_pictures_as_fit(monkeypatch):
    tried = []

    def full(call, device, at_least):
        tried.append(call)
        if len(tried) < 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 0.5

    monkeypatch.setattr(speed, "seconds_of", full)
    where = setting.Setting(torch.device("cpu"), setting.TINY, Path())
    assert speed.rate(torch.nn.Identity(), where, torch.channels_last, "float32") == 1 / 0.5  # of 4, of 2, of 1 picture


def test_live_input_is_measured_with_the_paper_scales_kernels_where_they_are_installed(monkeypatch):
    assert speed.live_kernels() == "numba"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert speed.live_kernels() == "torch"


def test_made_up_pictures_are_the_same_at_every_call():
    assert torch.equal(setting.blobs(4, 32), setting.blobs(4, 32))
    assert (setting.photo(1, 48, 32) == setting.photo(1, 48, 32)).all() and (
        setting.photo(1, 48, 32) != setting.photo(2, 48, 32)
    ).any()


def test_the_engine_check_sees_a_wrong_formula(monkeypatch):
    """Against a formula that looks to one side, which the mirrored photo tells."""
    monkeypatch.setattr(
        engine.style, "brightness", lambda photo, values: photo.codes.roll(1, 2)[None].repeat(len(values), 1, 1, 1)
    )
    report = Report()
    where = setting.Setting(torch.device("cpu"), setting.TINY, Path())
    engine.engine(report, where)
    assert "engine_brightness_max" in report.named("failed")
    assert "engine_contrast_max" in report.named("passed")


def test_the_rendering_check_sees_other_levels(monkeypatch):
    """Two levels too dark."""
    right = rendering.render
    monkeypatch.setattr(rendering, "render", lambda parcels: right(parcels) - (right(parcels) > 0).to(torch.uint8) * 2)
    report = Report()
    rendering.rendering(report, setting.Setting(torch.device("cpu"), setting.TINY, Path()))
    assert {"rendering_anchors_max", "rendering_tint_mean"} <= set(report.named("failed"))
    assert "rendering_philox" in report.named("passed")
