"""The model card of a bundle: README.md in the format of the Hugging Face hub, written from what is known about the run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aesthetic_pretraining.initialisations import title_of

TEMPLATE = Path(__file__).with_name("templates") / "card.md.j2"


def card(config: Mapping[str, Any]) -> str:
    """The card as Markdown with YAML front matter.

    Args: config: a bundle's config.json.
    """
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    # a JSON text is a YAML text as well, with every quote where it has to be
    environment.filters |= {"yaml": lambda value: json.dumps(value, ensure_ascii=False), "rounded": rounded}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title_of(config["task"]), votes=", ".join(f"{value:g}" for value in config["values"]), **config
    )


def rounded(value: float | None) -> str:
    """Three digits behind the point; a dash for what is not known."""
    return "-" if value is None else f"{value:.3f}"
