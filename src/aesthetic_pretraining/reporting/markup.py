"""Escaping of text for Markdown and LaTeX."""

import re


def escape_markdown(text: str) -> str:
    """The text on one line, with every character that is special in GitHub Markdown escaped."""
    return re.sub(r"([\\`*_{}\[\]<>|#~&$])", r"\\\1", " ".join(text.split()))


LATEX = {char: rf"\{char}" for char in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "±": r"$\pm$",
    "–": "--",
}


def escape_latex(text: str) -> str:
    """The text on one line, with every character that is special in LaTeX escaped."""
    # One pass over the characters: successive replacements would escape the backslashes just written.
    return "".join(LATEX.get(char, char) for char in " ".join(text.split()))
