"""The length of a pretraining: passes over the photos, updates in each, and when the learning rate decays.

params.yaml: pretrain.contrast_updates. RotNet and SimCLR have batches of their own, so that as many epochs as the ranking tasks
are far fewer updates: 3,920 to 250,000 at the scale paper. `matched` gives them as many updates instead.
"""

from dataclasses import dataclass

from aesthetic_pretraining.training.loader import cut


@dataclass(frozen=True)
class Course:
    """The length of one training.

    Attributes:
        passes: passes over the photos; each ends with a validation and gives a row of the history.
        batches: positions of the photos of each batch in a full pass.
        last: number of batches in the last pass.
        decay_every: updates between two decays of the learning rate, which take effect at the next pass; 0: one after each pass.
    """

    passes: int
    batches: tuple[range, ...]
    last: int
    decay_every: int = 0

    def photos(self, done: int) -> int:
        """Number of photos in the pass after `done` passes; they are the first ones of its order."""
        return self.batches[self.last - 1].stop if done == self.passes - 1 else self.batches[-1].stop

    def falls(self, done: int) -> int:
        """Number of decays of the learning rate before the pass after `done` passes."""
        return done * len(self.batches) // self.decay_every if self.decay_every else done


def course(epochs: int, photos: int, batch: int, ranking_batch: int, least: int, matched: bool) -> Course:
    """The course of a training with batches of `batch` of the `photos`.

    Args:
        ranking_batch: photos in a batch of the ranking tasks.
        least: least number of photos in a batch (`loader.cut`).
        matched: whether training ends after as many updates as the ranking tasks make in `epochs` epochs, instead of after `epochs`
            passes.
    ASSUME: where updates are matched, the learning rate falls with the updates, as often in all as the ranking tasks' does;
        with the passes, of which there may be a thousand, it would fall to nothing.
    """
    batches = tuple(cut(photos, batch, least))
    if not matched:
        return Course(epochs, batches, len(batches))
    each = len(cut(photos, ranking_batch, least))
    passes, rest = divmod(epochs * each, len(batches))
    return Course(passes + bool(rest), batches, rest or len(batches), each)
