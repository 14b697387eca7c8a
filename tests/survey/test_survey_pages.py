"""What the server says to whom, over real connections: every refusal is one sentence and changes nothing."""

import http.client
import re
import sqlite3
from contextlib import closing

import pytest
import requests
from people import Person, field, sentence

from aesthetic_pretraining.survey import limits

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server(tmp_path_factory, photos):
    from survey_server import Server

    server = Server(tmp_path_factory.mktemp("pages") / "survey.sqlite", photos, {}).start()
    yield server
    server.kill()


@pytest.fixture
def person(server):
    return Person(server.url).begin()


def rows(server, query):
    db = sqlite3.connect(server.database)
    found = db.execute(query).fetchall()
    db.close()
    return found


def answers(server):
    return rows(server, "SELECT key, choice FROM shown WHERE choice IS NOT NULL ORDER BY key")


def test_nobody_begins_without_agreeing(server):
    before, person = rows(server, "SELECT count(*) FROM person"), Person(server.url)
    form = field(person.get("/").text, "form")
    refused = person.post("/agree", {"form": form})
    assert refused.status_code == 400 and sentence(refused).startswith("Please tick the box if you agree")
    assert rows(server, "SELECT count(*) FROM person") == before
    assert person.post("/agree", {"form": form, "agreed": "yes"}).url == f"{server.url}/pair"


def test_what_was_agreed_to_is_kept_and_who_it_was_is_not(server, person):
    (text,) = {text for (text,) in rows(server, "SELECT text FROM consent")}
    assert "Taking part is voluntary" in text and "Taking part is voluntary" in Person(server.url).get("/").text
    token = person.session.cookies["survey"]
    assert re.fullmatch("[a-z2-7]{32}", token)
    database = b"".join(path.read_bytes() for path in server.database.parent.glob("survey.sqlite*"))
    assert token.encode() not in database and b"127.0.0.1" not in database
    assert "127.0.0.1:" not in server.log.read_text().replace(server.url, "")
    assert oct(server.database.stat().st_mode)[-3:] == "600"


def test_every_answer_has_the_headers_that_keep_a_browser_here(server, person):
    for path in ("/", "/pair", f"/image/{person.key}/1", "/survey.css", "/survey.js", "/nothing", "/favicon.ico", "/code"):
        headers = person.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "http" not in policy, path
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert "server" not in headers
    cookie = requests.get(f"{server.url}/").headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    assert person.get("/pair").headers["cache-control"] == "no-store"


def test_pages_name_no_other_server_and_have_nothing_inline(server, person):
    for path in ("/", "/pair", "/code", "/nothing"):
        text = person.get(path).text
        assert not re.search(r"https?://|//\w+\.|<style|style=|\son\w+=|<script>", text), path
    for name in ("survey.css", "survey.js"):
        assert "http" not in person.get(f"/{name}").text


def test_the_same_form_twice_counts_once_and_another_answer_is_refused(server, person):
    fields = person.fields
    for _ in range(2):
        assert person.post("/answer", fields | {"choice": "2"}).url == f"{server.url}/pair"
    refused = person.post("/answer", fields | {"choice": "1"})
    assert refused.status_code == 409
    assert sentence(refused) == "You have answered this pair already, and your first answer counts; go on with the next pair."
    assert [choice for key, choice in answers(server) if key == fields["shown"]] == [2]


@pytest.mark.parametrize("form", ["", "0" * 64, None, "another's"])
def test_a_form_that_the_survey_did_not_give_is_refused(form, server, person):
    other = Person(server.url).begin()
    fields = {"shown": person.key, "choice": "1"} | ({} if form is None else {"form": form})
    if form == "another's":
        fields["form"] = other.fields["form"]
    before = answers(server)
    refused = person.post("/answer", fields)
    assert refused.status_code == 403 and sentence(refused).startswith("This form is from another session")
    assert answers(server) == before


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://127.0.0.1:1"])
def test_a_form_on_another_site_is_refused(origin, server, person):
    before = answers(server)
    refused = person.post("/answer", person.fields | {"choice": "1"}, headers={"origin": origin})
    assert refused.status_code == 403 and sentence(refused).startswith("This form comes from another site")
    assert answers(server) == before
    assert person.post("/answer", person.fields | {"choice": "1"}, headers={"origin": server.url}).ok


def test_another_name_for_this_server_is_refused(server):
    """As a page has it that lets its own name point to loopback."""
    refused = requests.get(f"{server.url}/", headers={"host": "elsewhere.example"})
    assert refused.status_code == 421 and sentence(refused).startswith("This is not the address of the survey")
    assert requests.get(f"{server.url}/", headers={"host": f"localhost:{server.port}"}).ok


def test_a_code_that_was_never_issued(server):
    person = Person(server.url)
    form = field(person.get("/").text, "form")
    refused = person.post("/resume", {"form": form, "code": "abcd-" * 7 + "abcd"})
    assert refused.status_code == 403 and sentence(refused).startswith("This code was never issued here")
    for path in ("/pair", "/code", "/image/abc/1"):
        refused = requests.get(server.url + path, cookies={"survey": "a" * 32})
        assert refused.status_code == 403 and sentence(refused).startswith("This code was never issued here")
    # the first page is for everybody
    assert "taking part" in requests.get(f"{server.url}/", cookies={"survey": "a" * 32}).text.lower()


def test_a_code_goes_on_in_another_browser(server, person):
    person.answer(1)
    code = re.search(r'class="code">([^<]+)<', person.get("/code").text)[1]
    other = Person(server.url)
    other.page = other.post("/resume", {"form": field(other.get("/").text, "form"), "code": f" {code.upper()} "})
    assert other.key == person.key and ">2 of 3" in other.page.text


def test_images_are_seen_by_the_person_whom_they_were_shown_to_and_their_names_say_nothing(server, person):
    assert {image[:3] for image in person.images()} == {b"\xff\xd8\xff"}
    assert "photo" not in re.sub(r'alt="[^"]*"|Which[^<]*', "", person.page.text)
    other = Person(server.url).begin()
    refused = other.get(f"/image/{person.key}/1")
    assert refused.status_code == 403 and sentence(refused) == "This pair is not before you; go on with the next pair."
    assert person.get(f"/image/{person.key}/3").status_code == 404
    assert other.post("/answer", person.fields | {"form": other.fields["form"], "choice": "1"}).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/image/../../../etc/passwd/1",
        "/image/%2e%2e%2f%2e%2e%2fetc%2fpasswd/1",
        "/../pyproject.toml",
        "/survey.css/../../cli.py",
    ],
)
def test_no_path_reaches_the_disk(path, server, person):
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.request("GET", path, headers={"cookie": f"survey={person.session.cookies['survey']}"})
        response = connection.getresponse()
        assert response.status in (403, 404) and b"There is no such page." in response.read()


def test_huge_forms_are_refused_whether_or_not_they_say_how_large_they_are(server, person):
    before = answers(server)
    refused = person.post("/answer", person.fields | {"more": "x" * 5000})
    assert refused.status_code == 413 and sentence(refused).startswith("The form is larger than 4096 bytes")
    chunks = (b"x" * 1000 for _ in range(6))
    refused = person.post("/answer", chunks, headers=FORM)
    assert refused.status_code == 413
    refused = person.post("/answer", "&".join(f"f{k}=1" for k in range(50)), headers=FORM)
    assert refused.status_code == 400 and sentence(refused).startswith("This is not a form of the survey")
    assert person.post("/answer", b"form=\xff\xfe", headers=FORM).status_code == 400
    # said to be huge, and never sent
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.putrequest("POST", "/agree")
        for name, value in (FORM | {"content-length": str(10**12)}).items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 413
    assert answers(server) == before and person.get("/pair").ok


@pytest.mark.parametrize("choice", ["", "0", "3", "first", None])
def test_an_answer_that_is_none(choice, server, person):
    refused = person.post("/answer", person.fields | ({} if choice is None else {"choice": choice}))
    assert refused.status_code == 400 and sentence(refused) == "Please choose one of the two versions."


def test_pages_that_are_not_there_and_methods_that_are_not_taken(server):
    for call, path, status in ((requests.get, "/admin", 404), (requests.get, "/answer", 405), (requests.put, "/", 405)):
        refused = call(server.url + path)
        assert refused.status_code == status and sentence(refused) == "There is no such page."


def test_a_withdrawal_deletes_and_forgets(server, person):
    person.answer(1)
    token, form = person.session.cookies["survey"], person.fields["form"]
    keys = {key for key, _ in answers(server)}
    assert person.post("/withdraw", {"form": form}).status_code == 400
    assert {key for key, _ in answers(server)} == keys
    gone = person.post("/withdraw", {"form": form, "sure": "yes"})
    assert sentence(gone) == "Your answers have been deleted; thank you for your time."
    assert len({key for key, _ in answers(server)}) == len(keys) - 1 and "survey" not in person.session.cookies
    assert requests.get(f"{server.url}/pair", cookies={"survey": token}).status_code == 403


def test_too_much_at_once_is_asked_to_wait(server, person):
    fields = person.fields
    said = [person.session.post(f"{server.url}/answer", fields | {"choice": "1"}, allow_redirects=False) for _ in range(60)]
    refused = said[-1]
    assert {response.status_code for response in said} == {303, 429}
    assert sentence(refused).startswith("Too many requests") and refused.headers["retry-after"] == "60"


def test_limits_by_hand():
    now = 0.0
    limiter = limits.Limiter(2.0, 3, lambda: now)
    for _ in range(3):
        limiter.take("a")
    with pytest.raises(limits.Refused):
        limiter.take("a")
    limiter.take("b")  # somebody else
    now = 0.5  # one more after half a second
    limiter.take("a")
    with pytest.raises(limits.Refused):
        limiter.take("a")
    for k in range(limits.KEPT + 10):
        limiter.take(str(k))
    assert len(limiter.left) == limits.KEPT
