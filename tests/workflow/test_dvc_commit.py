"""What DVC says when it records is heard: a fake dvc in the working folder, which `python -m dvc` finds first."""

import pytest

import dvc_commit

FULL = "ERROR: failed to transfer 'fa72' - [Errno 28] No space left on device: 'results/table2.csv' -> 'cache/fa/26.tmp'"


@pytest.mark.parametrize(
    ("said", "code", "wanted"),
    [
        ("WARNING: 'src/__init__.py' is empty.", 0, "dvc: recorded in dvc.lock"),
        (f"{FULL}\n{FULL}", 0, "dvc: not all is recorded: failed to transfer 'fa72' - [Errno 28] No space left on device"),
        ("", 3, "dvc: not all is recorded: code 3; mend that"),
    ],
)
def test_only_what_dvc_took_whole_is_called_recorded(said, code, wanted, tmp_path, monkeypatch):
    (tmp_path / "dvc").mkdir()
    (tmp_path / "dvc/__init__.py").touch()
    (tmp_path / "dvc/__main__.py").write_text(f"import sys\nprint({said!r}, file=sys.stderr)\nsys.exit({code})\n")
    monkeypatch.chdir(tmp_path)
    told = dvc_commit.commit()
    assert told.startswith(wanted) and "\n" not in told
    if wanted.startswith("dvc: not"):
        assert told.endswith("run 'dvc commit --force'")
