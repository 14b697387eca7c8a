"""The page of scored photos, in a real browser."""

import re

import numpy as np
import pytest
from small_bundles import make_bundle

from aesthetic_pretraining.use import pages, photos
from aesthetic_pretraining.use.run import Options, score_photos
from aesthetic_pretraining.use.scorer import load

HOSTILE = '"><img src=x onerror=alert(1)>.png'


@pytest.fixture
def out(bundle, make_folder, encode, tmp_path, monkeypatch):
    """Scores of grey photos, whose score rises with their brightness, and of one with a hostile name."""
    files = {f"grey {grey:03}.png": encode(np.full((40, 50, 3), grey, np.uint8)) for grey in range(5, 250, 35)}
    folder = make_folder(files | {HOSTILE: encode(np.full((40, 40, 3), 100, np.uint8)), "broken.png": "x"}, "photos")
    monkeypatch.chdir(folder)
    score_photos(load(bundle), photos.find(["."]), tmp_path / "out", Options(batch=4))
    return tmp_path / "out"


@pytest.fixture
def page(chromium, out):
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.on("dialog", lambda dialog: pytest.fail("a file name ran as a script"))
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or pytest.fail(request.url))
    page.goto((out / "scores.html").as_uri())
    yield page
    page.close()


def names(page):
    return [re.sub(r"^\./", "", text) for text in page.locator(".photo:visible .name").all_inner_texts()]


def test_photos_are_sorted_from_the_highest_score_and_otherwise_as_chosen(page):
    bright_first = [name for name in names(page) if name.startswith("grey")]
    assert bright_first == sorted(bright_first, reverse=True) and len(bright_first) == 7
    page.select_option("#sort", "score")
    assert [name for name in names(page) if name.startswith("grey")] == sorted(bright_first)
    page.select_option("#sort", "-spread")
    spreads = [float(text.split("±")[1]) for text in page.locator(".photo .score").all_inner_texts()]
    assert spreads == sorted(spreads, reverse=True)


def test_photos_are_filtered_by_name_score_and_what_is_off(page):
    page.fill("#name", "GREY 00")
    assert names(page) == ["grey 005.png"]
    page.fill("#name", "")
    page.fill("#from", "4.35")
    assert names(page) == ["grey 215.png"]
    page.fill("#from", "")
    page.select_option("#off", "brightness")
    assert names(page) == ["grey 075.png", "grey 040.png", "grey 005.png"]
    assert page.locator("#count").inner_text() == "3 shown"
    assert page.locator(".photo:visible .off").first.inner_text() == "too dark, about level -4"
    page.select_option("#off", "-")
    assert "grey 005.png" not in names(page) and len(names(page)) == 5


def test_a_hostile_name_is_shown_and_does_nothing(page):
    assert HOSTILE in names(page)
    assert page.locator("img[src=x]").count() == 0


def test_thumbnails_are_the_photos_and_votes_are_drawn_to_scale(page):
    assert page.locator(".photo img").evaluate_all(
        "images => images.every(image => image.naturalWidth === 50 || image.naturalWidth === 40)"
    )
    first = page.locator(".photo").first
    heights = first.locator(".bars i").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().height)")
    told = [int(share) for share in re.findall(r": (\d+) %", first.locator(".bars").get_attribute("aria-label"))]
    assert len(told) == 5 and abs(sum(told) - 100) <= 3
    assert [height / max(heights) for height in heights] == pytest.approx([share / max(told) for share in told], abs=0.05)


def test_the_page_says_what_it_leaves_out_and_how_far_to_trust_it(page):
    said = page.locator("body").inner_text()
    assert "1 file could not be scored: broken.csv says why" in said
    assert "in 50 % of cases (chance: 14 %), measured on 40 photos" in said
    assert "simulated" not in said


def test_a_phone_sees_all_of_it(chromium, out):
    page = chromium.new_page(viewport={"width": 390, "height": 800})
    page.goto((out / "scores.html").as_uri())
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.close()


def test_simulated_votes_are_said_before_anything_else(tmp_path, make_folder, encode):
    folder = make_folder({"a.png": encode(np.full((40, 40, 3), 90, np.uint8))}, "photos")
    score_photos(load(make_bundle(tmp_path / "simulated", simulated=True)), photos.find([folder]), tmp_path / "out")
    assert "These scores mean nothing for your photos" in (tmp_path / "out/scores.html").read_text()


def test_many_photos_are_spread_over_pages_in_order_and_old_pages_go(bundle, make_folder, encode, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "PER_PAGE", 3)
    folder = make_folder(
        {f"{grey:03}.png": encode(np.full((40, 40, 3), grey, np.uint8)) for grey in range(10, 80, 10)}, "photos"
    )
    score_photos(load(bundle), photos.find([folder]), tmp_path / "out", Options(batch=2))
    shown = []
    for name in ("scores.html", "scores-2.html", "scores-3.html"):
        text = (tmp_path / "out" / name).read_text()
        shown += re.findall(r'data-name="[^"]*/(\d+)\.png"', text)
        assert "Scores of all 7 photos" in text
        assert ('href="scores-2.html"' in text) == (name != "scores-2.html")
    assert shown == ["070", "060", "050", "040", "030", "020", "010"]
    for name in ("010", "020", "030", "040"):
        (folder / f"{name}.png").unlink()
    score_photos(load(bundle), photos.find([folder]), tmp_path / "out", Options(again=True))
    assert not list((tmp_path / "out").glob("scores-*.html"))
