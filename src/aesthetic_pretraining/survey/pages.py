"""The pages, from templates in which everything is escaped, and the two files beside them; all read once, at the start."""

import re
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from aesthetic_pretraining.data.sources import decode_text
from aesthetic_pretraining.errors import UserError

PACKAGE = "aesthetic_pretraining.survey"
CONSENT = resources.files(PACKAGE) / "consent.txt"
STATIC = {
    "survey.css": "text/css; charset=utf-8",
    "survey.js": "text/javascript; charset=utf-8",
}
LONGEST_CONSENT = 100_000  # bytes

environment = Environment(
    loader=PackageLoader(PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page of templates/<template>.html.j2."""
    return HTMLResponse(environment.get_template(f"{template}.html.j2").render(values), status)


def said(status: int, sentence: str) -> HTMLResponse:
    """A page with one sentence and the way back."""
    return page("said", status, sentence=sentence)


def static(name: str) -> bytes:
    """One of the files of `STATIC`."""
    return (resources.files(PACKAGE) / "static" / name).read_bytes()


def read_consent(path: str | Path | None) -> str:
    """The text that people agree to: the researcher's file, or ours. Raises: UserError for one that is missing, empty or no text."""
    if path is None:
        return CONSENT.read_text(encoding="utf-8")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a text file with --consent") from error
    text = decode_text(data[: LONGEST_CONSENT + 1], str(path)).strip()
    if not text or len(data) > LONGEST_CONSENT:
        raise UserError(
            f"{path}: has {len(data)} bytes; a consent has some text, and at most {LONGEST_CONSENT} bytes; correct the file"
        )
    return text


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, which stand between blank lines."""
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
