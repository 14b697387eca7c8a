"""python -m aesthetic_pretraining survey serve | status | export"""

import argparse
from pathlib import Path

from aesthetic_pretraining.errors import UserError

DATABASE = "survey.sqlite"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `survey`; what it needs is imported when it runs."""
    survey = commands.add_parser("survey", help="ask people which version of a photo they like better (section 4.2)")
    steps = survey.add_subparsers(metavar="STEP", required=True)
    add_serve(
        steps.add_parser("serve", help="hold a survey in the browser", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    )
    status = steps.add_parser("status", help="say how far it has come")
    export = steps.add_parser("export", help="write the CSV that rule premise reads")
    for step in (status, export):
        step.add_argument("--database", default=DATABASE, help=f"the survey's file ({DATABASE})")
    export.add_argument("--out", default="survey.csv", help="where to (survey.csv)")
    export.add_argument(
        "--least-checks",
        type=_share,
        default=0.0,
        help="share of their attention checks that people must have passed, 0 to 1 (0: everybody's answers)",
    )
    status.set_defaults(run=run_status)
    export.set_defaults(run=run_export)


def add_serve(parser: argparse.ArgumentParser) -> None:
    """The options of `survey serve`."""
    parser.add_argument("--photos", required=True, help="a folder of photos, or a store such as data/demo/photos/store")
    parser.add_argument("--pairs", type=_positive, default=6182, help="pairs to be answered once each")
    parser.add_argument("--per-person", type=_positive, default=85, help="pairs for one person")
    parser.add_argument("--distortions", default="style", help="names or aspects between commas, or all")
    parser.add_argument("--table", default="published", help="published, corrected or corrected_wide")
    parser.add_argument("--seed", type=int, default=1, help="of the plan and of noise")
    parser.add_argument(
        "--short-side", type=_side, default=480, help="pixels of a photo from a folder; a store's have their own"
    )
    parser.add_argument("--database", default=DATABASE, help="where answers are kept; made if it is not there")
    parser.add_argument("--consent", type=Path, help="a text file that people agree to, instead of ours")
    parser.add_argument("--people", type=_positive, default=500, help="people who may begin at most")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=_port, default=8000, help="port to listen on; 0: any free one")
    parser.add_argument("--public-url", default="", help="the address by which people reach the proxy in front of this server")
    parser.add_argument("--proxy", default="127.0.0.1", help="the address that the proxy's requests come from")
    parser.set_defaults(run=run_serve)


def run_serve(args: argparse.Namespace) -> None:
    try:
        import starlette
        import uvicorn
    except ModuleNotFoundError as error:
        raise UserError(f"the survey needs the package {error.name}; pip install 'aesthetic-pretraining[survey]'") from error
    del starlette, uvicorn
    from aesthetic_pretraining.distortions import TABLES
    from aesthetic_pretraining.survey.plan import named
    from aesthetic_pretraining.survey.server import Design, serve

    if args.table not in TABLES:
        raise UserError(f"--table {args.table}: must be one of {', '.join(TABLES)}")
    design = Design(args.pairs, args.per_person, named(args.distortions), args.table, args.seed, args.short_side)
    serve(
        args.photos,
        args.database,
        design,
        host=args.host,
        port=args.port,
        public_url=args.public_url,
        proxy=args.proxy,
        consent=args.consent,
        people=args.people,
    )


def run_status(args: argparse.Namespace) -> None:
    from aesthetic_pretraining.survey.status import sentences

    print("\n".join(sentences(args.database)))


def run_export(args: argparse.Namespace) -> None:
    from aesthetic_pretraining.survey.export import export

    export(args.database, args.out, args.least_checks)


def _number(text: str, low: int, high: int) -> int:
    value = int(text)  # argparse turns its ValueError into a sentence
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"must be {low} to {high}, not {value}")
    return value


def _positive(text: str) -> int:
    return _number(text, 1, 1_000_000)


def _side(text: str) -> int:
    return _number(text, 64, 1200)


def _port(text: str) -> int:
    return _number(text, 0, 65535)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be 0 to 1, not {text}")
    return value
