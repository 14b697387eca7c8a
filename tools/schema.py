"""Renew workflow/schemas/params.schema.json, which editors check params.yaml with, from the models of `config`.

usage: schema.py [--check]
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "workflow/schemas/params.schema.json"
sys.path.insert(0, str(ROOT / "src"))

from aesthetic_pretraining.config.schema import schema  # noqa: E402


def main(check: bool) -> None:
    """Write the schema, or only check that it is current."""
    wanted = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    if not check:
        SCHEMA.write_text(wanted, encoding="utf-8")
    elif not SCHEMA.exists() or SCHEMA.read_text(encoding="utf-8") != wanted:
        sys.exit(f"{SCHEMA.relative_to(ROOT)} is stale: run 'make schema'")
    else:
        print(f"{SCHEMA.relative_to(ROOT)} is current")


if __name__ == "__main__":
    main("--check" in sys.argv)
