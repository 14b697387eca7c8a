"""Self-supervised pretraining (section 4.3): from a store of photos to the weights that fine-tuning starts from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Tensor

from aesthetic_pretraining.distortions.variants import Variants, augmented
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.models.network import Network, save_weights, set_learning
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.training import gradient_cache, loader, pretrained, runtime
from aesthetic_pretraining.training.checkpoint import Checkpoint, digest, preemptible
from aesthetic_pretraining.training.course import Course, course
from aesthetic_pretraining.training.datasets import VariantsDataset
from aesthetic_pretraining.training.distributed import Alone, open_team
from aesthetic_pretraining.training.history import Progress, show, write_history
from aesthetic_pretraining.training.pretext import TASKS, Task, TaskConfig
from aesthetic_pretraining.training.pretrain_setup import PretrainConfig, batch_of, micro_batch_of, set_rates, start_of


@preemptible()
@runtime.out_of_memory(
    "pretrain.kept_micro_batches, pretrain.micro_batch or, for rotnet and simclr, pretrain.contrast_micro_batch (0 is the largest), "
    "pretrain.batch_photos or pretrain.contrast_batch, or set compute.recompute"
)
def pretrain(
    task_name: str,
    task_config: TaskConfig,
    config: PretrainConfig,
    variants: Variants,
    train: Sequence[str],
    val: Sequence[str],
    start: str | Path,
    weights: str | Path,
    history_csv: str | Path,
    work: str | Path,
    workers: int = 0,
    live: str | Path | None = None,
    row: str = "",
    keep: bool = False,
) -> None:
    """Train one pretext task from the `start` weights and write the best epoch's network and the history.

    Args:
        variants: the photos, and how they are distorted.
        train, val: ids of photos.
        start: safetensors of the backbone (ImageNet).
        weights: written: safetensors of the network with its heads, of the epoch with the lowest validation loss.
        history_csv: written: epoch (pass over the photos), steps (updates so far), unfrozen_updates (those of them that let the
            backbone learn), pictures (seen so far), train_loss, val_loss, learning_rate.
        work: folder for the checkpoint; a killed run goes on from there to the same bytes.
        workers: processes that decode and distort photos ahead of the network; 0: this one, between the steps.
        live: folder for DVCLive's files, for those who watch; None: none.
        row: the comparison row's name, in log lines and the checkpoint's; "": the task's. What is random depends on the task alone,
            so that two rows of one task begin with the same heads and see the same photos in the same order.
        keep: as for `Checkpoint.finish`.
    Raises: UserError if the loss is not finite (names epoch, step, photos and checkpoint), memory runs out (says what to
        lower), an unfinished training had other parameters (names them) or a batch has fewer photos than there are processes;
        SystemExit(checkpoint.PREEMPTED) at the next step's end after SIGTERM, with the checkpoint saved.
    """
    team = open_team(runtime.set_up(config.threads, tf32=config.tf32), config.processes, config.precision)
    task, row = TASKS[task_name](task_config), row or task_name
    network, optimiser = start_of(task, task_name, config, start, team.device)
    size, micro_batch = batch_of(task, config), micro_batch_of(task, config)
    if min(size, len(train), len(val)) < team.size:
        raise UserError(
            f"compute.processes is {team.size}, but a batch or a split has only {min(size, len(train), len(val))} photos; "
            "lower it, or raise pretrain.batch_photos and pretrain.contrast_batch"
        )

    plan = course_of(task, config, len(train), team)
    epoch, step, total_steps, loss_sum = 0, 0, 0, 0.0
    history: list[dict] = []
    best: dict[str, Tensor] = {}
    checkpoint = Checkpoint(
        Path(work) / f"pretrain_{row}_seed{config.seed}.pt",
        asdict(task_config) | asdict(config) | {"task": task_name, "size": variants.size},
        {
            "the start's weights": digest(files=[start]),
            "the photos": digest(files=variants.files),
            "the split of the photos": digest(*train, "", *val),
            "the device": str(team.device),
        },
        team,
        __file__,
    )
    if (state := checkpoint.load()) is not None:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        best, history = state["best"], state["history"]
        epoch, step, total_steps, loss_sum = state["at"]

    def snapshot() -> dict:
        return {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "best": best, "history": history,
                "at": (epoch, step, total_steps, loss_sum)}  # fmt: skip

    lines = Progress(f"{row} seed {config.seed}", plan.passes)
    seen = 0
    while epoch < plan.passes:
        rate = config.learning_rate * config.learning_rate_decay ** plan.falls(epoch)
        photos = plan.photos(epoch)
        order = loader.shuffled(train, config.seed, task_name, epoch)[:photos][step * size :]
        parts = loader.cut(len(order), size, least=team.size)
        steps, left = step + len(parts), len(order)
        shown = variants if task.contrast else augmented(variants, config.augment, seeded_int(config.seed, "view", epoch))
        dataset = VariantsDataset(shown, order, seeded_int(config.seed, epoch), make=task.pictures, views=task.views)
        for part, images in zip(parts, loader.batches(dataset, mine(parts, team), workers, team.device), strict=True):
            views = images.shape[1]
            set_learning(
                network, config.trainable, total_steps < config.frozen_steps, config.batch_norm, config.learning_blocks
            )
            set_rates(optimiser, rate, total_steps, config)
            runtime.seed_step("pretrain", config.seed, task_name, epoch, step)
            optimiser.zero_grad(set_to_none=True)
            loss = gradient_cache.backward(
                network,
                images.flatten(0, 1),
                gradient_cache.by_photo(task.loss, views),
                micro_batch,
                team,
                config.kept_micro_batches,
            )
            where = f"{row}, epoch {epoch + 1}, step {step + 1}"
            loss_sum += runtime.finite(loss.item(), where, order[part.start : part.stop], checkpoint) * len(part)
            if config.clip_norm:
                torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip_norm)
            optimiser.step()
            step, total_steps, seen, left = step + 1, total_steps + 1, seen + len(part) * views, left - len(part)
            lines.step(epoch + 1, step, steps, seen, left * views)
            checkpoint.save(snapshot)
        val_loss = validate(network, task, variants, val, size, config, team, workers, lambda: checkpoint.leave(snapshot))
        runtime.finite(val_loss, f"{row}, validation of epoch {epoch + 1}", checkpoint=checkpoint)
        epoch, train_loss = epoch + 1, loss_sum / photos
        history.append(
            {
                "epoch": epoch,
                "steps": total_steps,
                "unfrozen_updates": max(0, total_steps - config.frozen_steps),
                "pictures": task.views * photos + (history[-1]["pictures"] if history else 0),
                "train_loss": train_loss,
                "val_loss": val_loss,
                "learning_rate": rate,
            }
        )
        if val_loss <= min(each["val_loss"] for each in history):
            best = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
        step, loss_sum = 0, 0.0
        lines.epoch(epoch, seen, train=train_loss, val=val_loss)
        checkpoint.save(snapshot, always=True)
        if team.first:
            show(history, live)

    if team.first:
        say_if_unmoved(row, history, start, best)
        write_history(history, history_csv)
        save_weights(best, weights)
    checkpoint.finish([weights, history_csv], keep)


def course_of(task: Task, config: PretrainConfig, photos: int, team: Alone) -> Course:
    """How long a training on so many photos lasts."""
    matched = task.contrast and config.contrast_updates == "matched"
    return course(config.epochs, photos, batch_of(task, config), config.batch_photos, team.size, matched)


def say_if_unmoved(task: str, history: Sequence[Mapping], start: str | Path, best: Mapping[str, Tensor]) -> None:
    """Warn in the log if the kept epoch never moved the backbone's weights: fine-tuning would start from ImageNet's."""
    moved = pretrained.drift(load_file(start), best)
    kept = pretrained.kept(pd.DataFrame(history))
    for warning in pretrained.unmoved(task, kept, moved):
        runtime.log.warning("%s", warning)


def mine(parts: Sequence[range], team: Alone) -> list[range]:
    """This process's share of each batch."""
    return [part[team.share(len(part))] for part in parts]


@torch.no_grad()
def validate(
    network: Network,
    task: Task,
    variants: Variants,
    val: Sequence[str],
    size: int,
    config: PretrainConfig,
    team: Alone,
    workers: int,
    after_batch: Callable[[], None] = lambda: None,
) -> float:
    """Mean loss over the validation photos, with the same noise in every epoch."""
    network.eval()
    total = 0.0
    parts = loader.cut(len(val), size, least=team.size)
    dataset = VariantsDataset(variants, val, seeded_int(config.seed, "val"), make=task.pictures, views=task.views)
    for part, images in zip(parts, loader.batches(dataset, mine(parts, team), workers, team.device), strict=True):
        outputs = gradient_cache.forward(network, images.flatten(0, 1), micro_batch_of(task, config), team)
        total += gradient_cache.by_photo(task.loss, images.shape[1])(outputs).item() * len(part)
        after_batch()
    return total / len(val)
