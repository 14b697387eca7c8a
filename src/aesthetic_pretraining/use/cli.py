"""python -m aesthetic_pretraining score | browser"""

import argparse
import logging
from pathlib import Path

from aesthetic_pretraining.errors import UserError

PLACES = ("oasis", "paper", "demo")  # scales whose bundles are looked for, the best first
FIRST = "ranking_regression"  # the network that is taken of a scale, if it is there


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands `score` and `browser`; what they need is imported when they run."""
    score = commands.add_parser("score", help="score photos: tables, and a page to look at")
    score.add_argument("photos", nargs="+", metavar="PHOTOS", help="folders, with the folders in them, or files")
    score.add_argument("--model", metavar="BUNDLE", help="folder of a network; without it, the best that was exported here")
    score.add_argument("--out", default="scores", help="folder for the results (scores)")
    score.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="where the networks run (cpu)")
    score.add_argument("--batch", type=_positive, default=32, help="photos that pass the networks at once (32)")
    score.add_argument(
        "--workers", type=_positive, default=0, help="threads that decode and score; one for each core if not given"
    )
    score.add_argument("--no-explanations", action="store_true", help="do not say what is off: half the time")
    score.add_argument("--no-pages", action="store_true", help="tables alone, no page to look at")
    score.add_argument("--again", action="store_true", help="replace what another run left in the folder")
    score.set_defaults(run=run_score)
    browser = commands.add_parser(
        "browser", help="write a page that scores photos in the browser, without a server that sees them"
    )
    browser.add_argument("--model", metavar="BUNDLE", help="folder of a network; without it, the best that was exported here")
    browser.add_argument("--out", default="browser", help="folder for the page (browser)")
    browser.add_argument(
        "--runtime", metavar="FOLDER", help="folder with onnxruntime-web's files; without it, npm fetches the pinned version"
    )
    browser.set_defaults(run=run_browser)


def run_score(args: argparse.Namespace) -> None:
    """Score photos."""
    from aesthetic_pretraining.use.photos import find
    from aesthetic_pretraining.use.run import Options, score_photos
    from aesthetic_pretraining.use.scorer import load

    needed(() if args.no_pages else ("jinja2",))
    model, names = model_of(args.model), find(args.photos)
    scorer = load(model, args.device, not args.no_explanations)
    logging.getLogger("aesthetic_pretraining").info("%d photos, %s, %s", len(names), scorer.bundle.name, scorer.networks.engine)
    if scorer.bundle.simulated:
        logging.getLogger("aesthetic_pretraining").warning(
            "this network learnt simulated votes: its scores mean nothing for your photos"
        )
    done = score_photos(scorer, names, args.out, Options(args.batch, args.workers, not args.no_pages, args.again))
    broken = f", {done['broken']} could not be: {Path(args.out, 'broken.csv')}" if done["broken"] else ""
    shown = "scores.csv" if args.no_pages else "scores.html"
    print(f"{done['scored']} photo{'' if done['scored'] == 1 else 's'} scored{broken}; see {Path(args.out, shown)}")


def run_browser(args: argparse.Namespace) -> None:
    """Write the page."""
    from aesthetic_pretraining.use.browser import write_browser
    from aesthetic_pretraining.use.bundle import read_bundle

    write_browser(read_bundle(model_of(args.model)), args.out, args.runtime)
    print(f"python -m http.server --bind 127.0.0.1 --directory {args.out} 8000  shows it at 127.0.0.1:8000")


def model_of(named: str | None) -> Path:
    """The bundle that is named, or else the best one below models/. Raises: UserError if there is none."""
    if named is not None:
        return Path(named)
    for scale in PLACES:
        found = sorted(Path("models", scale, "bundles").glob("*/config.json"), key=lambda path: path.parent.name != FIRST)
        if found:
            return found[0].parent
    raise UserError(
        "no network here: name one by --model, or let 'snakemake --cores all --config scale=oasis -- stage_export' make one"
    )


def needed(packages: tuple[str, ...]) -> None:
    """Raises: UserError naming a package that is not installed."""
    from importlib.util import find_spec

    for name in packages:
        if find_spec(name) is None:
            raise UserError(f"scoring needs the package {name}; pip install 'aesthetic-pretraining[score]'")


def _positive(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 4096:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 4096")
    return value
