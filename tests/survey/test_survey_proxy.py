"""Behind a proxy: cookies for HTTPS alone, the public address alone, and whose word counts on where a request comes from."""

import re

import requests
from people import field, sentence

from aesthetic_pretraining.survey.limits import GUESSES

PUBLIC = "https://survey.example.org"


def guess(url, address, **headers):
    """A wrong code from an address that a header claims: status of the answer."""
    page = requests.get(f"{url}/", headers=headers)
    cookie = re.match("[^;]+", page.headers["set-cookie"])[0]
    return requests.post(
        f"{url}/resume",
        data={"form": field(page.text, "form"), "code": "a" * 32},
        headers=headers | {"cookie": cookie, "x-forwarded-for": address},
    ).status_code


def test_behind_a_proxy(server_of):
    server = server_of(**{"public-url": PUBLIC})
    assert f"the survey is at {PUBLIC}" in server.log.read_text()
    host = {"host": "survey.example.org"}
    page = requests.get(f"{server.local}/", headers=host)
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("__Host-survey=") and {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert "max-age=31536000" in page.headers["strict-transport-security"]
    assert requests.get(f"{server.local}/").status_code == 421  # by its own address
    fields = {"form": field(page.text, "form"), "agreed": "yes"}
    for origin, status in (("http://survey.example.org", 403), ("https://example.org", 403), (PUBLIC, 303)):
        headers = host | {"origin": origin, "cookie": cookie.split(";")[0]}
        answer = requests.post(f"{server.local}/agree", data=fields, headers=headers, allow_redirects=False)
        assert answer.status_code == status, origin
    assert re.match("__Host-survey=[a-z2-7]{32};", answer.headers["set-cookie"])
    # limits are of each address that the proxy names
    statuses = [guess(server.local, "203.0.113.1", **host) for _ in range(GUESSES[1] + 2)]
    assert statuses[0] == 403 and statuses[-1] == 429
    assert guess(server.local, "203.0.113.2", **host) == 403


def test_without_a_proxy_nobody_is_believed_to_come_from_elsewhere(server_of):
    server = server_of()
    statuses = [guess(server.url, f"203.0.113.{k}") for k in range(GUESSES[1] + 2)]
    assert statuses[0] == 403 and statuses[-1] == 429


def test_only_the_named_proxy_is_believed(server_of):
    server = server_of(**{"public-url": PUBLIC, "proxy": "192.0.2.1"})
    statuses = [guess(server.local, f"203.0.113.{k}", host="survey.example.org") for k in range(GUESSES[1] + 2)]
    assert statuses[0] == 403 and statuses[-1] == 429


def test_a_full_survey_is_one_sentence(server_of):
    server = server_of(people=1)
    for status in (303, 403):
        page = requests.get(f"{server.url}/")
        fields = {"form": field(page.text, "form"), "agreed": "yes"}
        answer = requests.post(f"{server.url}/agree", data=fields, cookies=page.cookies, allow_redirects=False)
        assert answer.status_code == status
    assert sentence(answer).startswith("As many people as were wanted have taken part already")
