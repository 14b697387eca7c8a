"""A job's log that costs no job: where its disk is full, lines are lost and the work goes on."""

import errno
import io
from pathlib import Path
from typing import TextIO


class _Log(io.TextIOWrapper):
    """A text file without a buffer, whose missing lines are told to the terminal once."""

    path: Path
    terminal: TextIO
    full = False

    def write(self, text: str) -> int:
        """Write, or lose the text on a full disk."""
        try:
            return super().write(text)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            if not self.full:
                self.full = True
                self.terminal.write(f"\n{self.path}: no space left for this log; the job goes on without it\n\n")
            return len(text)


def opened(path: Path, terminal: TextIO) -> TextIO:
    """The log, empty; closes itself at the end of a with statement."""
    file = _Log(open(path, "wb", buffering=0), encoding="utf-8", write_through=True)  # type: ignore[arg-type]  # noqa: SIM115
    file.path, file.terminal = path, terminal
    return file
