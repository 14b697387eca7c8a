"""The page that scores photos by itself, in a real Chromium with onnxruntime-web, against Python."""

import functools
import http.server
import io
import shutil
import subprocess
import tarfile
import threading

import numpy as np
import pytest
from PIL import Image
from small_bundles import make_bundle

from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.data.sources import Packages
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.use import browser
from aesthetic_pretraining.use.browser import write_browser
from aesthetic_pretraining.use.bundle import read_bundle
from aesthetic_pretraining.use.scorer import load

# points of a scale of 1 to 5: lossless photos, and JPEG, of which Python decodes large ones at a fraction of their size
LOSSLESS, JPEG = 0.005, 0.03


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """onnxruntime-web's files, from the cache or by npm."""
    if not browser.kept().is_file() and shutil.which("npm") is None:
        pytest.skip("no npm on this machine, and onnxruntime-web was not fetched before")
    try:
        return browser.fetch(tmp_path_factory.mktemp("runtime"))
    except UserError as error:
        if "npm could not fetch" in str(error) or "npm took longer" in str(error):
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("small") / "bundle")


@pytest.fixture(scope="module")
def site(small, runtime, tmp_path_factory):
    """(address, requests) of the page, served on loopback."""
    folder, asked = tmp_path_factory.mktemp("site"), []
    write_browser(read_bundle(small), folder, runtime)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append((self.command, self.path))

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(chromium, site):
    page = chromium.new_page()
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(site[0])
    page.wait_for_selector("body[data-ready]", timeout=120_000)
    yield page
    page.close()


def scored(page, files):
    """What the page says about files {name: bytes}."""
    page.set_input_files("#files", [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files.items()])
    page.wait_for_selector("#save:not([disabled])", timeout=120_000)
    return {row["file"]: row for row in page.evaluate("() => scored")}


def test_the_browser_gives_pythons_scores_and_explanations(page, small, encode):
    packages = Packages()
    chosen = [name for name in packages.names() if name.startswith(("skimage", "sklearn"))]
    files = {name.replace("/", "_"): packages.read(name) for name in chosen}
    turned = Image.Exif()
    turned[0x0112] = 6
    china = Image.open(io.BytesIO(packages.read("sklearn/china.jpg")))
    files |= {"dark.png": encode(np.full((50, 70, 3), 9, np.uint8)), "turned.png": encode(china, exif=turned)}
    files["clear.png"] = encode(Image.new("RGBA", (60, 40), (255, 0, 0, 0)))
    found, scorer = scored(page, files), load(small)
    assert len(found) == len(files) >= 10
    for name, data in files.items():
        mine = scorer.scores([scorer.letterboxed(data)[0]])[0]
        assert found[name]["score"] == pytest.approx(mine.score, abs=LOSSLESS if name.endswith("png") else JPEG), name
        assert found[name]["spread"] == pytest.approx(mine.spread, abs=JPEG)
        assert found[name]["explanation"] == mine.explanation
    assert found["dark.png"]["explanation"] == "too dark, about level -4"


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 301), (64, 64), (40, 25), (97, 640), (32, 32)])
def test_the_letterbox_is_pythons_within_one_code(page, make_photo, width, height):
    photo = make_photo(width, width, height)
    rgba = np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)]).ravel().tolist()
    planes = page.evaluate(
        "([data, width, height]) => Array.from(letterbox({data: Uint8ClampedArray.from(data), width, height}, 32))",
        [rgba, width, height],
    )
    mine = letterbox(photo, 32).transpose(2, 0, 1).ravel().astype(int)
    assert np.abs(np.array(planes) - mine).max() <= 1


def test_files_that_are_no_photo_are_listed_with_their_reason(page, encode, make_photo):
    strip = encode(np.zeros((10, 300, 3), np.uint8))
    rows = scored(page, {"a.png": b"no image", "b.png": strip, "c.png": encode(make_photo(1))})
    assert rows["a.png"]["unreadable"] == "not an image that this browser can read"
    assert rows["b.png"]["unreadable"] == "300 x 10 pixels are a strip, not an image"
    assert page.locator("#broken li").count() == 2 and page.locator(".photo").count() == 1


def test_nothing_leaves_the_page(page, site, encode, make_photo):
    """No request but for its own files, all without content; and its policy forbids others even to a script inside."""
    scored(page, {"a.png": encode(make_photo(1))})
    assert {url for url in page.asked if not url.startswith((site[0], "blob:", "data:"))} == set()
    assert {method for method, _ in site[1]} == {"GET"}
    other = site[0].replace("127.0.0.1", "localhost")
    told = page.evaluate("(url) => fetch(url).then(() => 'sent', () => 'refused')", other)
    assert told == "refused"
    assert not [path for _, path in site[1] if "?" in path]


def test_a_page_with_simulated_votes_says_so(chromium, runtime, site, page):
    assert page.locator("#simulated").is_hidden()
    assert page.locator("#model").inner_text() == "by-hand"


def test_a_folder_without_the_runtime_and_a_package_that_is_another(small, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"has no ort\.wasm\.min\.mjs; name the folder dist"):
        write_browser(read_bundle(small), tmp_path / "out", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="needs npm"):
        write_browser(read_bundle(small), tmp_path / "out")


FAKE = """#!/bin/sh
[ "$*" = "pack --silent --ignore-scripts onnxruntime-web@{version}" ] || exit 3
{action}
"""


def fake_npm(folder, monkeypatch, action):
    folder.mkdir()
    (folder / "npm").write_text(FAKE.format(version=browser.VERSION, action=action))
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))


def test_what_npm_fetches_is_checked_kept_and_not_fetched_again(small, tmp_path, monkeypatch):
    package = tmp_path / "package.tgz"
    with tarfile.open(package, "w:gz") as tar:
        for name in browser.RUNTIME:
            info = tarfile.TarInfo(f"package/dist/{name}")
            info.size = 4
            tar.addfile(info, io.BytesIO(b"code"))
    fake_npm(tmp_path / "bin", monkeypatch, f'cp "{package}" . && echo one >> "{tmp_path}/calls"')
    with pytest.raises(UserError, match=r"has the SHA-512 .* do not use it"):
        write_browser(read_bundle(small), tmp_path / "out")
    assert not browser.kept().exists() and not (tmp_path / "out" / browser.RUNTIME[0]).exists()
    digest = subprocess.run(
        ["sh", "-c", f"sha512sum '{package}' | cut -d ' ' -f 1 | xxd -r -p | base64 -w 0"], capture_output=True, text=True
    )
    monkeypatch.setattr(browser, "SHA512", digest.stdout)
    for _ in range(2):
        write_browser(read_bundle(small), tmp_path / "out")
    assert (tmp_path / "out" / browser.RUNTIME[0]).read_bytes() == b"code"
    assert (tmp_path / "calls").read_text() == "one\n" * 2  # the refused one, and one more


def test_an_npm_that_fails_is_said(small, tmp_path, monkeypatch):
    fake_npm(tmp_path / "bin", monkeypatch, "echo no such registry >&2; exit 1")
    with pytest.raises(UserError, match=r"npm could not fetch onnxruntime-web .* \(no such registry\)"):
        write_browser(read_bundle(small), tmp_path / "out")
