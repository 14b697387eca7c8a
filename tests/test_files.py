"""Files: whole or not there, also when the process is killed; seeds that every process agrees on."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from limits import limit

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path, sha256, write_json, write_text
from aesthetic_pretraining.seeding import seeded_int


def python(project, code, *args, **options):
    """A fresh Python that sees the package."""
    env = {**os.environ, "PYTHONPATH": str(project / "src"), **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)], env=env, text=True, stdout=subprocess.PIPE, **options
    )


def test_the_file_appears_only_at_the_end(tmp_path):
    path = tmp_path / "new" / "folder" / "table.csv"
    with atomic_path(path) as tmp:
        tmp.write_text("a,b\n")
        assert not path.exists()
        assert tmp.suffix == ".csv"
        assert tmp.parent == path.parent
    assert path.read_text() == "a,b\n"
    assert [p.name for p in path.parent.iterdir()] == ["table.csv"]


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with atomic_path(path) as tmp:
        tmp.write_text("ne")
        assert path.read_text() == "old"
        tmp.write_text("new")
    assert path.read_text() == "new"


def test_who_reads_the_old_file_reads_it_to_its_end(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old content")
    with open(path, "rb", buffering=0) as reader:
        assert reader.read(4) == b"old "
        write_text(path, "new")
        assert reader.read() == b"content"
    assert path.read_text() == "new"


@pytest.mark.parametrize("existed", [True, False])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_error_leaves_nothing_behind(tmp_path, error, existed):
    path = tmp_path / "x.txt"
    if existed:
        path.write_text("old")

    def write():
        with atomic_path(path) as tmp:
            tmp.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == ({"x.txt": "old"} if existed else {})


def test_two_files_of_one_name_but_other_suffix_do_not_meet(tmp_path):
    with atomic_path(tmp_path / "x.tar") as a, atomic_path(tmp_path / "x.csv") as b:
        a.write_text("tar")
        b.write_text("csv")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"x.tar": "tar", "x.csv": "csv"}


@pytest.mark.parametrize("existed", [True, False])
def test_a_killed_writer_leaves_no_half_file(tmp_path, project, existed):
    path = tmp_path / "x.txt"
    if existed:
        path.write_text("old")
    code = """
import sys, time
from aesthetic_pretraining.files import atomic_path
with atomic_path(sys.argv[1]) as tmp, open(tmp, "w") as file:
    file.write("half")
    file.flush()
    print(tmp, flush=True)
    time.sleep(60)
"""
    with python(project, code, path) as process:
        tmp = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert open_text(tmp) == "half"  # it was killed in the middle of writing
    assert path.read_text() == "old" if existed else not path.exists()
    write_text(path, "new")
    assert path.read_text() == "new"


def open_text(path):
    with open(path) as file:
        return file.read()


# The test may run as root, whom no permission stops: the child becomes nobody once it is in the folder.
UNPRIVILEGED = """
import os, sys
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import write_text
os.chdir(sys.argv[1])
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    write_text(sys.argv[2], "x")
except Exception as error:
    print(type(error).__name__, error)
"""


def unprivileged(project, folder, path):
    with python(project, UNPRIVILEGED, folder, path) as process:
        return process.communicate(timeout=limit(60))[0]


def test_a_folder_without_write_access_is_named(tmp_path, project):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    said = unprivileged(project, folder, "x.txt")
    assert said.startswith("UserError x.txt: no permission to write here")
    assert len(said.splitlines()) == 1
    assert list(folder.iterdir()) == []


def test_a_folder_that_may_not_even_be_entered_is_named(tmp_path, project):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "locked").mkdir(mode=0o000)
    try:
        assert unprivileged(project, folder, "locked/deeper/x.txt").startswith("UserError locked/deeper/x.txt: no permission")
    finally:
        (folder / "locked").chmod(0o755)


def test_a_librarys_own_error_for_a_folder_without_write_access_is_the_same_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, how: False)  # root may write everywhere
    with pytest.raises(UserError, match="net.pt: no permission to write here"), atomic_path(tmp_path / "net.pt"):
        raise RuntimeError("open file failed with strerror: Permission denied")


def test_another_error_where_one_may_write_is_no_matter_of_permission(tmp_path):
    with pytest.raises(RuntimeError, match="no such kernel"), atomic_path(tmp_path / "net.pt"):
        raise RuntimeError("no such kernel")


def test_a_full_disk_is_a_sentence_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(UserError, match=r"x\.txt: no space left on this disk; free some"), atomic_path(path) as tmp:
        tmp.write_text("half")
        with open("/dev/full", "w") as full:  # the kernel's own device for this error
            full.write("new")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_librarys_own_error_on_a_full_disk_is_the_same_sentence(tmp_path, monkeypatch):
    def write():
        with atomic_path(tmp_path / "deep" / "x.pt"):
            raise RuntimeError("PytorchStreamWriter failed writing file data/1: file write failed")

    with pytest.raises(RuntimeError, match="StreamWriter"):
        write()
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=4096))
    with pytest.raises(UserError, match="no space left"):
        write()


def test_no_file_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "x"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_user_error_passes_through(tmp_path):
    with pytest.raises(UserError, match=r"^row 3$"), atomic_path(tmp_path / "x"):
        raise UserError("row 3")


def test_equal_values_are_equal_json(tmp_path):
    write_json(tmp_path / "a.json", {"b": [1, 2.5, None], "a": "é\n"})
    write_json(tmp_path / "b.json", {"a": "é\n", "b": [1, 2.5, None]})
    a, b = (tmp_path / name for name in ("a.json", "b.json"))
    assert a.read_bytes() == b.read_bytes()
    assert a.read_text().endswith("}\n")
    assert json.loads(a.read_text()) == {"b": [1, 2.5, None], "a": "é\n"}


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.json": "1\n"}


def test_sha256_is_the_published_value(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_text_is_written_as_utf8(tmp_path):
    write_text(tmp_path / "x", "ø€")
    assert (tmp_path / "x").read_bytes() == b"\xc3\xb8\xe2\x82\xac"


def test_seeded_int_is_frozen():
    # from coreutils: printf 'split\x1f1\x1fcat.jpg' | b2sum -l 64; every split and shard depends on it
    assert seeded_int("split", 1, "cat.jpg") == 0x9D247AA1409027EC >> 1
    assert seeded_int("a", 1) == 0x8181C16B4AD83CC1 >> 1


def test_seeded_int_is_the_upper_63_bits_of_blake2b():
    for k in range(200):
        digest = hashlib.blake2b(b"x\x1f" + str(k).encode(), digest_size=8).hexdigest()
        assert seeded_int("x", k) == int(bin(int(digest, 16))[2:].zfill(64)[:63], 2)
        assert 0 <= seeded_int("x", k) < 2**63


def test_seeded_int_is_the_same_in_every_process(project):
    code = "from aesthetic_pretraining.seeding import seeded_int; print(seeded_int('ü', 7, 'b'), hash('b'))"
    said = []
    for seed in ("1", "2"):
        with python(project, code, env={"PYTHONHASHSEED": seed}) as process:
            said.append(process.stdout.read().split())
    assert said[0][0] == said[1][0] == str(seeded_int("ü", 7, "b"))
    assert said[0][1] != said[1][1]  # where hash() differs


def test_seeded_int_keeps_its_parts_apart():
    assert len({seeded_int("a", "bc"), seeded_int("ab", "c"), seeded_int("abc"), seeded_int("a", "b", "c")}) == 4
