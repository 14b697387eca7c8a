"""Escaping of text for Markdown and LaTeX."""

import re
import unicodedata


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
    # behind a row's end, LaTeX would take it for a length
    "[": "{[}",
    "]": "{]}",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "±": r"$\pm$",
    "–": "--",
}


def escape_latex(text: str) -> str:
    """The text on one line, with every character that is special in LaTeX escaped, and accents composed with their letters."""
    # One pass over the characters: successive replacements would escape the backslashes just written.
    return "".join(LATEX.get(char, char) for char in unicodedata.normalize("NFC", " ".join(text.split())))


def latex_needs(text: str) -> str:
    """A comment line on what LaTeX text needs to be compiled beyond an ordinary document; "" if nothing."""
    if text.isascii():
        return ""
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return "% has letters that pdfLaTeX does not know; compile it with LuaLaTeX or XeLaTeX, and a font that has them\n"
    return "% has letters that need \\usepackage[T1]{fontenc}\n"
