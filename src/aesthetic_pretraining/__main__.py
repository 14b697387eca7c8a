"""The command line: python -m aesthetic_pretraining <command>. Each room with commands adds its own, and imports the rest when one runs."""

import argparse
import logging
import sys
from collections.abc import Sequence

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.survey import cli as survey
from aesthetic_pretraining.use import cli as use


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns: its exit status; 1, after one sentence, where the input is bad."""
    parser = argparse.ArgumentParser(prog="python -m aesthetic_pretraining", description="Image aesthetics, reproduced.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for room in (use, survey):
        room.add_to(commands)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        args.run(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
