"""Results on S3: DVC's remote and Snakemake's storage, against moto's server on loopback; it fails, it denies."""

import hashlib
import re
from pathlib import Path

import pytest

from projects import TASKS, Project, checkout, ran
from s3_server import BUCKET, S3

pytestmark = pytest.mark.slow
SECRET, KEY = "owners-secret", "AKIAOWNER"
STAGE = "finetune"  # a dozen files


@pytest.fixture
def s3(tmp_path):
    server = S3(tmp_path)
    yield server
    server.close()


@pytest.fixture
def stored(project, s3) -> Project:
    """A finished project whose remote store is the server; its address is committed, the credentials are in the environment alone."""
    config = project.path / ".dvc/config"
    remote = f"['remote \"store\"']\n    url = s3://{BUCKET}/dvc\n    endpointurl = {s3.url}\n"
    config.write_text(config.read_text().replace("[core]\n", "[core]\n    remote = store\n") + remote)
    project.commit("a remote store")
    return Project(project.path, project.env | s3.environment(KEY, SECRET))


def transfer(project: Project, *words: str, **kw) -> str:
    return project.run("python", "tools/remote.py", *words, **kw)


def without_cache(project: Project) -> None:
    """As on another machine: DVC's cache is empty."""
    settings = project.path / ".dvc/config.local"
    settings.write_text(re.sub(r"dir = .*", f"dir = {project.path.parent / 'empty-cache'}", settings.read_text()))


def puts(s3: S3) -> int:
    return sum(method == "PUT" for method, _ in s3.seen)


def whole(s3: S3) -> int:
    """Everything in the store has the content that its name says; returns how many files that is."""
    bodies = {key: s3.client().get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in s3.names()}
    assert all("".join(key.split("/")[-2:]).split(".")[0] == hashlib.md5(body).hexdigest() for key, body in bodies.items())
    return len(bodies)


def holding(folder: Path, *words: str) -> list[str]:
    """Files below that hold one of the words."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if any(word.encode() in path.read_bytes() for word in words)]


def test_push_clone_pull_and_nothing_is_to_do_and_no_credential_is_left_anywhere(stored, s3, tmp_path):
    said = transfer(stored, "push")
    sent = whole(s3)
    assert f"{sent} files sent" in said and sent > 100
    assert "everything was there already" in transfer(stored, "push")
    stored.git("clone", "-q", str(stored.path), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", stored.env)
    clone.configure(f"[cache]\n    dir = {tmp_path / 'empty-cache'}\n")
    assert "files fetched" in transfer(clone, "pull")
    clone.clean()
    folders = ("data", "models", "results")
    assert clone.digests(*folders) == stored.digests(*folders)
    clone.set("report.alpha", 0.05)
    assert ran(clone.snakemake("all"))["table2"] == 1  # a run with the credentials at hand writes records and logs
    for path in (stored.path, clone.path):
        assert holding(path, s3.url) and not holding(path, SECRET, KEY)


@pytest.mark.parametrize(("fault", "reason"), [("500", "Internal Server Error"), ("cut", "onnect")])
def test_a_server_that_fails_in_the_middle_leaves_nothing_half_and_a_second_push_goes_on(fault, reason, stored, s3):
    s3.fault = lambda method, path: fault if method == "PUT" and puts(s3) > 4 else ""
    (error,) = transfer(stored, "push", STAGE, ok=False).strip().splitlines()
    assert error.startswith(f"error: s3://{BUCKET}/dvc: ") and reason in error and "run again, what has arrived stays" in error
    arrived = whole(s3)
    assert 0 < arrived < 10
    s3.fault = lambda method, path: ""
    before = puts(s3)
    said = transfer(stored, "push", STAGE)
    assert whole(s3) - arrived == puts(s3) - before > 0  # what was there is not sent again
    assert "files sent" in said
    (one, *_) = sorted(name for name in s3.names() if not name.endswith(".dir"))
    s3.fault = lambda method, path: fault if method == "GET" and path.endswith(one) else ""
    networks = stored.path / "models/smoke/finetuned"
    before = stored.digests("models/smoke/finetuned")
    for path in [p for p in networks.rglob("*") if p.is_file()]:
        path.unlink()
    without_cache(stored)
    assert "error: s3://" in transfer(stored, "pull", STAGE, ok=False)
    assert all(before[name] == content for name, content in stored.digests("models/smoke/finetuned").items())
    s3.fault = lambda method, path: ""
    transfer(stored, "pull", STAGE)
    assert stored.digests("models/smoke/finetuned") == before


def test_a_store_that_one_may_not_use_is_said_in_one_sentence(stored, s3):
    def said(*words: str, **variables: str) -> str:
        project = Project(stored.path, stored.env | variables)
        (error,) = transfer(project, *words, ok=False).strip().splitlines()
        return error

    place = f"error: s3://{BUCKET}/dvc: "
    with s3.user("s3:GetObject", "s3:ListBucket") as reader:
        denied = "these credentials give no right to write there; ask the bucket's owner, or use others"
        assert said("push", STAGE, **reader) == place + denied
    assert not s3.names()
    with s3.user() as stranger:
        denied = "these credentials give no right to read there; ask the bucket's owner, or use others"
        without_cache(stored)
        assert said("pull", STAGE, **stranger) == place + denied
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert said("pull", STAGE, **none).startswith(f"{place}no credentials; set AWS_ACCESS_KEY_ID")
    s3.client().delete_bucket(Bucket=BUCKET)
    assert said("pull", STAGE).startswith(f"{place}there is no such bucket")
    assert said("pull", "--remote", "other").startswith("error: no remote store other: dvc remote add --default store")


def test_snakemake_keeps_data_and_results_in_the_store_and_finds_them_there(s3, warm, finished, tmp_path):
    project = checkout(tmp_path / "project", warm, TASKS)
    project = Project(project.path, project.env | s3.environment(KEY, SECRET))
    storage = ["--default-storage-provider", "s3", "--default-storage-prefix", f"s3://{BUCKET}/run"]
    storage += ["--storage-s3-endpoint-url", s3.url, "--"]
    target = "data/smoke/photos/ledger.csv"
    assert set(ran(project.snakemake(*storage, target))) == {"listing", "store", "ledger"}
    assert not (project.path / "data").exists()
    stored = s3.client().get_object(Bucket=BUCKET, Key=f"run/{target}")["Body"].read()
    assert stored == (finished.path / target).read_bytes()
    assert {name.split("/")[1] for name in s3.names()} == {"data", "logs"}  # code, parameters and resources stay here
    assert "Nothing to be done" in project.snakemake("-n", *storage, target)
    assert not holding(project.path, SECRET, KEY)
