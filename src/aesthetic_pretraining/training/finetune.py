"""Fine-tuning on a labelled set as in NIMA (section 4.5): from a pretrained network to one that predicts votes.

Two phases. Frozen: only the new layer learns, on features that are computed once, because the backbone does not
change; until the validation loss reaches its first plateau. Then everything learns, with two learning rates that
are halved at every further plateau, until the loss has not improved for `stop_after` epochs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import write_json
from aesthetic_pretraining.models.network import (
    distribution,
    new_backbone,
    require_batch_norms,
    save_weights,
    score_network,
    set_learning,
)
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.settings.finetuning import FinetuneConfig
from aesthetic_pretraining.training import gradient_cache, loader, runtime
from aesthetic_pretraining.training.checkpoint import Checkpoint, digest, preemptible
from aesthetic_pretraining.training.datasets import LabelledImages
from aesthetic_pretraining.training.distributed import open_team
from aesthetic_pretraining.training.features_file import Features
from aesthetic_pretraining.training.history import Progress, show, write_history
from aesthetic_pretraining.training.inputs import epoch_inputs, predict_votes
from aesthetic_pretraining.training.losses import earth_movers_distance


@dataclass
class Schedule:
    """Plateaus of the validation loss: when to unfreeze, when to halve, when to stop.

    Args:
        halving: factor on both learning rates at a plateau, in 0..1.
        halve_after: epochs without an improvement that make a plateau.
        stop_after: epochs without an improvement that end the training.
        min_improvement: least relative fall of the loss that counts as an improvement.
        restart: whether the best loss is forgotten at the unfreezing (fidelity row 34).

    Attributes:
        frozen: whether the backbone is still frozen.
        factor: what the learning rates of the configuration are multiplied by.
        best: lowest validation loss so far.
        since_best, since_change: epochs without an improvement; the latter since the last plateau, too.
    """

    halving: float
    halve_after: int
    stop_after: int
    min_improvement: float
    restart: bool = False
    frozen: bool = True
    factor: float = 1.0
    best: float = float("inf")
    since_best: int = 0
    since_change: int = 0

    def update(self, val_loss: float) -> None:
        """Take the loss of an epoch.

        "Does not significantly improve" (section 4.5) is a relative fall of less than `min_improvement`.
        ASSUME: the first plateau unfreezes and leaves the rates as they are, because section 4.5 gives 1e-4 as the rate
        of the pretrained layers; the patience of early stopping starts anew there, because so does the training.
        """
        improved = val_loss < self.best * (1 - self.min_improvement)
        if improved:
            self.best, self.since_best, self.since_change = val_loss, 0, 0
            return
        self.since_best += 1
        self.since_change += 1
        if self.since_change >= self.halve_after:
            if self.frozen:
                self.frozen, self.since_best = False, 0
                if self.restart:
                    self.best = float("inf")
            else:
                self.factor *= self.halving
            self.since_change = 0

    @property
    def stopped(self) -> bool:
        """Whether training has ended early."""
        return not self.frozen and self.since_best >= self.stop_after

    def state_dict(self) -> dict[str, bool | float]:
        """What `update` has come to so far, for a checkpoint."""
        return {name: getattr(self, name) for name in ("frozen", "factor", "best", "since_best", "since_change")}

    def load_state_dict(self, state: Mapping[str, bool | float]) -> None:
        """Go on from the state of another schedule with the same arguments."""
        for name, value in state.items():
            setattr(self, name, value)


@preemptible()
@runtime.out_of_memory("finetune.micro_batch (0 is the largest) or finetune.batch, or set compute.recompute")
def finetune(
    config: FinetuneConfig,
    store: Store,
    votes: Mapping[str, np.ndarray],
    train: Sequence[str],
    val: Sequence[str],
    start: str | Path,
    features: Features,
    weights: str | Path,
    history_csv: str | Path,
    summary_json: str | Path,
    work: str | Path,
    describe: Mapping[str, object],
    workers: int = 0,
    live: str | Path | None = None,
    keep: bool = False,
) -> None:
    """Fine-tune from the backbone in `start` and write the best epoch's network, the history and a summary.

    Args:
        votes: id -> counts or fractions of the votes, (config.bins,), whose scores are config.values.
        train, val: ids in `store`.
        start: safetensors of a backbone.
        features: of (at least) these images by that backbone, and of their mirror images with `config.flip`: the frozen phase's input.
        summary_json: written: `describe` plus epochs (until early stopping), best_epoch, stopped ("early" or "cap"),
            unfrozen_at, train_mean (mean score of the training images: the constant prediction to beat).
        work: folder for the checkpoint.
        describe: which training of several this is; its values name the checkpoint.
        workers: processes that decode images ahead of the network; 0: this one, between the steps.
        live: folder for DVCLive's files, for those who watch; None: none.
        keep: as for `Checkpoint.finish`.
    Raises: UserError if the loss is not finite (names epoch, step, images and checkpoint), memory runs out (says what to
        lower), an unfinished training had other parameters (names them) or a batch is too small for the processes;
        SystemExit(checkpoint.PREEMPTED) at the next step's or epoch's end after SIGTERM, with the checkpoint saved.
    ASSUME: the weights of the epoch with the lowest validation loss are kept, as in pretraining.
    """
    team = open_team(runtime.set_up(config.threads, tf32=config.tf32), config.processes, config.precision)
    device = team.device
    if team.size > 1 and (few := min(config.batch, len(train), len(val))) < 2 * team.size:
        raise UserError(
            f"compute.processes is {team.size}, but a batch or a split has only {few} pictures, fewer than two for each; lower it, "
            "or raise finetune.batch"
        )
    torch.manual_seed(seeded_int("finetune", config.seed))  # the same new layer for every initialisation
    backbone = new_backbone(config.backbone, start)
    if config.batch_norm == "frozen":
        require_batch_norms(backbone, "finetune", config.backbone)
    backbone.prepare(device, config.recompute)
    network = score_network(backbone, config.dropout, config.bins).to(device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(
        [{"params": network.backbone.parameters()}, {"params": network.heads.parameters()}],
        weight_decay=config.weight_decay,
        fused=True,  # one pass over the weights; the plain one takes a tenth of a step of the demo
    )
    target = {i: torch.as_tensor(votes[i] / votes[i].sum(), dtype=torch.float32) for i in (*train, *val)}
    schedule = Schedule(
        config.halving, config.halve_after, config.stop_after, config.min_improvement, config.at_unfreezing == "restart"
    )
    epoch, step, loss_sum, history, best = 0, 0, 0.0, [], {}
    checkpoint = Checkpoint(
        Path(work) / f"finetune_{'_'.join(map(str, describe.values()))}.pt",
        asdict(config),
        {
            "the start's weights": digest(files=[start]),
            "the start's features": digest(files=features.files),
            "the pictures": digest(files=store.files),
            "the split of the pictures": digest(*train, "", *val),
            "the votes": digest(*([i, *votes[i]] for i in (*train, *val))),
            "the device": str(device),
        },
        team,
        __file__,
    )
    if (state := checkpoint.load()) is not None:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        best, history = state["best"], state["history"]
        epoch, step, loss_sum = state["at"]
        schedule.load_state_dict(state["schedule"])

    def snapshot() -> dict:
        return {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "best": best, "history": history, "at": (epoch, step, loss_sum),
                "schedule": schedule.state_dict()}  # fmt: skip

    name = " ".join(map(str, describe.values()))
    lines = Progress(name, config.max_epochs)
    seen = 0
    while epoch < config.max_epochs and not schedule.stopped:
        set_learning(network, config.trainable, schedule.frozen, config.batch_norm)
        rates = config.learning_rate_features * schedule.factor, config.learning_rate_head * schedule.factor
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate
        order = loader.shuffled(train, config.seed, epoch)[step * config.batch :]
        parts = loader.cut(len(order), config.batch, least=2 * team.size)
        images = LabelledImages(store, order, flips(order, config, epoch))
        known = features if schedule.frozen else None
        steps, left = step + len(parts), len(order)
        for part, inputs in zip(parts, epoch_inputs(images, parts, known, team, workers), strict=True):
            ids = order[part.start : part.stop]
            runtime.seed_step("finetune", config.seed, epoch, step)
            optimiser.zero_grad(set_to_none=True)
            wanted = loader.send(torch.stack([target[i] for i in ids]), device)
            loss_of = partial(votes_loss, wanted=wanted, config=config)
            if schedule.frozen:
                loss = loss_of(network.on_features(inputs))
                loss.backward()
            else:
                loss = gradient_cache.backward(network, inputs, loss_of, config.micro_batch, team)
            where = f"{name}, epoch {epoch + 1}, step {step + 1}"
            loss_sum += runtime.finite(loss.item(), where, ids, checkpoint) * len(ids)
            optimiser.step()
            step, seen, left = step + 1, seen + len(ids), left - len(ids)
            lines.step(epoch + 1, step, steps, seen, left)
            checkpoint.save(snapshot)
        network.eval()
        predicted = predict_votes(network, val, store, known, config.batch, team, workers)
        val_loss = earth_movers_distance(predicted, torch.stack([target[i] for i in val]), config.emd_r, config.emd).item()
        runtime.finite(val_loss, f"{name}, validation of epoch {epoch + 1}", checkpoint=checkpoint)
        epoch, train_loss, frozen = epoch + 1, loss_sum / len(train), schedule.frozen
        history.append(
            {
                "epoch": epoch,
                "train_loss": train_loss,
                "val_loss": val_loss,
                "frozen": int(frozen),
                "rate_features": rates[0],
                "rate_head": rates[1],
            }
        )
        schedule.update(val_loss)
        if config.at_unfreezing == "restart" and frozen and not schedule.frozen:
            optimiser.state.clear()  # as a new Adam, whose moments are nothing
        if val_loss < min((row["val_loss"] for row in history[:-1]), default=math.inf):
            best = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
        step, loss_sum = 0, 0.0
        lines.epoch(epoch, seen, train=train_loss, val=val_loss)
        checkpoint.save(snapshot, always=True)
        if team.first:
            show(history, live)

    if team.first:
        stopped = "early" if schedule.stopped else "cap"
        targets = [target[i].numpy() for i in train]
        write_outputs(history, stopped, targets, config.values, best, describe, weights, history_csv, summary_json)
    checkpoint.finish([weights, history_csv, summary_json], keep)


def write_outputs(
    history: list[dict],
    stopped: str,
    targets: Sequence[np.ndarray],
    values: Sequence[float],
    best: Mapping[str, Tensor],
    describe: Mapping[str, object],
    weights: str | Path,
    history_csv: str | Path,
    summary_json: str | Path,
) -> None:
    """Write what `finetune` promises; targets: shares of the votes of each training image, with these values."""
    write_history(history, history_csv)
    mean = float(np.mean([votes @ np.array(values) for votes in targets]))
    write_json(
        summary_json,
        {
            **describe,
            "epochs": len(history),
            "best_epoch": min(history, key=lambda row: row["val_loss"])["epoch"],
            "stopped": stopped,
            "unfrozen_at": next((row["epoch"] for row in history if not row["frozen"]), None),
            "train_mean": round(mean, 6),
            "train_pictures": len(targets),
        },
    )
    save_weights(best, weights)


def votes_loss(outputs: Mapping[str, Tensor], wanted: Tensor, config: FinetuneConfig) -> Tensor:
    """Earth mover's distance between raw outputs {"votes": (N, bins)} and shares of votes, (N, bins)."""
    return earth_movers_distance(distribution(outputs), wanted, config.emd_r, config.emd)


def flips(ids: Sequence[str], config: FinetuneConfig, epoch: int) -> list[bool]:
    """Whether each image is mirrored in this epoch."""
    return [config.flip and bool(seeded_int("flip", config.seed, epoch, i) & 1) for i in ids]
