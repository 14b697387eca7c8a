"""A Griffe extension: the short forms of this project's docstrings, as the Google style that Griffe reads.

`Args: x: what it is` on one line, `Raises: UserError if ...` without a colon, and sections without a blank line before them.
"""

import re

import griffe

SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):(?: (.+))?$")
ENTRY = re.compile(r"^[\w*, ]+: ")
EXCEPTION = re.compile(r"^([A-Z]\w*(?:\.\w+)*)(?:\([^)]*\))?[,;]? ")


class ShortSections(griffe.Extension):
    """Rewrites docstrings after they are collected; the source files stay as they are."""

    def on_object(self, *, obj, **kwargs):
        if not obj.is_alias and obj.docstring:
            obj.docstring.value = google(obj.docstring.value)


def google(text: str) -> str:
    """The docstring with each section as a heading on a line of its own, a blank line around it, and its entries indented below."""
    lines: list[str] = []
    section = inline = ""
    for line in text.splitlines():
        heading = SECTION.match(line)
        if heading and (not heading[2] or heading[1] in ("Raises", "Returns", "Yields") or ENTRY.match(heading[2])):
            section, inline = heading[1], heading[2] or ""
            lines += ["", f"{section}:"] + ([f"    {_entry(section, inline)}"] if inline else [])
        elif section and line.startswith(" "):
            # what follows an entry on the heading's line goes on with it
            lines.append(f"    {line}" if inline else f"    {_entry(section, line[4:])}" if line.startswith("    ") else line)
        else:
            lines += ["", line] if section and line else [line]
            section = inline = ""
    return "\n".join(lines)


def _entry(section: str, text: str) -> str:
    """`UserError if ...` -> `UserError: if ...`."""
    return EXCEPTION.sub(r"\1: ", text) if section == "Raises" else text
