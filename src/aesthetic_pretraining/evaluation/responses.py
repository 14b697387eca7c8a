"""Responses of pretrained networks, before fine-tuning, to distorted photos: Figure 4, its 21 x 21 version, Appendix D, rankings."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.evaluation.pretext_metrics import Confusion, CrossResponse, RankingAccuracy, ladder
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.initialisations import NAMING, RESPONDING, task_of
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network, load_into
from aesthetic_pretraining.settings.inference import RespondConfig
from aesthetic_pretraining.training import gradient_cache, loader, runtime
from aesthetic_pretraining.training.datasets import VariantsDataset
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.pretext import TASKS

GROUP = 64  # photos of one network per row group of the file
ROWS = [(name, level, i) for name in DISTORTIONS for level, i in ladder(name)]  # of one photo in the table of responses
SCHEMA = pa.schema(
    [
        ("pretraining", pa.int32()),
        ("photo", pa.string()),
        ("distortion", pa.string()),
        ("level", pa.int16()),
        *((name, pa.float32()) for name in DISTORTIONS),
    ]
)


@torch.no_grad()
def respond(
    config: RespondConfig,
    variants: Variants,
    photos: Sequence[str],
    seed: int,
    weights: Mapping[tuple[str, int], str | Path],
    *,
    responses: str | Path,
    cross: str | Path,
    ranking: str | Path,
    pooled: str | Path,
    confusion: str | Path,
    workers: int = 0,
    comparisons: Mapping[str, str] | None = None,
) -> None:
    """Pass each photo's 174 variants through every network once and write their outputs, in memory independent of the photos.

    All tables have a column pretraining; one whose network was not trained has only its header.

    Args:
        weights: {(row, pretraining seed): safetensors}, for the trained rows whose tasks are in `initialisations.RANKING`.
        responses: Parquet, one row per photo, pretraining seed, distortion and level (including 0, the distortion's own anchor):
            pretraining, photo, distortion, level, and the 21 intensities (float32, about -1..1) predicted by ranking_regression
            (Figure 4).
        cross: CSV of `pretext_metrics.CrossResponse`, from the same network.
        ranking: CSV of `pretext_metrics.RankingAccuracy`, of every network; pooled: over all distortions and levels.
        confusion: CSV of `pretext_metrics.Confusion`, from ranking_classification.
        workers: processes that render variants.
        comparisons: {comparison row: its task}; any other row is named as its task.
    """
    device = runtime.set_up(config.threads, training=False)
    networks = {key: _network(config, task_of(key[0], comparisons or {}), path, device) for key, path in weights.items()}
    ranks, classes, crossed = RankingAccuracy(), Confusion(), CrossResponse()
    with atomic_path(responses) as tmp, pq.ParquetWriter(tmp, SCHEMA) as writer:
        group: list[pa.Table] = []
        for photo, outputs in _outputs(networks, variants, photos, seed, config.batch, workers, device):
            for (row, pretraining), heads in outputs.items():
                ranks.add(row, pretraining, heads["rank"][:, 0])
                if row == RESPONDING:
                    crossed.add(pretraining, heads["intensity"])
                    group.append(_rows(pretraining, photo, heads["intensity"]))
                if row == NAMING:
                    classes.add(pretraining, heads)
            if len(group) >= GROUP:
                writer.write_table(pa.concat_tables(group).combine_chunks())
                group = []
        if group:
            writer.write_table(pa.concat_tables(group).combine_chunks())
    tables = ((ranks.frame(), ranking), (ranks.pooled(), pooled), (classes.frame(), confusion), (crossed.frame(), cross))
    for table, path in tables:
        with atomic_path(path) as tmp:
            table.to_csv(tmp, index=False, float_format="%.6g", lineterminator="\n")


def _network(config: RespondConfig, task: str, weights: str | Path, device: torch.device) -> Network:
    network = Network(build_backbone(config.backbone), TASKS[task].heads)
    load_into(network, weights)
    return network.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs


def _outputs(
    networks: Mapping[tuple[str, int], Network],
    variants: Variants,
    photos: Sequence[str],
    seed: int,
    batch: int,
    workers: int,
    device: torch.device,
) -> Iterator[tuple[str, dict[tuple[str, int], dict[str, np.ndarray]]]]:
    """(photo, {(task, pretraining seed): {head: (174, width)}}) of each photo."""
    dataset, alone = VariantsDataset(variants, photos, seed), Alone(device)
    one_by_one = loader.cut(len(photos), 1)
    for photo, pictures in zip(photos, loader.batches(dataset, one_by_one, workers, device), strict=True):
        shown = pictures[0]
        yield (
            photo,
            {
                key: {head: out.cpu().numpy() for head, out in gradient_cache.forward(network, shown, batch, alone).items()}
                for key, network in networks.items()
            },
        )


def _rows(pretraining: int, photo: str, intensities: np.ndarray) -> pa.Table:
    """One photo's rows of the table of responses."""
    values = pd.DataFrame(intensities[[i for _, _, i in ROWS]], columns=list(DISTORTIONS))
    values.insert(0, "pretraining", pretraining)
    values.insert(1, "photo", photo)
    values.insert(2, "distortion", [name for name, _, _ in ROWS])
    values.insert(3, "level", [level for _, level, _ in ROWS])
    return pa.Table.from_pandas(values, SCHEMA, preserve_index=False).replace_schema_metadata()
