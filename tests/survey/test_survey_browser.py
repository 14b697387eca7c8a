"""The survey in a real Chromium: consent, keys and touch, desktop and phone, reload, another device, and no scripts."""

import sqlite3
from urllib.parse import urlsplit

import pytest

DESKTOP = {"viewport": {"width": 1400, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
WAIT = 60_000  # milliseconds, for slow machines

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory, photos):
    from survey_server import Server

    server = Server(tmp_path_factory.mktemp("browser") / "survey.sqlite", photos, {"per-person": 3}).start()
    yield server
    server.kill()


@pytest.fixture
def page_of(chromium):
    """Factory: options of a browser's context -> a page; at the end, nothing went wrong in it and no other server was asked."""
    contexts, wrong, hosts = [], [], set()

    def make(**options):
        context = chromium.new_context(**options)
        context.set_default_timeout(WAIT)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        return page

    yield make
    for context in contexts:
        context.close()
    assert not wrong and hosts <= {"127.0.0.1"}


def begin(page, server):
    page.goto(server.url)
    page.get_by_label("I have read this and agree to take part").check()
    page.get_by_role("button", name="Begin").click()
    ready(page)


def ready(page):
    """Both images are there, and may be answered."""
    playwright.expect(page.locator(".pair button:enabled")).to_have_count(2, timeout=WAIT)


def key(page):
    return page.locator("[name=shown]").get_attribute("value")


def choices(server, *keys):
    db = sqlite3.connect(server.database)
    found = dict(db.execute("SELECT key, choice FROM shown").fetchall())
    db.close()
    return [found[k] for k in keys]


def go_on(page, before):
    """Wait for the pair after `before`."""
    playwright.expect(page.locator("[name=shown]")).not_to_have_value(before, timeout=WAIT)


def fits(page):
    """Both versions are whole on the screen, without scrolling, equally large, and not on top of each other."""
    width, height = page.viewport_size["width"], page.viewport_size["height"]
    boxes = [page.locator(".pair button").nth(k).bounding_box() for k in (0, 1)]
    for box in boxes:
        assert box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= height
    assert [boxes[0][side] for side in ("width", "height")] == pytest.approx(
        [boxes[1][side] for side in ("width", "height")], abs=0.5
    )
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [width, height]
    return boxes


def test_consent_keys_reload_and_the_end_on_a_desktop(server, page_of):
    page = page_of(**DESKTOP)
    page.goto(server.url)
    page.get_by_role("button", name="Begin").click()  # without the tick, which the browser asks for
    assert urlsplit(page.url).path == "/"
    begin(page, server)
    boxes = fits(page)
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    first = key(page)
    page.reload()
    ready(page)
    assert key(page) == first
    page.keyboard.press("ArrowLeft")
    go_on(page, first)
    ready(page)
    second = key(page)
    page.keyboard.press("Control+2")  # not an answer
    page.keyboard.press("2")
    go_on(page, second)
    ready(page)
    third = key(page)
    assert page.locator(".count").inner_text() == "3 of 3"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the second version has the focus
    page.get_by_role("heading", name="Thank you").wait_for()
    assert choices(server, first, second, third) == [1, 2, 2]
    page.go_back()  # to a pair that is answered: the browser is sent on
    page.reload()
    assert page.get_by_text("You have answered all 3 pairs").is_visible()


def test_touch_on_a_phone_and_the_rest_in_another_browser(server, page_of):
    page = page_of(**PHONE)
    page.goto(server.url)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    begin(page, server)
    boxes = fits(page)
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"] and boxes[0]["width"] > 350
    first = key(page)
    page.locator(".pair button").nth(1).tap()
    go_on(page, first)
    ready(page)
    assert choices(server, first) == [2]
    second = key(page)
    page.get_by_role("link", name="Pause").tap()
    code = page.locator(".code").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    other = page_of(**DESKTOP)
    other.goto(server.url)
    other.get_by_text("Go on with a code").click()
    other.get_by_label("Your code").fill(code.upper())
    other.get_by_role("button", name="Go on").click()
    ready(other)
    assert key(other) == second
    other.get_by_role("button", name="The first version").click()
    go_on(other, second)
    assert choices(server, second) == [1]


def test_a_double_click_is_one_answer(server, page_of):
    page = page_of(**DESKTOP)
    begin(page, server)
    first = key(page)
    page.locator(".pair button").first.dblclick()
    go_on(page, first)
    ready(page)
    assert choices(server, first, key(page)) == [1, None]


def test_without_scripts(server, page_of):
    page = page_of(**DESKTOP, java_script_enabled=False)
    page.goto(server.url)
    page.get_by_label("I have read this and agree to take part").check()
    page.get_by_role("button", name="Begin").click()
    first = key(page)
    page.get_by_role("button", name="The second version").click()
    page.get_by_text("2 of 3").wait_for()
    assert choices(server, first) == [2] and key(page) != first


def test_answers_are_deleted_where_somebody_wants_it(server, page_of):
    page = page_of(**PHONE)
    begin(page, server)
    first = key(page)
    page.get_by_role("link", name="Pause").tap()
    page.get_by_text("Delete my answers").tap()
    page.get_by_label("Delete all of my answers").check()
    page.get_by_role("button", name="Delete").tap()
    page.get_by_text("Your answers have been deleted").wait_for()
    with pytest.raises(KeyError):
        choices(server, first)
