"""Search of fine-tuning's rates, dropout and patience on the validation split, because the published ones are for 230,000 labels.

Two phases, both from ImageNet's weights alone. "head": the new layer by itself, on features of the frozen backbone, with every rate
of it and every dropout. "all": whole fine-tunings with the best of these, with every rate of the features and every patience. No
pretraining of this project has a part in it, so that what is found favours no row of Table 2.

Each fine-tuning learns from the images that the networks of one fold are trained on, or from all training images where there are no
folds. It is stopped by one half of the validation images, which are in no fold, and judged on the other; seeds take turns in fold and
half. The lowest validation loss of its epochs would be a biased judge: it is lower the more the loss jumps from epoch to epoch, and so
it favours high rates. Training images are no judge either: where test images are pooled over folds, they are test images of the
other folds.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, cycle, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from aesthetic_pretraining import code
from aesthetic_pretraining.data.split import assign
from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path, write_json
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network, load_into
from aesthetic_pretraining.settings.finetuning import FinetuneConfig
from aesthetic_pretraining.settings.search import ALL, HEAD, SEARCHED, TRIED, FinetuneSearchConfig
from aesthetic_pretraining.training import runtime
from aesthetic_pretraining.training.checkpoint import digest
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.features_file import Features
from aesthetic_pretraining.training.finetune import finetune
from aesthetic_pretraining.training.inputs import predict_votes
from aesthetic_pretraining.training.losses import earth_movers_distance

TOLD = ["epochs", "best_epoch", "stopped"]  # by the summary of a fine-tuning
COLUMNS = ["phase", *SEARCHED, "seed", "fold", *TOLD, "val_emd", "held_emd", "held_srcc", "constant_emd"]


@dataclass(frozen=True)
class Labelled:
    """The labelled images of a search.

    Attributes:
        store: the images. votes: id -> counts or shares of the votes, whose scores are `values`.
        train: ids of each fold's training images, or one list of all.
        val: ids.
        groups: id -> group of each validation image; a group is in one half as a whole.
        features: of these images and their mirror images, by the backbone that the search starts from.
    """

    store: Store
    votes: Mapping[str, np.ndarray]
    values: Sequence[float]
    train: Sequence[Sequence[str]]
    val: Sequence[str]
    groups: Mapping[str, str]
    features: Features

    def shares(self, ids: Sequence[str]) -> torch.Tensor:
        """Shares of the votes, (len(ids), bins)."""
        return torch.stack([torch.as_tensor(self.votes[i] / self.votes[i].sum(), dtype=torch.float32) for i in ids])

    def halves(self) -> tuple[list[str], list[str]]:
        """The validation images in two halves, by groups."""
        sizes = Counter(self.groups[i] for i in self.val)
        half = assign(sizes, {"0": 0.5, "1": 0.5}, "search", sizes=sizes)
        first, second = ([i for i in self.val if half[self.groups[i]] == name] for name in ("0", "1"))
        return first, second


def search_finetuning(
    config: FinetuneConfig,
    search: FinetuneSearchConfig,
    images: Labelled,
    start: str | Path,
    out_csv: str | Path,
    work: str | Path,
    workers: int = 0,
) -> pd.DataFrame:
    """Fine-tune with every combination, write what each came to, and return it.

    Args:
        config: as for fine-tuning; what is searched, and its seed, is replaced.
        start: safetensors of ImageNet's backbone.
        out_csv: written: phase, the values tried (empty in the phase "head" where it has none), seed, fold (number of the list of
            training images, from 1), epochs, best_epoch, stopped, val_emd (the best epoch's loss on the half that stops the training),
            held_emd and held_srcc (the same epoch's loss and rank correlation of mean scores on the other half), constant_emd (of
            these training images' mean distribution, on the same), chosen (1: of the combination that `chosen` takes in its phase;
            those of the phase "all" are the result).
        work: folder for one file per finished fine-tuning, and for the unfinished one: a killed search goes on from there.
    Raises: UserError if the validation images are of one group.
    """
    work, base = Path(work), _inputs(config, search, images, start)
    tried, (first, second) = search.combinations, images.halves()
    if not first or not second:
        raise UserError(
            "the search stops a training by one half of the validation images and judges it on the other, but they are of one group "
            "(theme); rate pictures of more groups, or give the set larger shares.val"
        )
    folds, tables = range(len(images.train)), []
    turns = list(zip(search.seeds, cycle(product(((first, second), (second, first)), folds)), strict=False))
    for phase in (HEAD, ALL):
        own = [dict(zip(TRIED[phase], values, strict=True)) for values in tried[phase]]
        rows = [
            _trial(
                phase,
                replace(config, **each, seed=seed, **_rest(phase, config)),
                images,
                fold,
                halves,
                start,
                work,
                base,
                workers,
            )
            for each, (seed, (halves, fold)) in product(own, turns)
        ]
        table = pd.DataFrame(rows, columns=COLUMNS)
        best = chosen(table, phase)
        table["chosen"] = (table[list(best)] == pd.Series(best)).all(axis=1).astype(int)
        config = replace(config, **best)
        runtime.log.info("best of the phase %s: %s", phase, ", ".join(f"{name} {value:g}" for name, value in best.items()))
        tables.append(table)
    found = pd.concat(tables, ignore_index=True)
    found.loc[found["phase"] == HEAD, TRIED[ALL]] = None
    found = found.astype(dict.fromkeys(["halve_after", "stop_after"], "Int64"))
    with atomic_path(out_csv) as tmp:
        found.to_csv(tmp, index=False, float_format="%.6g", lineterminator="\n")
    return found


def chosen(table: pd.DataFrame, phase: str) -> dict[str, Any]:
    """The values tried in a phase that are taken: by the one-standard-error rule, paired over seeds.

    ASSUME: a combination whose mean held_emd exceeds the lowest by no more than the standard error of that difference counts as equally
    good. Of these, the lowest learning rate is taken, at that rate the least patience, which takes the least time, and then the lowest
    mean. (Breiman et al., Classification and Regression
    Trees, 1984, section 3.4.3, take the simplest of such models.)
    """
    own = table[table["phase"] == phase].pivot_table("held_emd", TRIED[phase], "seed", sort=False)
    means, best = own.mean(axis=1), own.iloc[int(np.argmin(own.mean(axis=1)))]
    above = own - best
    as_good = above.mean(axis=1) <= above.std(axis=1) / np.sqrt(own.shape[1])
    rates = means.index.get_level_values(TRIED[phase][0])
    lowest = means[as_good & (rates == rates[as_good].min())]
    if phase == ALL:
        patience = lowest.index.get_level_values("stop_after")
        lowest = lowest[patience == patience.min()]
    taken = lowest.index[int(np.argmin(lowest))]
    # ints of a frame's index are numpy's, which a checkpoint would not know again
    return {name: value.item() if hasattr(value, "item") else value for name, value in zip(TRIED[phase], taken, strict=True)}


def _rest(phase: str, config: FinetuneConfig) -> dict[str, Any]:
    """ASSUME: in the phase "head" the backbone stays frozen up to finetune.max_epochs, so that no patience has a part in it."""
    return {"halve_after": config.max_epochs + 1} if phase == HEAD else {}


def _inputs(config: FinetuneConfig, search: FinetuneSearchConfig, images: Labelled, start: str | Path) -> str:
    """A short name of everything that all fine-tunings of a search depend on; which values are tried stands in their files' names."""
    fixed = [item for item in asdict(config).items() if item[0] not in (*SEARCHED, "seed")]
    votes = [[i, *images.votes[i]] for i in sorted({*chain(*images.train), *images.val})]
    groups = [images.groups[i] for i in images.val]
    return digest(
        *(
            *fixed,
            *search.seeds,
            *images.values,
            *(i for ids in images.train for i in (*ids, "")),
            *images.val,
            *groups,
            *votes,
            *sorted(code.digests(__file__).items()),
        ),
        files=[start, *images.features.files, *images.store.files],
    )


def _trial(
    phase: str,
    config: FinetuneConfig,
    images: Labelled,
    fold: int,
    halves: tuple[Sequence[str], Sequence[str]],
    start: str | Path,
    work: Path,
    base: str,
    workers: int,
) -> dict[str, object]:
    """The row of one fine-tuning, from its file if it was done before.

    fold: index into images.train. halves: validation images that stop it, and those that judge it.
    """
    stopping, held = halves
    varied = {name: getattr(config, name) for name in SEARCHED}
    name = "_".join([phase, *(f"{value:g}" for value in varied.values()), f"seed{config.seed}"])
    weights, history, done = (work / f"{name}.{suffix}" for suffix in ("safetensors", "csv", "json"))
    if done.exists() and (saved := json.loads(done.read_text())).get("inputs") == base:
        return saved["row"]
    summary = work / f"{name}.summary.json"
    finetune(
        config,
        images.store,
        images.votes,
        images.train[fold],
        stopping,
        start,
        images.features,
        weights,
        history,
        summary,
        work,
        {"trial": name},
        workers,
    )
    told = json.loads(summary.read_text())
    row = {
        "phase": phase,
        **varied,
        "seed": config.seed,
        "fold": fold + 1,
        **{key: told[key] for key in TOLD},
        "val_emd": pd.read_csv(history)["val_loss"].min(),
        **_judged(config, images, images.train[fold], held, weights, workers),
    }
    write_json(done, {"inputs": base, "row": row})
    for left in (weights, history, summary):
        left.unlink()
    return row


@torch.no_grad()
def _judged(
    config: FinetuneConfig, images: Labelled, train: Sequence[str], held: Sequence[str], weights: Path, workers: int
) -> dict[str, float]:
    """Loss and rank correlation of a fine-tuned network on images that did not stop it, and the loss of a constant prediction there."""
    alone, wanted = Alone(runtime.set_up(config.threads, training=False)), images.shares(held)
    network = Network(build_backbone(config.backbone), {"votes": wanted.shape[1]})
    load_into(network, weights)
    network.eval().to(alone.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
    predicted = predict_votes(network, held, images.store, None, config.batch, alone, workers)
    constant = images.shares(train).mean(0, keepdim=True).expand_as(wanted)
    scores = torch.tensor(images.values, dtype=torch.float32)
    return {
        "held_emd": earth_movers_distance(predicted, wanted, config.emd_r, config.emd).item(),
        "held_srcc": _spearman((predicted @ scores).numpy(), (wanted @ scores).numpy()),
        "constant_emd": earth_movers_distance(constant, wanted, config.emd_r, config.emd).item(),
    }


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation; NaN where all values of one are equal."""
    first, second = (pd.Series(values).rank().to_numpy() for values in (a, b))
    return float(np.corrcoef(first, second)[0, 1]) if first.std() and second.std() else float("nan")
