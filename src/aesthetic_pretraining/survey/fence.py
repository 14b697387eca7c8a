"""What every request passes: names of the host, limits, and headers that keep a browser within the survey."""

import asyncio
from collections.abc import Collection
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aesthetic_pretraining.survey.limits import REQUESTS, Limiter, Refused
from aesthetic_pretraining.survey.pages import said

LARGEST = 4096  # bytes of a form
FIELDS = 8  # of a form
SECONDS = 10.0  # in which a form must have arrived
HEADERS = {
    "content-security-policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # not no-referrer, with which browsers send "Origin: null" along with the survey's own forms
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex, nofollow",
}
STRICT = {"strict-transport-security": "max-age=31536000"}


class Fence:
    """Middleware: refuses foreign hosts and origins and too many requests, and adds `HEADERS` to every answer.

    Args:
        hosts: names of this server. Without the check, a page elsewhere could reach a server on loopback by a name that it makes
            point there (DNS rebinding).
        origin: the scheme and host that forms come from; None: those of the request.
        https: whether browsers reach the server by HTTPS alone.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], origin: str | None, https: bool):
        self.app, self.hosts, self.origin = app, hosts, origin
        self.headers = HEADERS | (STRICT if https else {})
        self.requests = Limiter(*REQUESTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self.headers)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            self.check(scope)
        except Refused as error:
            await said(error.status, error.sentence)(scope, receive, send_with_headers)
        else:
            await self.app(scope, receive, send_with_headers)

    def check(self, scope: Scope) -> None:
        """Raises: Refused if a rule is broken."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _hostname(host) not in self.hosts:
            raise Refused(421, "This is not the address of the survey; use the one that you were given.")
        origin = headers.get("origin")
        if scope["method"] == "POST" and origin not in (None, self.origin or f"http://{host}"):
            raise Refused(403, "This form comes from another site; go back to the survey and answer there.")
        self.requests.take(address(scope))


def address(scope: Scope) -> str:
    """The client's address; behind a proxy the one that the proxy names. It is kept in memory alone, for limits."""
    return scope["client"][0] if scope.get("client") else ""


async def form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises: Refused for one that is too large, too slow or no form."""
    too_large = Refused(413, f"The form is larger than {LARGEST} bytes; go back to the survey and answer there.")
    if int(request.headers.get("content-length", 0)) > LARGEST:
        raise too_large
    body = b""
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > LARGEST:
                    raise too_large
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS))
    except TimeoutError as error:
        raise Refused(408, "The form did not arrive in time; please send it again.") from error
    except ValueError as error:  # not ASCII, which forms always are, or too many fields
        raise Refused(400, "This is not a form of the survey; go back to the survey and answer there.") from error


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
