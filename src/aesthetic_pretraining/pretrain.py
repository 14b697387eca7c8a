"""Self-supervised pretraining (section 4.3): from a store of photos to the weights that fine-tuning starts from."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from aesthetic_pretraining import microbatch, progress, runtime
from aesthetic_pretraining.checkpoint import Checkpoint, digest, preemptible
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import seeded_int
from aesthetic_pretraining.networks import Network, new_backbone, save_weights, set_learning
from aesthetic_pretraining.pretext import TASKS, Task, TaskConfig
from aesthetic_pretraining.team import Alone, open_team
from aesthetic_pretraining.variants import Variants


@dataclass(frozen=True)
class PretrainConfig:
    """params.yaml: pretrain, distortions, compute, backbone.name and seed; units and ranges stand in the schema."""

    backbone: str
    engine: str
    table: str
    seed: int
    epochs: int
    batch_photos: int
    contrast_batch: int
    micro_batch: int
    frozen_steps: int
    learning_rate: float
    learning_rate_decay: float
    rmsprop_decay: float
    momentum: float
    weight_decay: float
    trainable: str
    threads: int
    processes: int = 1
    precision: str = "float32"
    kept_micro_batches: int = 0
    contrast_micro_batch: int = 0
    tf32: bool = False
    recompute: bool = False


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
) -> None:
    """Train one pretext task from the `start` weights and write the best epoch's network and the history.

    Args:
        variants: the photos, and how they are distorted.
        train, val: ids of photos.
        start: safetensors of the backbone (ImageNet).
        weights: written: safetensors of the network with its heads, of the epoch with the lowest validation loss.
        history_csv: written: epoch, steps, train_loss, val_loss, learning_rate.
        work: folder for the checkpoint; a killed run goes on from there to the same bytes.
        workers: processes that decode and distort photos ahead of the network; 0: this one, between the steps.
        live: folder for DVCLive's files, for those who watch; None: none.
    Raises: UserError if the loss is not finite (names epoch, step, photos and checkpoint), memory runs out (says what to
        lower), an unfinished training had other parameters (names them) or a batch has fewer photos than there are processes;
        SystemExit(checkpoint.PREEMPTED) at the next step's end after SIGTERM, with the checkpoint saved.
    """
    team = open_team(runtime.set_up(config.threads, tf32=config.tf32), config.processes, config.precision)
    task = TASKS[task_name](task_config)
    network, optimiser = start_of(task, task_name, config, start, team.device)
    size, micro_batch = batch_of(task, config), micro_batch_of(task, config)
    if min(size, len(train), len(val)) < team.size:
        raise UserError(
            f"compute.processes is {team.size}, but a batch or a split has only {min(size, len(train), len(val))} photos; "
            "lower it, or raise pretrain.batch_photos and pretrain.contrast_batch"
        )

    epoch, step, total_steps, loss_sum = 0, 0, 0, 0.0
    history: list[dict] = []
    best: dict[str, Tensor] = {}
    checkpoint = Checkpoint(
        Path(work) / f"pretrain_{task_name}.pt",
        asdict(task_config) | asdict(config) | {"size": variants.size},
        {
            "the start's weights": digest(files=[start]),
            "the photos": digest(files=variants.files),
            "the split of the photos": digest(*train, "", *val),
            "the device": str(team.device),
        },
        team,
    )
    if (state := checkpoint.load()) is not None:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        best, history = state["best"], state["history"]
        epoch, step, total_steps, loss_sum = state["at"]

    def snapshot() -> dict:
        return {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "best": best, "history": history,
                "at": (epoch, step, total_steps, loss_sum)}  # fmt: skip

    lines = progress.Progress(task_name, config.epochs)
    first, seen = epoch, 0
    while epoch < config.epochs:
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * config.learning_rate_decay**epoch
        order = runtime.shuffled(train, config.seed, task_name, epoch)[step * size :]
        parts = [order[part.start : part.stop] for part in runtime.cut(len(order), size, least=team.size)]
        steps, left = step + len(parts), len(order)
        loader = Loader(task, variants, seeded_int(config.seed, epoch))
        for part, pictures in zip(parts, runtime.batches(mine(parts, team), loader, workers, team.device), strict=True):
            views = pictures.shape[1]
            set_learning(network, config.trainable, frozen=total_steps < config.frozen_steps)
            runtime.seed_step("pretrain", config.seed, task_name, epoch, step)
            optimiser.zero_grad(set_to_none=True)
            loss = microbatch.backward(
                network,
                pictures.flatten(0, 1),
                microbatch.by_photo(task.loss, views),
                micro_batch,
                team,
                config.kept_micro_batches,
            )
            where = f"{task_name}, epoch {epoch + 1}, step {step + 1}"
            loss_sum += runtime.finite(loss.item(), where, part, checkpoint) * len(part)
            optimiser.step()
            step, total_steps, seen, left = step + 1, total_steps + 1, seen + len(part) * views, left - len(part)
            lines.step(epoch + 1, step, steps, seen, left * views)
            checkpoint.save(snapshot)
        val_loss = validate(network, task, variants, val, size, config, team, workers, lambda: checkpoint.leave(snapshot))
        runtime.finite(val_loss, f"{task_name}, validation of epoch {epoch + 1}", checkpoint=checkpoint)
        epoch, train_loss = epoch + 1, loss_sum / len(train)
        history.append(
            {
                "epoch": epoch,
                "steps": total_steps,
                "train_loss": train_loss,
                "val_loss": val_loss,
                "learning_rate": optimiser.param_groups[0]["lr"],
            }
        )
        if val_loss <= min(row["val_loss"] for row in history):
            best = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
        step, loss_sum = 0, 0.0
        lines.epoch(epoch, seen, epoch - first, train=train_loss, val=val_loss)
        checkpoint.save(snapshot, always=True)
        if team.first:
            progress.show(history, live)

    if team.first:
        progress.write_history(history, history_csv)
        save_weights(best, weights)
    checkpoint.remove()


def start_of(
    task: Task, task_name: str, config: PretrainConfig, start: str | Path, device: torch.device
) -> tuple[Network, torch.optim.Optimizer]:
    """The network with the `start` weights under new heads, and its optimiser (section 4.3)."""
    torch.manual_seed(seeded_int("init", config.seed, task_name))
    backbone = new_backbone(config.backbone, start)
    backbone.prepare(device, config.recompute)
    network = Network(backbone, task.heads, task.hidden).to(device, memory_format=torch.channels_last)
    # ASSUME: RMSprop's epsilon is torch's, and RotNet and SimCLR are trained by the same optimiser, rate and frozen start
    optimiser = torch.optim.RMSprop(
        network.parameters(),
        lr=config.learning_rate,
        alpha=config.rmsprop_decay,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
    )
    return network, optimiser


def batch_of(task: Task, config: PretrainConfig) -> int:
    """Photos in a batch of the task."""
    return config.contrast_batch if task.contrast else config.batch_photos


def micro_batch_of(task: Task, config: PretrainConfig) -> int:
    """Pictures of the task that pass the network at once; 0: all of a batch."""
    return config.contrast_micro_batch if task.contrast else config.micro_batch


def mine(parts: Sequence[Sequence[str]], team: Alone) -> list[Sequence[str]]:
    """This process's share of each batch."""
    return [part[team.share(len(part))] for part in parts]


class Loader:
    """id -> the task's pictures of that photo, uint8 (n, 3, size, size)."""

    def __init__(self, task: Task, variants: Variants, seed: int):
        self.task, self.variants, self.seed = task, variants, seed

    def __call__(self, photo_id: str) -> Tensor:
        return self.task.pictures(self.variants, photo_id, self.seed)


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
    parts = [val[part.start : part.stop] for part in runtime.cut(len(val), size, least=team.size)]
    loader = Loader(task, variants, seeded_int(config.seed, "val"))
    for part, pictures in zip(parts, runtime.batches(mine(parts, team), loader, workers, team.device), strict=True):
        outputs = microbatch.forward(network, pictures.flatten(0, 1), micro_batch_of(task, config), team)
        total += microbatch.by_photo(task.loss, pictures.shape[1])(outputs).item() * len(part)
        after_batch()
    return total / len(val)
