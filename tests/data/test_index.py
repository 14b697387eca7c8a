"""The index of tar files against tarfile's own reading, at sizes where a dictionary of names would be felt."""

import io
import pickle
import tarfile
import tracemalloc

import pytest

from aesthetic_pretraining.data.index import Index, stem
from aesthetic_pretraining.errors import UserError


def write(path, files):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_every_file_is_found_in_its_tar(tmp_path):
    first = {"b/x.y.jpg": b"one", "ü" * 90 + ".png": b"two", "a.jpg": b""}
    second = {"c.jpg": b"three" * 400}
    index = Index([write(tmp_path / "0.tar", first), write(tmp_path / "1.tar", second)], stem)
    assert index.names() == sorted(["b/x.y", "ü" * 90, "a", "c"]) and len(index) == 4
    for name, data in (first | second).items():
        assert index.read(name.rpartition(".")[0]) == data
    assert "c" in index and "c.jpg" not in index
    with pytest.raises(KeyError, match="nobody"):
        index.read("nobody")
    assert pickle.loads(pickle.dumps(index)).read("c") == second["c.jpg"]


def test_without_files_nothing_is_found(tmp_path):
    for tars in ([], [write(tmp_path / "0.tar", {})]):
        index = Index(tars)
        assert "a" not in index and index.names() == [] and len(index) == 0


def test_twins_are_named(tmp_path):
    one, other = write(tmp_path / "0.tar", {"x.jpg": b"1", "a.jpg": b"2"}), write(tmp_path / "1.tar", {"a.png": b"3"})
    with pytest.raises(UserError, match=r"1\.tar: has 'a', which .*0\.tar has already; delete it and run again"):
        Index([one, other], stem)
    assert len(Index([one, other])) == 3


def test_a_file_takes_a_few_bytes_of_memory(tmp_path):
    """Twice as many files, 24 bytes more for each; a dictionary of names and places takes 300."""
    kept = []
    for count in (2000, 4000):
        tar = write(tmp_path / f"{count}.tar", {f"a-name-of-usual-length-{k:06d}.jpg": b"" for k in range(count)})
        tracemalloc.start()
        index = Index([tar], stem)
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(index) == count
    assert kept[1] - kept[0] < 2000 * 40
