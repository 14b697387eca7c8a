"""What a message may do to the terminal that shows it: nothing."""

import pytest

from aesthetic_pretraining.errors import UserError, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("photos/\x1b[2J\x1b]0;owned\x07.jpg", r"photos/\x1b[2J\x1b]0;owned\x07.jpg"),
        ("a\rb\x9b31m\x7f", r"a\rb\x9b31m\x7f"),
        ("evil\u202egpj.exe", r"evil\u202egpj.exe"),
        ("\udc80", r"\udc80"),
        ("Grüße 日本.jpg: 2 lines\n\tof text", "Grüße 日本.jpg: 2 lines\n\tof text"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text, shown):
    assert printable(text) == shown
    assert str(UserError(text)) == shown
