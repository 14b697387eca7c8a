"""How long a pretraining lasts: passes over the photos, updates in each, and how far the learning rate has fallen.

params.yaml: pretrain.contrast_updates. RotNet and SimCLR have batches of their own, so that as many epochs as the ranking tasks
are far fewer updates: 3,920 to 250,000 at the scale paper. `matched` gives them as many updates instead.
"""

from dataclasses import dataclass

from aesthetic_pretraining.training.loader import cut


@dataclass(frozen=True)
class Course:
    """One training's course.

    passes: over the photos; history has a row for each, and each ends with a validation
    batches: the batches of a whole pass, positions of photos each
    last: number of batches in the last pass
    decay_every: updates after which the learning rate falls, from the next pass on; 0: after each pass
    """

    passes: int
    batches: tuple[range, ...]
    last: int
    decay_every: int = 0

    def photos(self, done: int) -> int:
        """How many photos the pass after `done` passes takes, from the beginning of its order."""
        return self.batches[self.last - 1].stop if done == self.passes - 1 else self.batches[-1].stop

    def falls(self, done: int) -> int:
        """How often the learning rate has fallen before the pass after `done` passes."""
        return done * len(self.batches) // self.decay_every if self.decay_every else done


def course(epochs: int, photos: int, batch: int, ranking_batch: int, least: int, matched: bool) -> Course:
    """The course of a training with batches of `batch` of the `photos`.

    Args:
        ranking_batch: photos in a batch of the ranking tasks.
        least: photos that a batch has at least (`loader.cut`).
        matched: whether it ends after as many updates as `epochs` of the ranking tasks are, instead of after `epochs` passes.
    ASSUME: where updates are matched, the learning rate falls with the updates, as often in all as the ranking tasks' does;
        with the passes, of which there may be a thousand, it would fall to nothing.
    """
    batches = tuple(cut(photos, batch, least))
    if not matched:
        return Course(epochs, batches, len(batches))
    each = len(cut(photos, ranking_batch, least))
    passes, rest = divmod(epochs * each, len(batches))
    return Course(passes + bool(rest), batches, rest or len(batches), each)
