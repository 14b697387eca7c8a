"""The exception whose message is for users, and what may stand in a message."""


class UserError(Exception):
    """Bad input: one sentence that names the file, the key or the row and says what to do.

    Control characters of names in it are escaped, because a terminal would obey them.
    """

    def __init__(self, text: str = ""):
        super().__init__(printable(text))


def printable(text: str) -> str:
    r"""`text` with what a terminal would obey rather than show escaped as \x1b or \u202e; line breaks and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
