"""Times as Slurm's programs print them."""

import re


def minutes_of(text: str) -> float:
    """Of a time, [days-]hours:minutes:seconds; infinite for a word, which stands for no limit."""
    if not re.match(r"\d", text):
        return float("inf")
    days, _, clock = text.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    hours, minutes, seconds = ([0] * 3 + parts)[-3:]
    return int(days or 0) * 1440 + hours * 60 + minutes + seconds / 60
