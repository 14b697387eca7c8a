"""What make bench-beyond prints where something cannot be measured: every figure that it promises, with a value or why not."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROMISED = {
    *("slurm_smoke_ok", "slurm_overhead_seconds_per_job", "two_node_loss_difference", "thousand_jobs_dry_run_seconds"),
    *("s3_roundtrip_ok", "image_mib"),
}


@pytest.fixture
def bench(monkeypatch):
    """beyond.py as `python benchmarks/beyond.py` finds it, beside its folder of topics."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), str(ROOT / "tests/workflow"), *sys.path])
    spec = importlib.util.spec_from_file_location("bench_beyond", ROOT / "benchmarks/beyond.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def topics(bench):
    names = [path.stem for path in Path(bench.beyond.__path__[0]).glob("[a-z]*.py")]
    return {name: importlib.import_module(f"beyond.{name}") for name in names}


def test_every_promised_figure_is_printed_with_its_value_or_why_it_has_none(bench, monkeypatch, capsys):
    found = topics(bench)
    named = [name for module in found.values() for name in module.FIGURES]
    assert set(named) >= PROMISED and len(named) == len(set(named))
    for module in [found[name] for name in found if name != "slurm"]:
        monkeypatch.setattr(module, "run", lambda figures=module.FIGURES: dict.fromkeys(figures, 2))
    monkeypatch.setattr(found["slurm"], "obstacle", lambda: "only root may start Slurm's daemons")
    monkeypatch.setattr(found["s3"], "run", lambda: sys.exit("the server does not start\nits last words"))
    with pytest.raises(SystemExit, match="failed: s3"):
        bench.main([])
    lines = capsys.readouterr().out.splitlines()
    assert "not measured: slurm_smoke_ok (only root may start Slurm's daemons)" in lines
    assert "not measured: s3_roundtrip_ok (s3 failed: the server does not start)" in lines
    assert "image_mib = 2" in lines
    said = {
        line.removeprefix("not measured: ").split()[0] for line in lines if " = " in line or line.startswith("not measured")
    }
    assert said == set(named)


def test_without_an_image_or_slurm_there_is_a_reason(bench, monkeypatch):
    found = topics(bench)
    monkeypatch.setattr(found["image"].image, "ENGINES", ("no-such-engine",))
    assert found["image"].run() == {"image_mib": "none of no-such-engine is not installed; install one, or name it: --engine"}
    monkeypatch.setattr(found["thousand_jobs"], "obstacle", lambda: "not installed: sbatch")
    reasons = found["thousand_jobs"].through_slurm(Path())
    assert reasons == dict.fromkeys(found["thousand_jobs"].OF_SLURM, "not installed: sbatch")
