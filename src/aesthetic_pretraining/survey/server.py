"""One process on one port that holds the survey: the database is made or opened, the port is taken, and people may come."""

import contextlib
import errno
import ipaddress
import logging
import socket
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from aesthetic_pretraining.data.images import Unreadable
from aesthetic_pretraining.errors import UserError, printable
from aesthetic_pretraining.files import locked, writable
from aesthetic_pretraining.survey import schema
from aesthetic_pretraining.survey.app import Survey, application
from aesthetic_pretraining.survey.fence import Fence
from aesthetic_pretraining.survey.images import Images
from aesthetic_pretraining.survey.pages import read_consent
from aesthetic_pretraining.survey.photos import Photos, examine, open_photos
from aesthetic_pretraining.survey.plan import checks, plan
from aesthetic_pretraining.survey.records import Rules
from aesthetic_pretraining.survey.writer import Writer

LOCAL = {"127.0.0.1", "localhost", "::1"}
AT_ONCE = 1000  # connections; what is more gets status 503
log = logging.getLogger("aesthetic_pretraining")


@dataclass(frozen=True)
class Design:
    """What a survey is made with, and what may not change once it has begun; docs/how-to/survey.md has the options."""

    pairs: int
    per_person: int
    distortions: tuple[str, ...]
    table: str
    seed: int
    short_side: int


def serve(
    photos: str | Path,
    database: str | Path,
    design: Design,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    public_url: str = "",
    consent: str | Path | None = None,
    proxy: str = "127.0.0.1",
    people: int = 500,
) -> None:
    """Hold a survey until the process is told to stop; started again, it goes on where it was.

    Args:
        photos: as for `photos.open_photos`.
        database: made if it is not there.
        public_url: where a proxy answers for this server by HTTPS; "": it is reached directly, by HTTP, on this machine.
        consent: a text file that people agree to; None: ours.
        proxy: the address that this proxy's requests come from; what it says of clients' addresses is believed.
        people: who may begin at most.
    Raises: UserError for options that contradict the database, photos that are not there, a port in use.
    """
    origin = _origin(public_url)
    if not origin and not _is_local(host):
        raise UserError(
            f"--host {host}: would open the survey to the network without encryption; leave it at 127.0.0.1 and put a proxy in "
            "front of it, or give --public-url (docs/how-to/survey.md)"
        )
    text = read_consent(consent)
    found = open_photos(photos, design.short_side)
    with (
        writable(Path(database).absolute().parent),
        locked(f"{database}.lock", "another survey server"),
        listen(host, port) as taken,
    ):
        if not Path(database).exists():
            _make(database, found, design)
        with contextlib.closing(schema.connect(database)) as db:
            settings = schema.settings_of(db)
            _compare(database, settings, design)
            planned = {row[0] for row in db.execute("SELECT photo FROM pair WHERE usable")}
            _all_there(database, photos, planned - set(found.ids()))
            images = Images(found, design.table, design.seed)
            _load_engine(images, db)
            rules = Rules(design.per_person, design.seed)
            survey = Survey(Writer(db), images, rules, str(settings["secret"]), text, people, https=origin.startswith("https:"))
            app = application(survey, _hosts(host, origin), origin or None)
            where, at = origin or _url(taken), taken.getsockname()[1]
            log.info("the survey is at %s, port %d here; its answers are in %s; stop it with Ctrl-C", where, at, database)
            uvicorn.Server(_config(app, behind_proxy=bool(origin), proxy=proxy)).run(sockets=[taken])


def listen(host: str, port: int) -> socket.socket:
    """A socket on a port, 0 for any free one. Raises: UserError if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(AT_ONCE)
    except OSError as error:
        found.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise UserError(f"--port {port}: the port {why} on {host}; choose another one") from error
    return found


def _config(app: Fence, behind_proxy: bool, proxy: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="on",
        ws="none",
        log_level="warning",
        access_log=False,  # addresses of people are written nowhere
        server_header=False,
        proxy_headers=behind_proxy,
        forwarded_allow_ips=proxy,
        limit_concurrency=AT_ONCE,
        h11_max_incomplete_event_size=16384,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
    )


def _make(database: str | Path, photos: Photos, design: Design) -> None:
    """A new database, with a plan of the photos that can be shown."""
    sound, left_out = examine(photos, design.pairs, design.seed)
    for photo, reason in left_out.items():
        log.warning("%s: is left out (%s)", printable(photo), reason)
    if not sound:
        raise UserError(
            f"{database}: none of the {len(left_out)} photos can be shown; the first: {next(iter(left_out.values()))}"
        )
    pairs = plan(sound, design.distortions, design.pairs, design.seed)
    schema.create(database, asdict(design), pairs, checks(sound, design.seed), left_out)
    log.info("%s: %d pairs of %d photos, %d photos left out", database, len(pairs), len(sound), len(left_out))


def _load_engine(images: Images, db: sqlite3.Connection) -> None:
    """Render one image now: the first person would wait for torch to be imported."""
    with contextlib.suppress(Unreadable):
        for photo, distortion, level in db.execute("SELECT photo, distortion, level FROM pair WHERE usable LIMIT 1"):
            images.render(photo, distortion, level)


def _compare(database: str | Path, settings: Mapping[str, object], design: Design) -> None:
    """Raises: UserError for an option that is not the one that the survey began with."""
    for name, value in asdict(design).items():
        began, now = ((",".join(v) if isinstance(v, tuple | list) else v) for v in (settings[name], value))
        if began != now:
            raise UserError(
                f"{database}: this survey began with --{name.replace('_', '-')} {began}, not {now}; "
                "give the same, or begin another with --database"
            )


def _all_there(database: str | Path, photos: str | Path, missing: set[str]) -> None:
    if missing:
        raise UserError(
            f"{photos}: {len(missing)} photos of the survey in {database} are not here, such as {min(missing)!r}; "
            "put them back, or begin another survey with --database"
        )


def _origin(public_url: str) -> str:
    """Scheme and host of an address. Raises: UserError for one with a path, or none at all."""
    if not public_url:
        return ""
    try:
        parts = urlsplit(public_url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/") and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment or parts.username:
        raise UserError(f"--public-url {public_url}: must be an address without a path, such as https://survey.example.org")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _hosts(host: str, origin: str) -> set[str]:
    return {str(urlsplit(origin).hostname)} if origin else LOCAL | {host}


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
