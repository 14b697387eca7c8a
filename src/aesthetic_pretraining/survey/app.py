"""Pages and forms of the survey. Every form answers with a redirection, so that reloading a page sends nothing twice."""

import asyncio
import contextlib
import hashlib
import logging
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from aesthetic_pretraining.data.images import Unreadable
from aesthetic_pretraining.errors import printable
from aesthetic_pretraining.survey import records
from aesthetic_pretraining.survey.fence import Fence, address, form
from aesthetic_pretraining.survey.images import Images
from aesthetic_pretraining.survey.limits import ANSWERS, GUESSES, NEWCOMERS, Limiter, Refused
from aesthetic_pretraining.survey.pages import STATIC, page, paragraphs, said, static
from aesthetic_pretraining.survey.tokens import digest, form_token, new_token, same, spelled, typed
from aesthetic_pretraining.survey.writer import Writer

DAYS = 90  # for which a browser keeps the code
AHEAD = 100  # pairs whose images are rendered before anybody gets them
VISIT = "visit:"  # what the cookie of somebody begins with who has not agreed yet
NEVER_ISSUED = "This code was never issued here, or its answers were withdrawn; check it for typing errors, or begin anew."

REFUSED = (Refused, HTTPException, ClientDisconnect, Unreadable, records.Unknown, records.NotShown, sqlite3.Error, Exception)

log = logging.getLogger("aesthetic_pretraining")


@dataclass
class Survey:
    """What the pages share.

    Attributes:
        most: people who may begin.
        https: whether browsers reach the survey by HTTPS alone; then the cookie never goes over HTTP.
    """

    writer: Writer
    images: Images
    rules: records.Rules
    secret: str
    consent: str
    most: int
    https: bool = False
    newcomers: Limiter = field(default_factory=lambda: Limiter(*NEWCOMERS))
    guesses: Limiter = field(default_factory=lambda: Limiter(*GUESSES))
    answers: Limiter = field(default_factory=lambda: Limiter(*ANSWERS))

    @property
    def cookie(self) -> str:
        """The cookie's name; the prefix makes browsers refuse one that another host or HTTP has set."""
        return "__Host-survey" if self.https else "survey"

    def value(self, request: Request) -> str:
        """The cookie's value, "" without one."""
        return request.cookies.get(self.cookie, "")

    def token(self, request: Request) -> bytes:
        """The hash of the code in the cookie. Raises: Refused without a code."""
        value = self.value(request)
        if not value or value.startswith(VISIT):
            raise Refused(403, "You have not begun yet, or your browser keeps no cookies; go to the first page.")
        return digest(value)

    async def fields(self, request: Request) -> dict[str, str]:
        """The fields of a form that this survey gave to this browser. Raises: Refused."""
        fields = await form(request)
        if not same(fields.get("form", ""), form_token(self.secret, self.value(request))):
            raise Refused(403, "This form is from another session; go back to the survey and answer there.")
        return fields

    def remember(self, response: Response, value: str, seconds: int | None = DAYS * 86400) -> None:
        """Set the cookie. Lax: also people who follow a link to the survey are known again."""
        response.set_cookie(self.cookie, value, seconds, secure=self.https, httponly=True, samesite="lax")

    def form_token(self, request: Request) -> str:
        return form_token(self.secret, self.value(request))


def survey_of(request: Request) -> Survey:
    return request.app.state.survey


async def start(request: Request) -> Response:
    """The consent, or the next pair for somebody who is known."""
    survey = survey_of(request)
    value = survey.value(request)
    if value and not value.startswith(VISIT):
        try:
            await survey.writer.do(records.person_of, digest(value))
            return _to("/pair")
        except records.Unknown:
            value = ""
    visit = value or VISIT + secrets.token_urlsafe(16)
    response = page("start", consent=paragraphs(survey.consent), form=form_token(survey.secret, visit))
    survey.remember(response, visit, None)
    return response


async def agree(request: Request) -> Response:
    """A new person."""
    survey = survey_of(request)
    fields = await survey.fields(request)
    if fields.get("agreed") != "yes":
        raise Refused(400, "Please tick the box if you agree to take part; otherwise simply close this page.")
    survey.newcomers.take(address(request.scope))
    token, consent = new_token(), (hashlib.sha256(survey.consent.encode()).hexdigest(), survey.consent)
    try:
        await survey.writer.do(records.enrol, digest(token), consent, survey.most, time.time())
    except records.Full as error:
        raise Refused(403, "As many people as were wanted have taken part already; thank you for your interest.") from error
    response = _to("/pair")
    survey.remember(response, token)
    return response


async def resume(request: Request) -> Response:
    """Somebody who goes on with a code, in another browser."""
    survey = survey_of(request)
    token = typed((await survey.fields(request)).get("code", ""))
    try:
        await survey.writer.do(records.person_of, digest(token))
    except records.Unknown as error:
        survey.guesses.take(address(request.scope))
        raise Refused(403, NEVER_ISSUED) from error
    response = _to("/pair")
    survey.remember(response, token)
    return response


async def pair(request: Request) -> Response:
    """The next pair, once both of its images are there. A photo that cannot be read any more is left out, and said so in the log."""
    survey = survey_of(request)
    token = survey.token(request)
    while True:
        shown = await survey.writer.do(records.current, token, survey.rules, time.time())
        if isinstance(shown, records.Nothing):
            return page("done", finished=shown.finished, answered=shown.answered)
        try:
            await survey.images.pair(shown.photo, shown.distortion, shown.level, shown.original_first)
        except Unreadable as error:
            log.error("%s: is left out, because it cannot be shown (%s)", printable(shown.photo), error)
            await survey.writer.do(records.leave_out, shown.photo, str(error))
        else:
            return page("pair", shown=shown, form=survey.form_token(request))


async def image(request: Request) -> Response:
    """One version of a pair, for the person whom it was shown to. The name says nothing about the photo."""
    survey = survey_of(request)
    which = request.path_params["which"]
    if which not in (1, 2):
        raise Refused(404, "There is no such page.")
    photo, distortion, level, original_first = await survey.writer.do(
        records.shown, survey.token(request), request.path_params["key"]
    )
    both = await survey.images.pair(photo, distortion, level, original_first)
    return Response(both[which - 1], media_type="image/jpeg", headers={"cache-control": "private, max-age=3600, immutable"})


async def answer(request: Request) -> Response:
    """One answer; it is on the disk when the redirection goes out."""
    survey = survey_of(request)
    token, fields = survey.token(request), await survey.fields(request)
    survey.answers.take(token.hex())
    if fields.get("choice") not in ("1", "2"):
        raise Refused(400, "Please choose one of the two versions.")
    what = await survey.writer.do(records.answer, token, fields.get("shown", ""), int(fields["choice"]), time.time())
    if what == records.OTHER:
        raise Refused(409, "You have answered this pair already, and your first answer counts; go on with the next pair.")
    return _to("/pair")


async def code(request: Request) -> Response:
    """How to go on elsewhere, and how to withdraw."""
    survey = survey_of(request)
    await survey.writer.do(records.person_of, survey.token(request))
    return page("code", code=spelled(survey.value(request)), form=survey.form_token(request))


async def withdraw(request: Request) -> Response:
    """Delete a person's answers."""
    survey = survey_of(request)
    token, fields = survey.token(request), await survey.fields(request)
    if fields.get("sure") != "yes":
        raise Refused(400, "Please tick the box if you want your answers to be deleted.")
    await survey.writer.do(records.withdraw, token)
    response = said(200, "Your answers have been deleted; thank you for your time.")
    response.delete_cookie(survey.cookie, secure=survey.https, httponly=True, samesite="lax")
    return response


def file(name: str) -> Callable[[Request], Awaitable[Response]]:
    """The page of one file of `pages.STATIC`."""
    data = static(name)

    async def send(request: Request) -> Response:
        return Response(data, media_type=STATIC[name], headers={"cache-control": "max-age=300"})

    return send


async def nothing(request: Request) -> Response:
    """What browsers ask for by themselves."""
    return Response(status_code=204)


async def robots(request: Request) -> Response:
    return Response("User-agent: *\nDisallow: /\n", media_type="text/plain")


async def refuse(request: Request, error: Exception) -> Response:
    """One sentence for whatever goes wrong."""
    if isinstance(error, Refused):
        response = said(error.status, error.sentence)
    elif isinstance(error, HTTPException):
        response = said(error.status_code, "There is no such page.")
    elif isinstance(error, ClientDisconnect):
        response = said(400, "The form did not arrive whole; please send it again.")
    elif isinstance(error, Unreadable):
        response = said(410, "This photo cannot be shown any more; go on with the next pair.")
    elif isinstance(error, records.Unknown):
        response = said(403, NEVER_ISSUED)
    elif isinstance(error, records.NotShown):
        response = said(403, "This pair is not before you; go on with the next pair.")
    elif isinstance(error, sqlite3.Error):
        log.error("the database refuses to write (%s); make room on its disk: nobody can answer until then", error)
        response = said(503, "Your answer could not be stored; please try again in a few minutes.")
    else:
        response = said(500, "Something went wrong here; please try again.")  # the server's log has the error itself
    if response.status_code in (429, 503):
        response.headers["retry-after"] = "60"
    return response


ROUTES = [
    Route("/", start),
    Route("/agree", agree, methods=["POST"]),
    Route("/resume", resume, methods=["POST"]),
    Route("/pair", pair),
    Route("/answer", answer, methods=["POST"]),
    Route("/code", code),
    Route("/withdraw", withdraw, methods=["POST"]),
    Route("/image/{key}/{which:int}", image),
    *(Route(f"/{name}", file(name)) for name in STATIC),
    Route("/favicon.ico", nothing),
    Route("/robots.txt", robots),
]


def application(survey: Survey, hosts: Collection[str], origin: str | None = None) -> Fence:
    """The survey as an ASGI application. hosts, origin: as for `fence.Fence`."""

    @contextlib.asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        ahead = asyncio.create_task(render_ahead(survey))
        yield
        ahead.cancel()
        survey.images.close()
        survey.writer.close()

    app = Starlette(
        routes=ROUTES,
        exception_handlers=dict.fromkeys(REFUSED, refuse),
        lifespan=life,
    )
    app.state.survey = survey
    # around all of it, not Starlette's middleware, which its page for status 500 would not pass
    return Fence(app, hosts, origin, survey.https)


async def render_ahead(survey: Survey) -> None:
    """Render the images of the next pairs, one at a time, so that those that somebody waits for need not wait long."""
    while True:
        # what it raises, the person meets who gets the pair, and is told in a sentence
        with contextlib.suppress(Unreadable, sqlite3.Error):
            for photo, distortion, level in await survey.writer.do(records.upcoming, AHEAD, time.time()):
                await survey.images.pair(photo, distortion, level, True)
        await asyncio.sleep(0.5)


def _to(path: str) -> Response:
    return RedirectResponse(path, 303)
