"""People who take part by HTTP, as a browser without scripts would."""

import re

import requests


def field(text: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', text)[1]


def sentence(response: requests.Response) -> str:
    """What a page that refuses says."""
    return re.search(r'role="alert">([^<]*)<', response.text)[1]


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, url: str):
        self.url, self.session = url, requests.Session()
        self.page: requests.Response | None = None

    def get(self, path: str, **options) -> requests.Response:
        return self.session.get(self.url + path, timeout=60, **options)

    def post(self, path: str, fields, **options) -> requests.Response:
        return self.session.post(self.url + path, data=fields, timeout=60, **options)

    def begin(self) -> "Person":
        self.page = self.post("/agree", {"form": field(self.get("/").text, "form"), "agreed": "yes"})
        return self

    @property
    def key(self) -> str:
        """The pair that stands before them."""
        return field(self.page.text, "shown")

    @property
    def fields(self) -> dict[str, str]:
        """The form of that pair, without an answer."""
        return {"form": field(self.page.text, "form"), "shown": self.key}

    @property
    def finished(self) -> bool:
        return 'name="shown"' not in self.page.text

    def images(self) -> list[bytes]:
        return [self.get(f"/image/{self.key}/{which}").content for which in (1, 2)]

    def answer(self, choice: int) -> str:
        """Answer, see the next pair, and return what was answered."""
        key, self.page = self.key, self.post("/answer", self.fields | {"choice": choice})
        self.page.raise_for_status()
        return key
