"""Send the recorded results to DVC's remote store, or fetch them from there (make push, make pull).

usage: remote.py push|pull [STAGE ...] [--remote NAME]

The same as `dvc push` and `dvc pull`, which say a line for each file that fails; this says one sentence. Files are sent and fetched
whole or not at all, and what has arrived is not sent again.
"""

import argparse
import logging
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from aesthetic_pretraining.errors import UserError, printable  # noqa: E402

HOW = "docs/how-to/remote.md says how"
WORDS = {"push": ("write", "sent"), "pull": ("read", "fetched")}
DENIED = ("accessdenied", "access denied", "forbidden", "invalidaccesskeyid", "signaturedoesnotmatch", "expiredtoken", "403")
ABSENT = ("nosuchbucket", "specified bucket does not exist")


class Errors(logging.Handler):
    """What DVC says of single files, kept instead of printed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.found.append(str(error or record.getMessage()))


def transfer(folder: Path, direction: str, remote: str | None, targets: list[str]) -> int:
    """Push or pull; returns the number of files. Raises: UserError, one sentence for all files that failed."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    errors = Errors()
    for name in ("dvc", "dvc_data", "dvc_objects"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [errors], False  # importing DVC has set its own
    try:
        opened = Repo(str(folder))
    except DvcException as error:
        raise UserError(f"DVC cannot read its settings (.dvc/config, .dvc/config.local): {error}") from error
    with opened as repo:
        name = remote or repo.config["core"].get("remote")
        if not name or name not in repo.config["remote"]:
            raise UserError(f"no remote store {name or 'is set'}: dvc remote add --default store s3://BUCKET/FOLDER; {HOW}")
        place = repo.config["remote"][name]["url"]
        try:
            done = getattr(repo, direction)(targets=targets or None, remote=name)
        except (DvcException, OSError) as error:
            raise UserError(sentence(place, direction, errors.found, error)) from error
    return done if isinstance(done, int) else done["stats"].get("fetched", 0)


def sentence(place: str, direction: str, found: list[str], error: BaseException) -> str:
    """What went wrong, and what to do."""
    reason = found[0] if found else str(error.__cause__ or error)
    plain = reason.lower()
    if "credentials" in plain and "unable to locate" in plain:
        return (
            f"{place}: no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a file of the AWS client; {HOW}"
        )
    if any(word in plain for word in DENIED):
        return f"{place}: these credentials give no right to {WORDS[direction][0]} there; ask the bucket's owner, or use others"
    if any(word in plain for word in ABSENT):
        return f"{place}: there is no such bucket; create it, or name another (dvc remote modify)"
    return (
        f"{place}: {len(found) or 'some'} files were not {WORDS[direction][1]}, the first because of: {reason}; run again, "
        "what has arrived stays"
    )


def main(folder: Path, arguments: list[str]) -> None:
    """Transfer and say how many files there were."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("direction", choices=sorted(WORDS))
    parser.add_argument("--remote")
    parser.add_argument("stages", nargs="*")
    args = parser.parse_intermixed_args(arguments)
    count = transfer(folder, args.direction, args.remote, args.stages)
    print(f"{count} files {WORDS[args.direction][1]}" if count else "everything was there already")


if __name__ == "__main__":
    try:
        main(ROOT, sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {printable(str(error))}")
