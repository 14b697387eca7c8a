"""Fine-tuning on AVA as in NIMA (section 4.5): from a pretrained network to one that predicts votes.

Two phases. Frozen: only the new layer learns, on features that are computed once, because the backbone does not
change; until the validation loss reaches its first plateau. Then everything learns, with two learning rates that
are halved at every further plateau, until the loss has not improved for `stop_after` epochs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aesthetic_pretraining import runtime
from aesthetic_pretraining.files import atomic_path, seeded_int, write_json
from aesthetic_pretraining.losses import earth_movers_distance
from aesthetic_pretraining.networks import Network, distribution, new_backbone, save_weights, score_network, set_learning
from aesthetic_pretraining.store import Store


@dataclass(frozen=True)
class FinetuneConfig:
    """params.yaml: finetune, backbone.name, image.size; units and ranges stand in the schema. `seed` is the run's own."""

    backbone: str
    seed: int
    batch: int
    learning_rate_features: float
    learning_rate_head: float
    weight_decay: float
    halving: float
    halve_after: int
    stop_after: int
    max_epochs: int
    min_improvement: float
    dropout: float
    flip: bool
    emd: str
    emd_r: int
    trainable: str
    threads: int


@dataclass
class Schedule:
    """Plateaus of the validation loss: when to unfreeze, when to halve, when to stop."""

    config: FinetuneConfig
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
        improved = val_loss < self.best * (1 - self.config.min_improvement)
        if improved:
            self.best, self.since_best, self.since_change = val_loss, 0, 0
            return
        self.since_best += 1
        self.since_change += 1
        if self.since_change >= self.config.halve_after:
            if self.frozen:
                self.frozen, self.since_best = False, 0
            else:
                self.factor *= self.config.halving
            self.since_change = 0

    @property
    def stopped(self) -> bool:
        """Whether training has ended early."""
        return not self.frozen and self.since_best >= self.config.stop_after


@runtime.preemptible()
@runtime.out_of_memory("finetune.batch")
def finetune(
    config: FinetuneConfig,
    store: Store,
    votes: Mapping[str, np.ndarray],
    train: Sequence[str],
    val: Sequence[str],
    start: str | Path,
    weights: str | Path,
    history_csv: str | Path,
    summary_json: str | Path,
    work: str | Path,
    describe: Mapping[str, object],
    workers: int = 0,
) -> None:
    """Fine-tune from the backbone in `start` and write the best epoch's network, the history and a summary.

    Args:
        votes: id -> counts of the votes 1..10.
        train, val: ids in `store`.
        start: safetensors of a backbone.
        summary_json: written: `describe` plus epochs (until early stopping), best_epoch, stopped ("early" or "cap"),
            unfrozen_at, train_mean (mean score of the training pictures: the constant prediction to beat).
        work: folder for the checkpoint and the cached features.
    Raises: UserError if the loss is not finite (names epoch, step, pictures and checkpoint) or memory runs out (says what to
        lower); SystemExit(runtime.PREEMPTED) at the next step's or epoch's end after SIGTERM, with the checkpoint saved.
    ASSUME: the weights of the epoch with the lowest validation loss are kept, as in pretraining.
    """
    device = runtime.set_up(config.threads)
    torch.manual_seed(seeded_int("finetune", config.seed))  # the same new layer for every initialisation
    network = score_network(new_backbone(config.backbone, start), config.dropout).to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(
        [{"params": network.backbone.parameters()}, {"params": network.heads.parameters()}], weight_decay=config.weight_decay
    )
    target = {i: torch.as_tensor(votes[i] / votes[i].sum(), dtype=torch.float32) for i in (*train, *val)}
    schedule = Schedule(config)
    epoch, step, loss_sum, history, best = 0, 0, 0.0, [], {}
    checkpoint = runtime.Checkpoint(
        work,
        [start, *store.files],
        asdict(config),
        train,
        val,
        [list(votes[i]) for i in (*train, *val)],
        str(device),
        dict(describe),
    )
    if (state := checkpoint.load()) is not None:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        best, history = state["best"], state["history"]
        epoch, step, loss_sum = state["at"]
        for name, value in state["schedule"].items():
            setattr(schedule, name, value)

    def snapshot() -> dict:
        return {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "best": best, "history": history, "at": (epoch, step, loss_sum),
                "schedule": {k: v for k, v in vars(schedule).items() if k != "config"}}  # fmt: skip

    cache, features = None, checkpoint.path.with_suffix(".features")
    if schedule.frozen:
        cache = FeatureCache(features, network, store, [*train, *val], config, device, workers)
    name = " ".join(map(str, describe.values()))
    progress = runtime.Progress(name, config.max_epochs)
    first, seen = epoch, 0
    while epoch < config.max_epochs and not schedule.stopped:
        set_learning(network, config.trainable, frozen=schedule.frozen)
        rates = config.learning_rate_features * schedule.factor, config.learning_rate_head * schedule.factor
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate
        order = runtime.shuffled(train, config.seed, epoch)[step * config.batch :]
        steps, left = step + len(runtime.cut(len(order), config.batch, join_single=True)), len(order)
        for ids, inputs in epoch_inputs(
            order, flips(order, config, epoch), store, cache if schedule.frozen else None, config, workers
        ):
            runtime.seed_step("finetune", config.seed, epoch, step)
            outputs = network.on_features(inputs.to(device)) if schedule.frozen else network(inputs.to(device))
            wanted = torch.stack([target[i] for i in ids]).to(device)
            loss = earth_movers_distance(distribution(outputs), wanted, config.emd_r, config.emd)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            where = f"{name}, epoch {epoch + 1}, step {step + 1}"
            loss_sum += runtime.finite(loss.item(), where, ids, checkpoint) * len(ids)
            optimiser.step()
            step, seen, left = step + 1, seen + len(ids), left - len(ids)
            progress.step(epoch + 1, step, steps, seen, left)
            checkpoint.save(snapshot)
        network.eval()
        predicted = predict_votes(network, val, store, cache if schedule.frozen else None, config, device, workers)
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
        if val_loss < min((row["val_loss"] for row in history[:-1]), default=math.inf):
            best = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
        step, loss_sum = 0, 0.0
        progress.epoch(epoch, seen, epoch - first, train=train_loss, val=val_loss)
        if not schedule.frozen:
            features.unlink(missing_ok=True)
        checkpoint.save(snapshot, always=True)

    runtime.write_history(history, history_csv)
    stopped = "early" if schedule.stopped else "cap"
    mean = float(np.mean([target[i].numpy() @ np.arange(1, 11) for i in train]))
    best_epoch = min(history, key=lambda row: row["val_loss"])["epoch"]
    unfrozen = next((row["epoch"] for row in history if not row["frozen"]), None)
    write_json(
        summary_json,
        {
            **describe,
            "epochs": epoch,
            "best_epoch": best_epoch,
            "stopped": stopped,
            "unfrozen_at": unfrozen,
            "train_mean": round(mean, 6),
            "train_pictures": len(train),
        },
    )
    save_weights(best, weights)
    features.unlink(missing_ok=True)
    checkpoint.remove()


def flips(ids: Sequence[str], config: FinetuneConfig, epoch: int) -> list[bool]:
    """Whether each picture is mirrored in this epoch."""
    return [config.flip and bool(seeded_int("flip", config.seed, epoch, i) & 1) for i in ids]


def epoch_inputs(
    ids: Sequence[str],
    flipped: Sequence[bool],
    store: Store,
    cache: "FeatureCache | None",
    config: FinetuneConfig,
    workers: int,
):
    """Yield (ids, inputs) batch by batch: cached features (n, width) if there is a cache, else uint8 pictures (n, 3, S, S)."""
    parts = [slice(part.start, part.stop) for part in runtime.cut(len(ids), config.batch, join_single=True)]
    if cache is not None:
        for part in parts:
            yield ids[part], cache.read(ids[part], flipped[part])
        return
    names = [f"{i}\x1f{int(f)}" for i, f in zip(ids, flipped, strict=True)]
    for part, pictures in zip(
        parts, runtime.batches(names, PictureLoader(store), config.batch, workers, join_single=True), strict=True
    ):
        yield ids[part], pictures


class PictureLoader:
    """ "id, unit separator, 0 or 1" -> the letterboxed picture, mirrored for 1: uint8 (3, S, S)."""

    def __init__(self, store: Store):
        self.store = store

    def __call__(self, name: str) -> Tensor:
        picture, flip = name.split("\x1f")
        tensor = torch.from_numpy(self.store.pixels(picture).copy()).permute(2, 0, 1)
        return tensor.flip(2) if flip == "1" else tensor


class FeatureCache:
    """The frozen backbone's features of every picture and, with flips, of its mirror image, in a file on disk."""

    def __init__(
        self,
        path: Path,
        network: Network,
        store: Store,
        ids: Sequence[str],
        config: FinetuneConfig,
        device: torch.device,
        workers: int,
    ):
        self.path, self.row = path, {i: k for k, i in enumerate(ids)}
        sides = [False, True] if config.flip else [False]
        with atomic_path(path) as tmp:
            features = np.memmap(tmp, np.float32, "w+", shape=(len(sides), len(ids), network.backbone.width))
            network.eval()
            with torch.no_grad():
                for side, flipped in enumerate(sides):
                    at = 0
                    for part, pictures in epoch_inputs(ids, [flipped] * len(ids), store, None, config, workers):
                        features[side, at : at + len(part)] = network.backbone(pictures.to(device)).cpu().numpy()
                        at += len(part)
            features.flush()
        self.features = np.memmap(path, np.float32, "r", shape=features.shape)

    def read(self, ids: Sequence[str], flipped: Sequence[bool]) -> Tensor:
        """Features (n, width) of the pictures or their mirror images."""
        return torch.from_numpy(np.stack([self.features[int(f), self.row[i]] for i, f in zip(ids, flipped, strict=True)]))


@torch.no_grad()
def predict_votes(
    network: Network, ids: Sequence[str], store: Store, cache: FeatureCache | None, config, device: torch.device, workers: int
) -> Tensor:
    """Probabilities (n, 10) of the votes for the pictures as they are, on the CPU; the network has to be in inference mode.

    `config` needs only `batch`.
    """
    out = []
    for _, inputs in epoch_inputs(ids, [False] * len(ids), store, cache, config, workers):
        outputs = network.on_features(inputs.to(device)) if cache is not None else network(inputs.to(device))
        out.append(distribution(outputs).cpu())
    return torch.cat(out)
