"""Downloads of whole sets: what is fetched, on the record, refused, and gone on with."""

import hashlib
import json
import logging

import pytest
from servers import policy, rows

from aesthetic_pretraining.data.download.batch import DOWNLOAD_COLUMNS, download, download_lists
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import locked


def there(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix == ".jpg"}


LASTING = {
    "dropped": "connection", "truncated": "bytes came|connection", "short_length": "truncated|image", "stall": "no answer",
    "drip": "slower", "html": "web page", "text": "not an image", "403": "HTTP 403", "500": "HTTP 500", "circle": "nowhere",
    "gzip": "compressed",
}  # fmt: skip


HEALED = ["broken_once", "changed", "500_once", "429_once", "429_date", "moved", "wrong_range"]


def test_exactly_the_faulty_ones_are_on_the_record_and_the_rest_is_whole(server, tmp_path, caplog):
    caplog.set_level(logging.INFO, "aesthetic_pretraining")
    table = rows(server, [*LASTING, *HEALED])
    table.loc[len(table)] = {"id": "gone", "file": "gone.jpg", "url": f"{server.url}/ok/gone.jpg", "sha256": ""}
    table.loc[len(table)] = {"id": "nowhere", "file": "nowhere.jpg", "url": "", "sha256": ""}
    result = download(table, tmp_path / "set", policy())
    assert list(result.columns) == DOWNLOAD_COLUMNS
    assert list(result["id"]) == list(table["id"])
    failed = result[result["state"] == "failed"]
    assert list(failed["id"]) == [f"{k}.jpg" for k in range(len(LASTING))] + ["gone", "nowhere"]
    for reason, words in zip(failed["reason"], [*LASTING.values(), "HTTP 404", "no address"]):
        assert any(word in reason for word in words.split("|")), (reason, words)
    good = {f: data for k, (f, data) in enumerate(server.files.items()) if k >= len(LASTING)}
    assert there(tmp_path / "set") == good
    fetched = result[result["state"] == "fetched"].set_index("id")
    assert dict(fetched["sha256"]) == {f: hashlib.sha256(data).hexdigest() for f, data in good.items()}
    assert dict(fetched["bytes"]) == {f: len(data) for f, data in good.items()}
    assert "19 of 32 files are complete, 13 are not" in caplog.text
    # final answers are not asked for again, passing ones as often as allowed
    asked = [path for path, _, _ in server.seen]
    assert asked.count("/403/7.jpg") == asked.count("/html/5.jpg") == 1
    assert asked.count("/500/8.jpg") == 3
    assert {headers["Accept-Encoding"] for _, headers, _ in server.seen} == {"identity"}  # ranges count the file's own bytes


def test_goes_on_in_the_middle_of_a_file_and_of_a_set(server, tmp_path):
    table = rows(server, ["broken_once"])
    with pytest.raises(UserError, match="all failed"):
        download(table[:1], tmp_path, policy(attempts=1, give_up_after=1))
    first = server.files["0.jpg"]
    (part,) = (tmp_path / "parts").glob("*.part")
    assert part.read_bytes() == first[: len(first) // 2]
    download(table[:20], tmp_path, policy())
    again = next(headers for path, headers, _ in server.seen[1:] if "broken_once" in path)
    assert again["Range"] == f"bytes={len(first) // 2}-"
    assert list((tmp_path / "parts").iterdir()) == []
    (tmp_path / "5.jpg").unlink()
    (tmp_path / "6.jpg").write_bytes(b"cut")
    with open(tmp_path / "journal.jsonl", "a") as file:
        file.write('{"id": "7.jpg", "sta')  # a killed run's last line
    before = len(server.seen)
    result = download(table, tmp_path, policy())
    assert there(tmp_path) == server.files
    assert set(result["state"]) == {"fetched"}
    assert sorted(p for p, _, _ in server.seen[before:]) == sorted(f"/ok/{k}.jpg" for k in [5, 6, *range(20, 30)])
    assert download(table, tmp_path, policy()).equals(result)
    assert len(server.seen) == before + 12


def test_a_file_put_there_by_hand_is_checked_and_kept(server, tmp_path):
    (tmp_path / "0.jpg").write_bytes(server.files["1.jpg"])
    result = download(rows(server)[:1], tmp_path, policy())
    assert result["sha256"][0] == hashlib.sha256(server.files["1.jpg"]).hexdigest()
    assert server.seen == []


def test_a_known_digest_is_checked(server, tmp_path):
    digests = [hashlib.sha256(data).hexdigest() for data in server.files.values()]
    digests[3] = digests[4]
    result = download(rows(server, sha256=digests), tmp_path, policy())
    assert list(result["file"][result["state"] == "failed"]) == ["3.jpg"]
    assert "SHA-256" in result["reason"][3]


def test_an_outage_a_long_retry_after_and_a_full_disk_end_it_in_one_sentence(server, tmp_path):
    server.files |= {f"{k}.jpg": b"" for k in range(100, 160)}
    with pytest.raises(UserError, match=r"the last 5 files all failed.*download\.mirror"):
        download(rows(server)[30:], tmp_path / "a", policy(attempts=1, give_up_after=5))
    assert len(server.seen) < 12
    with pytest.raises(UserError, match="asks to wait for 3600 s"):
        download(rows(server, ["429_long"])[:1], tmp_path / "b", policy())
    digest = hashlib.sha256(b"0.jpg").hexdigest()
    (tmp_path / "c/parts").mkdir(parents=True)
    server.files["0.jpg"] *= 20
    part = tmp_path / f"c/parts/{digest}.part"
    part.symlink_to("/dev/full")

    def keep(path, **_):  # drop() would replace the full device by a plain file
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aesthetic_pretraining.data.download.http.drop", keep)
        with pytest.raises(UserError, match=r"/c: cannot be written \(No space left on device\)"):
            download(rows(server)[:1], tmp_path / "c", policy())
    assert there(tmp_path / "c") == {}
    (tmp_path / "d").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="/d: cannot be written"):
        download(rows(server)[:1], tmp_path / "d", policy())


def test_failures_that_are_not_in_a_row_end_nothing(server, tmp_path):
    result = download(rows(server, ["403", "ok"] * 5), tmp_path, policy(workers=1, give_up_after=2))
    assert list(result["state"]) == ["failed", "fetched"] * 5 + ["fetched"] * 20


def test_two_at_once_into_one_folder(server, tmp_path):
    with (
        locked(tmp_path / ".lock", "another download"),
        pytest.raises(UserError, match=r"at work in this folder \(process \d+"),
    ):
        download(rows(server), tmp_path, policy())
    assert server.seen == []
    download(rows(server), tmp_path, policy())  # the lock is let go


@pytest.mark.parametrize(
    ("file", "why"),
    [("../x.jpg", "out of"), ("/x.jpg", "out of"), ("a\\..\\x.jpg", "out of"), ("a\0.jpg", "no file name"),
     ("n" * 300 + ".jpg", "255 bytes")],
)  # fmt: skip
def test_names_that_must_not_be_written(server, tmp_path, file, why):
    with pytest.raises(UserError, match=why) as caught:
        download(rows(server)[:1].assign(file=file), tmp_path, policy())
    assert "\n" not in str(caught.value)
    assert server.seen == []


def test_odd_names_come_as_they_are(server, tmp_path):
    names = ["a b.jpg", "ü/ñ/雪.jpg", "two\nlines.jpg", "n" * 251 + ".jpg", "d" * 200 + "/" + "e" * 100 + ".jpg", "x%2By.jpg"]
    result = download(rows(server)[: len(names)].assign(file=names), tmp_path, policy())
    assert [(tmp_path / name).read_bytes() for name in names] == list(server.files.values())[: len(names)]
    assert set(result["state"]) == {"fetched"}


def test_lists_that_are_not_the_authors_are_refused(server, tmp_path):
    server.files |= dict.fromkeys(["train_set.txt", "val_set.txt", "test_set.txt", "urls.txt"], b"another.jpg\n")
    with pytest.raises(UserError, match=r"train_set\.txt: other bytes than published"):
        download_lists(tmp_path, policy(mirror=server.url, attempts=1))
    assert json.loads((tmp_path / "journal.jsonl").read_text().splitlines()[0])["state"] == "failed"
