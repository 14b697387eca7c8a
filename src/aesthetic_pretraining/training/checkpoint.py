"""Checkpoints: the state of an unfinished training, and its end by SIGTERM.

They hold no random numbers' state, because every step's randomness is a function of seed, epoch and step.
"""

import contextlib
import logging
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import torch

from aesthetic_pretraining import code
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path, sha256, write_json
from aesthetic_pretraining.preemption import PREEMPTED, moved_on
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.training.distributed import Alone

CHECKPOINT_SECONDS = 60.0
NAMED = 3  # changed files that a sentence names
log = logging.getLogger("aesthetic_pretraining")


def digest(*parts: object, files: Iterable[str | Path] = ()) -> str:
    """A short name of values (by their text) and of the contents of files."""
    return f"{seeded_int(*map(sha256, files), *parts):016x}"


class Checkpoint:
    """The state of an unfinished training in a file that is always whole.

    It lies outside of what Snakemake and DVC manage, because both delete the outputs of an unfinished job.

    Attributes:
        at: (epochs done, steps done in the epoch after them) of the last saved or loaded state, None if there is none.
    """

    def __init__(
        self, path: str | Path, config: Mapping[str, object], inputs: Mapping[str, str], team: Alone, trainer: str | Path
    ):
        """
        Args:
            path: the file, one for each training.
            config: the training's parameters, by their names in params.yaml.
            inputs: digests of everything else that its result depends on, by a name that a reader understands.
            team: the processes of the training; the first one writes.
            trainer: the trainer's own file, whose code and that of its imports the training depends on.
        """
        self.path, self.team = Path(path), team
        self.config = {name: repr(value) for name, value in config.items()}
        self.code = code.digests(trainer)
        self.inputs = {"the version of torch": str(torch.__version__), **inputs}
        self.saved = time.monotonic()
        self.at: tuple[int, int] | None = None

    def load(self) -> dict | None:
        """The last saved state, or None: there is none, or it is damaged or began from other inputs, which the log says.

        Raises: UserError that names the parameters, or the files of code, which differ from those that the unfinished training
            began with: days of work are not thrown away because of a slip in params.yaml or an edit.
        """
        if self.team.first:
            self.done.unlink(missing_ok=True)  # of an earlier training, whose outputs are asked for again
        if not self.path.exists():
            return None
        try:
            # torch.load reads past the checksums that torch.save wrote: one bit more or less would be another training
            with zipfile.ZipFile(self.path) as archive:
                if broken := archive.testzip():
                    raise zipfile.BadZipFile(broken)
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            config, inputs, files, state = saved["config"], saved["inputs"], saved["code"], saved["state"]
        except Exception as error:
            log.warning("checkpoint %s is damaged (%s): starting over", self.path.name, type(error).__name__)
            return None
        if changed := _changes(config, self.config):
            named = ", ".join(
                f"{name} was {config.get(name, 'not there')}, now {self.config.get(name, 'not there')}" for name in changed
            )
            raise UserError(
                f"{self.path}: an unfinished training began with other parameters ({named}); set them back to go on with it, "
                "or delete the file to start over"
            )
        if changed := _changes(files, self.code):
            named = ", ".join(changed[:NAMED]) + (f" and {len(changed) - NAMED} more" if len(changed) > NAMED else "")
            raise UserError(
                f"{self.path}: an unfinished training began with other code ({named}); go back to that code to go on with it, "
                "or delete the file to start over"
            )
        if changed := _changes(inputs, self.inputs):
            log.warning("checkpoint %s began with other inputs (%s): starting over", self.path.name, ", ".join(changed))
            return None
        self.at = state.get("at", (0, 0))[:2]
        log.info("going on from %s", self)
        return state

    def save(self, state: Callable[[], dict], always: bool = False) -> None:
        """Save if the last save is long ago, or always. To be called where a training may be broken off: between steps.

        Raises SystemExit(PREEMPTED) after the save if SIGTERM came, to whichever of the processes.
        """
        asked = self.team.total(_preempted.is_set()) > 0
        if self.team.first and (always or asked or time.monotonic() - self.saved >= CHECKPOINT_SECONDS):
            values = state()
            with atomic_path(self.path) as tmp:
                torch.save({"config": self.config, "inputs": self.inputs, "code": self.code, "state": values}, tmp)
            at = values.get("at", (0, 0))[:2]
            if at != self.at:
                moved_on.set()
            self.saved, self.at = time.monotonic(), at
        if asked:
            if self.team.first:
                log.warning("SIGTERM: stopped, to be gone on with from %s", self)
            raise SystemExit(PREEMPTED)

    def leave(self, state: Callable[[], dict]) -> None:
        """Save and raise SystemExit(PREEMPTED) if SIGTERM came, else nothing."""
        if self.team.total(_preempted.is_set()) > 0:
            _preempted.set()
            self.save(state)

    def __str__(self) -> str:
        return f"checkpoint {self.path} ({self.at[0]} epochs and {self.at[1]} steps)" if self.at else "no checkpoint"

    def finish(self, outputs: Iterable[str | Path], keep: bool) -> None:
        """The training is done and its outputs are in place.

        Args:
            keep: leave the last state, from which the same outputs are written at once, until somebody has taken note of the
                outputs; beside it stand their names in a file .done (workflow/lib/finished.py removes both).
        """
        if not keep:
            self.remove()
        elif self.team.first:
            write_json(self.done, [str(output) for output in outputs])

    @property
    def done(self) -> Path:
        """The file that names the outputs of a training that is done."""
        return self.path.with_suffix(".done")

    def remove(self) -> None:
        """Leave nothing behind."""
        if self.team.first:
            for left in [
                self.path,
                self.done,
                *self.path.parent.glob(f".{self.path.stem}.*"),
            ]:  # the latter from a kill while saving
                left.unlink(missing_ok=True)


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


_preempted = threading.Event()


@contextlib.contextmanager
def preemptible() -> Iterator[None]:
    """Inside, SIGTERM (a cluster's preemption) ends a training at its next call of `Checkpoint.save` or `leave`, not at once."""
    _preempted.clear()
    if threading.current_thread() is not threading.main_thread():  # Python refuses handlers elsewhere
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: _preempted.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _preempted.clear()
