"""Projects to try the workflow on: copies of this checkout at the smoke scale, one of them run once for all tests."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from limits import limit

from warm import Warm

ROOT = Path(__file__).resolve().parents[2]
ENV = {
    # compiled modules are kept, and copied with a project
    **{k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "AESTHETIC_", "PYTEST_", "PYTHONPATH", "GIT_", "PYTHONDONTWRITE"))},
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
}  # fmt: skip
# what to put before a command that root runs, so that rights of files count for it, too; nothing for other users
AS_USER = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    if os.geteuid() == 0
    else []
)
needs_setpriv = pytest.mark.skipif(bool(AS_USER) and not shutil.which("setpriv"), reason="neither a user nor setpriv")
TASKS = ["ranking_regression", "rotnet"]  # Figures 3 to 5 need the first


@dataclass
class Project:
    """A checkout in a temporary folder, and the environment that programs run in there."""

    path: Path
    env: dict[str, str]

    def run(self, *command: str, ok: bool = True) -> str:
        """Run a command there; returns what it printed. Fails the test if it fails (or, with ok=False, if it does not)."""
        done = subprocess.run(
            command, cwd=self.path, env=self.env, capture_output=True, text=True, timeout=limit(900), check=False
        )
        out = done.stdout + done.stderr
        assert (done.returncode == 0) == ok, f"{' '.join(command)} ended with {done.returncode}:\n{out[-4000:]}"
        return out

    def snakemake(self, *args: str, **kw) -> str:
        return self.run("snakemake", "--cores", "2", *args, **kw)

    def dvc(self, *args: str, **kw) -> str:
        return self.run("dvc", *args, **kw)

    def git(self, *args: str, **kw) -> str:
        return self.run("git", *args, **kw)

    def commit(self, message: str = "state") -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def set(self, key: str, value: object) -> None:
        """Change one value of params.yaml, for the smoke scale where it differs by scale."""
        path = self.path / "params.yaml"
        params = yaml.safe_load(path.read_text())
        *parents, last = key.split(".")
        for node in (params["scales"]["smoke"], params):
            for parent in parents:
                node = node.get(parent, {})
            if last in node:
                node[last] = value
                path.write_text(yaml.safe_dump(params, sort_keys=False))
                return
        raise KeyError(key)

    def add_set(self, name: str, **values: object) -> None:
        """Describe one more labelled set, which is like KonIQ-10k but for these values."""
        path = self.path / "params.yaml"
        params = yaml.safe_load(path.read_text())
        params["sets"][name] = params["sets"]["koniq10k"] | values
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def clean(self, *stages: str) -> None:
        """Both tools have nothing to do, for these stages or for all."""
        assert "up to date" in self.dvc("status", *stages)
        out = self.snakemake("-n", *(f"stage_{stage}" for stage in stages))
        assert "Nothing to be done" in out, out[-4000:]

    def configure(self, text: str) -> None:
        """Add to DVC's local configuration; starting dvc for it would cost seconds."""
        with open(self.path / ".dvc/config.local", "a") as file:
            file.write(text)

    def digests(self, *folders: str) -> dict[str, bytes]:
        """Contents of the files below, the records of how they were made among them."""
        files = [f for folder in folders for f in (self.path / folder).rglob("*") if f.is_file()]
        return {str(f.relative_to(self.path)): f.read_bytes() for f in files}

    def copy(self, path: Path) -> "Project":
        """The same state in another folder; shutil keeps the times of modification, which Snakemake's records hold."""
        shutil.copytree(self.path, path, symlinks=True)
        return Project(path, self.env)


def ran(output: str) -> Counter:
    """{rule: finished jobs} in the output of Snakemake or of DVC driving it; targets without a script do not count."""
    found = Counter(re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", output))
    return Counter({rule: n for rule, n in found.items() if rule != "all" and not rule.startswith("stage_")})


def checkout(path: Path, env: dict[str, str], tasks: list[str] | None = None) -> Project:
    """What git would clone of this working tree, at the smoke scale, as a repository of its own; `tasks` alone if given."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/") and name not in ("dvc.lock", "results/machine.txt"):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, path / name)
    params = path / "params.yaml"
    params.write_text(re.sub(r"^scale: \w+", "scale: smoke", params.read_text(), flags=re.M))
    project = Project(path, env)
    if tasks is not None:
        project.set("pretrain.tasks", tasks)
    project.git("init", "-q")
    project.configure(f"[cache]\n    dir = {path.parent / f'{path.name}-cache'}\n")
    project.commit()
    return project


def shared(tmp_path_factory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of the project that make(path) makes, once for all processes of a parallel test run: the first to come makes it."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{place}.lock"):
        if not (place / "done").exists():
            assert not place.exists(), f"another test process failed to make the {name} project"
            make(place / "project")
            (place / "done").touch()
    return place / "project"


@pytest.fixture(scope="session")
def warm(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment in which python, snakemake and dvc start without importing anew what is not the project's."""
    programs = Warm(tmp_path_factory.mktemp("warm"))
    yield ENV | {"PATH": os.pathsep.join([str(programs.bin), ENV["PATH"]])}
    programs.close()


@pytest.fixture(scope="session")
def finished(tmp_path_factory, warm) -> Project:
    """A project in which `snakemake all` has run once and everything is committed; tests take copies of it.

    Its jobs are forks of `warm`, which saves a minute and a half; `make demo`, which CI runs first, gives every script a Python of
    its own. Two of the five pretext tasks are trained in it.
    """

    def make(path: Path) -> None:
        project = checkout(path, warm, TASKS)
        assert "dvc: recorded" in project.snakemake("all")
        project.commit("results")

    return Project(shared(tmp_path_factory, "finished", make), warm)


@pytest.fixture(scope="session")
def pulled(finished, warm, tmp_path_factory) -> Project:
    """A fresh clone of the finished project that got its artifacts from a remote; tests take copies of it."""

    def make(path: Path) -> None:
        remote = f"[core]\n    remote = here\n['remote \"here\"']\n    url = {path.parent / 'remote'}\n"
        origin = finished.copy(path.parent / "origin")
        origin.configure(remote)
        origin.dvc("push", "-q")
        origin.git("clone", "-q", str(origin.path), str(path))
        clone = Project(path, warm)
        clone.configure(remote)
        clone.dvc("pull", "-q")

    return Project(shared(tmp_path_factory, "pulled", make), warm)


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A copy of the finished project."""
    return finished.copy(tmp_path / "project")
