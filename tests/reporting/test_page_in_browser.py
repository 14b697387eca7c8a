"""The report page in a real Chromium: nothing is refused by its policy, links open what is closed, claims sort and filter, phones fit."""

import pytest
from test_report import write

from aesthetic_pretraining.reporting.captions import CAPTIONS

LONG = "Pretraining with a very long claim, which goes on and on in words that nobody reads at a glance; " * 2
CLAIMS = f"""id,place,claim,published,value,ours,verdict,reason,note
a,section 1,zebra,9 %,,0.1,within noise,,x
b,section 2,apple,10 %,,0.2,reproduced,,x
c,section 3,{LONG.replace(",", "")},2 %,,0.3,not reproduced,simulated votes,x
table2.imagenet.epochs,Table 2,ImageNet: Epochs,147,12,12,not trained,,x
"""
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    write(folder, claims=CLAIMS)
    return (folder / "report.html").as_uri()


@pytest.fixture
def opened(chromium, address):
    """A function that opens the page in a window; at the end, nothing may have been complained about."""
    said, pages = [], []

    def open_page(size=DESK, mark="", **options):
        page = chromium.new_page(viewport=size, **options)
        pages.append(page)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address + mark)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert said == []


def shown(page):
    return (
        page.locator("table.claims")
        .first.locator("tbody tr:visible")
        .evaluate_all("rows => rows.map(row => row.cells[0].textContent)")
    )


def test_a_link_opens_the_closed_section_that_it_points_to(opened):
    page = opened()
    section = page.locator("#heatmap")
    assert section.get_attribute("open") is None
    page.click('nav a[href="#heatmap"]')
    assert section.get_attribute("open") == ""
    assert page.locator("#heatmap img").is_visible()
    assert opened(mark="#overview").locator("#overview img").is_visible()  # an address with a mark, too


def test_claims_sort_by_any_column_in_both_directions(opened):
    page = opened()
    assert [text[:5] for text in shown(page)] == ["zebra", "apple", "Pretr"]
    published = page.locator("table.claims").first.get_by_role("button", name="published")
    published.click()
    assert [text[:5] for text in shown(page)] == ["Pretr", "zebra", "apple"]  # 2, 9, 10 %: as numbers
    published.click()
    assert [text[:5] for text in shown(page)] == ["apple", "zebra", "Pretr"]
    assert page.locator("table.claims").first.locator('th[aria-sort="descending"]').inner_text().startswith("published")
    page.get_by_label("Order").first.select_option("verdict")
    assert [text[:5] for text in shown(page)] == ["apple", "Pretr", "zebra"]  # for, against, neither


def test_claims_filter_by_words_and_by_verdict(opened):
    page = opened()
    page.get_by_label("Search").first.fill("ZEB")
    assert shown(page) == ["zebra"]
    assert page.locator("output").first.inner_text() == "1 of 3 claims"
    page.get_by_label("Search").first.fill("")
    page.get_by_label("Verdict").first.select_option("reproduced")
    assert shown(page) == ["apple"]


def test_long_claims_are_folded(opened):
    page = opened()
    fold = page.locator("table.claims details.fold")
    assert fold.count() == 1 and fold.get_attribute("open") is None
    fold.locator("summary").click()
    assert fold.get_attribute("open") == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_verdict_comes_first_and_nothing_is_wider_than_the_screen(opened, scheme):
    page = opened(PHONE, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for card in page.locator("table.claims").first.locator("tbody tr").all():
        box, verdict = card.bounding_box(), card.locator(".verdict").bounding_box()
        others = [cell.bounding_box()["y"] for cell in card.locator("th, td:not(.verdict)").all()]
        assert verdict["y"] < min(others)
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
        assert verdict["x"] + verdict["width"] <= PHONE["width"]


def test_whatever_scrolls_sideways_can_be_reached_by_keyboard(opened):
    page = opened(PHONE)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    lost = page.evaluate("""() => [...document.querySelectorAll('body *')].filter((part) =>
        part.scrollWidth > part.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(part).overflowX)
        && !(part.tabIndex >= 0 && (part.getAttribute('aria-label') || part.getAttribute('aria-labelledby'))))
        .map((part) => part.outerHTML.slice(0, 80))""")
    assert lost == []


def test_every_image_says_what_is_seen_and_not_its_caption(opened):
    texts = {caption.text for caption in CAPTIONS.values()}
    for image in opened().locator("img").all():
        alt = image.get_attribute("alt")
        assert alt and alt not in texts
        assert image.evaluate("image => image.complete && image.naturalWidth > 0")


def test_every_download_arrives_whole(opened):
    page = opened()
    links = page.locator("a[download]")
    assert links.count() == 4
    for link in links.all():
        with page.expect_download() as started:
            link.evaluate("link => link.click()")
        assert started.value.suggested_filename == link.get_attribute("download")
        with open(started.value.path(), "rb") as file:
            assert len(file.read()) > 10


def test_in_print_wide_figures_and_long_claims_are_seen(opened):
    page = opened()
    page.emulate_media(media="print")
    assert page.locator("#heatmap img").is_visible()
    assert not page.locator("nav").is_visible() and not page.locator(".tools").first.is_visible()


def test_names_that_look_like_tags_are_shown_and_run_nothing(chromium, tmp_path):
    tag, script = "<img src=x onerror=alert(1)>", "</style><script>alert(2)</script>"
    write(tmp_path, extra=tag, note=script)
    said = []
    page = chromium.new_page()
    page.on("console", lambda message: said.append(message.text))  # the page's policy would complain of what it stops
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.goto((tmp_path / "report.html").as_uri())
    shown_text = page.inner_text("body")
    page.close()
    assert said == []
    assert tag in shown_text and script in shown_text
