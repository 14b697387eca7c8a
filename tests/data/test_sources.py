"""Sources: a folder and a tar file with the same files are the same to whoever reads them; listings of photos."""

import io
import os
import tarfile
from importlib import resources

import pytest

from aesthetic_pretraining.data.listing import list_labelled, list_photos, open_set, photo_source
from aesthetic_pretraining.data.sources import Folder, Packages, Tar, decode_text, is_picture, open_source
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.settings.labels import SOURCE_FIELDS, SetSource

FILES = {
    "b.jpg": b"second",
    "a.jpg": b"first" * 1000,
    "with space/a b c.png": b"\0\xff" * 300,
    "deep/er/est/ünï.txt": b"text",
    "empty": b"",
}


@pytest.fixture
def folder(make_folder):
    return make_folder(FILES, "a folder")


@pytest.fixture
def tar(folder, tmp_path):
    with tarfile.open(tmp_path / "a b.tar", "w") as out:
        for name in FILES:
            out.add(folder / name, arcname=name)
        directory = tarfile.TarInfo("deep")
        directory.type = tarfile.DIRTYPE
        out.addfile(directory)
    return tmp_path / "a b.tar"


def test_a_tar_reads_like_its_folder(folder, tar):
    a, b = open_source(folder), open_source(str(tar))
    assert a.names() == b.names() == sorted(FILES)
    assert {name: a.read(name) for name in a.names()} == {name: b.read(name) for name in b.names()} == FILES


def test_reading_in_another_order_and_again(tar):
    source = Tar(tar)
    for name in [*sorted(FILES, reverse=True), *FILES, "a.jpg", "a.jpg"]:
        assert source.read(name) == FILES[name]


@pytest.mark.parametrize("name", ["no.jpg", "with space", "A.JPG"])
def test_a_missing_file(folder, tar, name):
    with pytest.raises(OSError, match="No such file|not a regular file"):
        Folder(folder).read(name)
    with pytest.raises(FileNotFoundError):
        Tar(tar).read(name)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="no such folder") as caught:
        open_source(tmp_path / "photos")
    assert "photos" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_no_folder(make_folder):
    with pytest.raises(UserError, match="no such folder"):
        Folder(make_folder({"x": b""}) / "x")


def test_a_truncated_tar_is_never_read_as_whole(tar, tmp_path):
    (tmp_path / "cut.tar").write_bytes(tar.read_bytes()[:3000])
    with pytest.raises(UserError, match=r"cut\.tar: is not a complete"):
        Tar(tmp_path / "cut.tar")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_in_every_tar_format(tmp_path, form):
    name = "f" * 90 + "/" + "n" * 95 + ".jpg"
    with tarfile.open(tmp_path / "x.tar", "w", format=form) as out:
        for k in range(3):
            member = tarfile.TarInfo(f"{k}{name}")
            member.size = 3
            out.addfile(member, io.BytesIO(b"ab" + str(k).encode()))
    source = Tar(tmp_path / "x.tar")
    assert [source.read(n) for n in source.names()] == [b"ab0", b"ab1", b"ab2"]


@pytest.mark.parametrize(
    ("name", "yes"),
    [("a.jpg", True), ("A.JPEG", True), ("x/y z.Png", True), ("a.tif", True), ("a.webp", True), ("a.bmp", True),
     ("a.txt", False), ("jpg", False), ("a.jpg.part", False), (".a.jpg", False), ("x/._a.jpg", False), ("a.mp4", False)],
)  # fmt: skip
def test_what_counts_as_a_picture(name, yes):
    assert is_picture(name) is yes


def test_packaged_photos_are_the_files_of_the_packages():
    source = Packages()
    names = source.names()
    assert names == sorted(set(names))
    assert all(map(is_picture, names))
    assert source.read("skimage/chelsea.png") == (resources.files("skimage") / "data" / "chelsea.png").read_bytes()
    assert source.read("sklearn/china.jpg") == (resources.files("sklearn") / "datasets" / "images" / "china.jpg").read_bytes()
    # two views of one scene would leak from one role into another
    assert "skimage/motorcycle_left.png" in names
    assert "skimage/motorcycle_right.png" not in names
    assert len([n for n in names if n.startswith("interior_photos/")]) == 39
    for name in names[::8]:
        assert source.read(name)[:3] in (b"\xff\xd8\xff", b"\x89PN"), name


def test_list_photos_takes_pictures_only(make_folder):
    root = make_folder({name: b"" for name in ("z.jpg", "a b/c.PNG", "notes.txt", ".hidden.jpg", "a b/._c.PNG")})
    listing = list_photos(["folder"], str(root), 0, 1)
    assert list(listing["id"]) == list(listing["file"]) == ["a b/c.PNG", "z.jpg"]
    assert (
        photo_source(["folder"], str(root)).names()
        == open_set("photos", {"photos.sources": ["folder"], "photos.folder": str(root)}).names()
    )


@pytest.mark.parametrize("files", [{"notes.txt": b""}, {".x.jpg": b""}])
def test_a_folder_without_photos_is_named(make_folder, files):
    with pytest.raises(UserError, match="no photo here") as caught:
        list_photos(["folder"], str(make_folder(files)), 0, 1)
    assert "\n" not in str(caught.value)


def test_the_limit_draws_by_hash(make_folder):
    names = [f"{k}.jpg" for k in range(40)]
    root = str(make_folder(dict.fromkeys(names, b"")))
    drawn = {limit: list(list_photos(["folder"], root, limit, 1)["id"]) for limit in (5, 10, 40, 99)}
    assert len(drawn[5]) == 5
    assert drawn[5] == sorted(drawn[5])
    assert set(drawn[5]) < set(drawn[10]) < set(drawn[40]) == set(drawn[99]) == set(names)
    assert drawn[5] != sorted(names)[:5]
    assert drawn[5] != list(list_photos(["folder"], root, 5, 2)["id"])


def test_a_photo_more_displaces_at_most_one(make_folder):
    names = [f"{k}.jpg" for k in range(20)]
    before = set(list_photos(["folder"], str(make_folder(dict.fromkeys(names, b""))), 8, 1)["id"])
    for k in range(100, 106):
        root = make_folder(dict.fromkeys([*names, f"{k}.jpg"], b""), f"with {k}")
        after = set(list_photos(["folder"], str(root), 8, 1)["id"])
        assert len(before - after) <= 1
        assert after - before <= {f"{k}.jpg"}


def test_a_labelled_set_may_be_a_tar(make_folder, tmp_path):
    root = make_folder(
        {"AVA.txt": "1 7042 0 0 0 0 1 0 0 0 0 0 0 0 3\n2 8001 0 0 0 0 0 1 0 0 0 0 0 0 3\n", "images/7042.jpg": b"x"}
    )
    with tarfile.open(tmp_path / "ava.tar", "w") as out:
        for name in ("AVA.txt", "images/7042.jpg"):
            out.add(root / name, arcname=name)
    entry = SetSource("ava", "ava", 1, 10, 10, folder=str(root))
    real, simulated = list_labelled(entry), list_labelled(entry, str(tmp_path / "ava.tar"))
    assert list(simulated["group"]) == ["7", "8"]  # the photos that they are cut from
    assert real.equals(simulated.drop(columns="group"))
    cfg = {f"sets.ava.{field}": getattr(entry, field) for field in SOURCE_FIELDS}
    assert (
        open_set("ava", cfg).read("images/7042.jpg")
        == open_set("ava", cfg, str(tmp_path / "ava.tar")).read("images/7042.jpg")
        == b"x"
    )


def test_links_to_folders_are_not_followed_and_only_regular_files_are_read(make_folder, caplog):
    root = make_folder({"a.jpg": b"a", "sub/b.jpg": b"b"})
    other = make_folder({"c.jpg": b"c"}, "elsewhere")
    (root / "sub/up").symlink_to("..")
    (root / "again").symlink_to("sub")
    (root / "away").symlink_to(other)
    (root / "out.jpg").symlink_to(other / "c.jpg")
    (root / "in.jpg").symlink_to("sub/b.jpg")
    os.mkfifo(root / "pipe.jpg")
    source = Folder(root)
    assert source.names() == ["a.jpg", "in.jpg", "sub/b.jpg"]
    assert source.read("in.jpg") == b"b"
    assert caplog.messages == [
        f"{root}: 4 links to folders, or to files outside, are not followed, such as 'again'; copy or mount what they lead to"
    ]
    for name, why in (("pipe.jpg", "not a regular file"), ("out.jpg", "leads out"), ("../elsewhere/c.jpg", "leads out")):
        with pytest.raises(OSError, match=why):
            source.read(name)


def test_the_folder_itself_may_be_a_link(make_folder, tmp_path):
    root = make_folder({"a.jpg": b"a", "sub/b.jpg": b"b"})
    (tmp_path / "link").symlink_to(root)
    source = Folder(tmp_path / "link")
    assert source.names() == ["a.jpg", "sub/b.jpg"]
    assert source.read("sub/b.jpg") == b"b"


def test_a_subfolder_that_cannot_be_read_is_named(make_folder, monkeypatch):
    """By a stand-in for the kernel's answer, because root may read everything."""
    root = make_folder({"a.jpg": b"a", "locked/b.jpg": b"b"})
    real = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UserError, match=r"locked: the folder cannot be read \(Permission denied\); give this user access"):
        Folder(root).names()


@pytest.mark.parametrize("data", [b"PK\x03\x04\xff\xfe\x00" * 9, b"a\0b", "é".encode("utf-16-le")])
def test_what_is_no_text_is_named(data):
    with pytest.raises(UserError, match=r"labels\.txt: is not a text file") as caught:
        decode_text(data, "labels.txt")
    assert "\n" not in str(caught.value)


def test_text_loses_nothing_but_its_last_blank_lines():
    assert decode_text(b"\xef\xbb\xbfa\t\t\r\n\r\nb\t\r\n \t\r\n\r\n", "x") == "a\t\t\n\nb\t\n"
    assert decode_text(b"\n \n", "x") == decode_text(b"", "x") == ""
