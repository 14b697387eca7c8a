"""Search of the learning rate (section 4.3: 1e-4 "based on a hyperparameter search"): a few dozen steps with a rising rate.

A short test before a training, not a part of the chain: nothing depends on its outputs.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.network import set_learning
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.settings.search import SearchConfig
from aesthetic_pretraining.training import gradient_cache, history, loader, runtime
from aesthetic_pretraining.training.datasets import VariantsDataset
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.pretext import TASKS, Task, TaskConfig
from aesthetic_pretraining.training.pretrain_setup import PretrainConfig, batch_of, micro_batch_of, start_of

DIVERGED = 10.0  # times the lowest loss so far: higher rates tell nothing more


def rates(search: SearchConfig) -> list[float]:
    """The learning rate of each step: from `lowest` to `highest` by equal factors."""
    factor = (search.highest / search.lowest) ** (1 / max(search.steps - 1, 1))
    return [search.lowest * factor**step for step in range(search.steps)]


@runtime.out_of_memory(
    "pretrain.micro_batch or, for rotnet and simclr, pretrain.contrast_micro_batch (0 is the largest), "
    "pretrain.batch_photos or pretrain.contrast_batch, or set compute.recompute"
)
def search_rate(
    task_name: str,
    task_config: TaskConfig,
    config: PretrainConfig,
    search: SearchConfig,
    variants: Variants,
    train: Sequence[str],
    start: str | Path,
    out_csv: str | Path,
    workers: int = 0,
) -> pd.DataFrame:
    """Train one task from the `start` weights, the rate rising with every step; write the loss over the rate, and return it.

    Args:
        config: as for pretraining; its learning rate and its frozen start are left out.
        train: ids of photos, taken in batches as in pretraining, from the beginning again when all were seen.
        out_csv: written: step (from 1), learning_rate, loss (of the batch, before the step of that rate).
    The search ends early where the loss is no number or DIVERGED times the lowest: such a row is the last.
    Raises: UserError if `lowest` is not below `highest`, or memory runs out.
    """
    if search.lowest >= search.highest:
        raise UserError(f"search.lowest is {search.lowest:g}, but must be below search.highest, {search.highest:g}")
    alone = Alone(runtime.set_up(config.threads, tf32=config.tf32))  # a search is short: one process, in float32
    task = TASKS[task_name](task_config)
    network, optimiser = start_of(task, task_name, config, start, alone.device)
    set_learning(network, config.trainable, frozen=False, batch_norm=config.batch_norm, learning_blocks=config.learning_blocks)
    rows: list[dict] = []
    # ASSUME: section 4.3 does not tell the search; this is the usual range test, where the loss falls steepest is a good rate
    for rate, images in zip(
        rates(search), _batches(task, variants, train, config, batch_of(task, config), workers, alone.device), strict=False
    ):
        for group in optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        runtime.seed_step("search", config.seed, task_name, len(rows))
        optimiser.zero_grad(set_to_none=True)
        loss_of = gradient_cache.by_photo(task.loss, images.shape[1])
        micro_batch = micro_batch_of(task, config)
        loss = gradient_cache.backward(network, images.flatten(0, 1), loss_of, micro_batch, alone).item()
        rows.append({"step": len(rows) + 1, "learning_rate": rate, "loss": loss})
        runtime.log.info(
            "%s search step %d of %d  learning rate %.2g  loss %.4f", task_name, len(rows), search.steps, rate, loss
        )
        if not math.isfinite(loss) or loss > DIVERGED * min(row["loss"] for row in rows):
            break
        optimiser.step()
    history.write_history(rows, out_csv)
    return pd.DataFrame(rows)


def _batches(
    task: Task,
    variants: Variants,
    train: Sequence[str],
    config: PretrainConfig,
    size: int,
    workers: int,
    device: torch.device,
) -> Iterator[Tensor]:
    """Batches of training photos without end, each round over the photos in another order."""
    for epoch in count():
        order = loader.shuffled(train, config.seed, "search", epoch)
        dataset = VariantsDataset(
            variants, order, seeded_int(config.seed, "search", epoch), make=task.pictures, views=task.views
        )
        yield from loader.batches(dataset, loader.cut(len(order), size), workers, device)
