"""Writes bundles: one network of a run with what is known about it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file

from aesthetic_pretraining.files import atomic_path, write_text
from aesthetic_pretraining.initialisations import RESPONDING
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import Network, load_into, score_network
from aesthetic_pretraining.training.pretext import TASKS
from aesthetic_pretraining.use.bundle import (
    CARD,
    CONFIG,
    EXPLAIN_MODEL,
    EXPLAIN_WEIGHTS,
    EXPLAINING,
    FORMAT,
    MODEL,
    READING,
    VERSION,
    WEIGHTS,
    write_sums,
)
from aesthetic_pretraining.use.card import card
from aesthetic_pretraining.use.onnx_files import Intensities, Votes, write_onnx
from aesthetic_pretraining.use.reading import FEWEST, RELIABLE, Responses, assess, fit


@dataclass(frozen=True)
class Chosen:
    """The network of a bundle.

    Attributes:
        weights: its safetensors file. name: of the bundle. task: its initialisation.
        facts: of config.json: labels, data, commit, metrics and others that the rule knows.
    """

    weights: str | Path
    name: str
    task: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Explaining:
    """The pretext network that explains scores: its weights, and its answers to distorted held-out photos."""

    weights: str | Path
    responses: Responses


def export(
    folders: Sequence[str | Path],
    networks: Sequence[Chosen],
    backbone: str,
    values: Sequence[float],
    photos: np.ndarray,
    explaining: Explaining | None = None,
) -> None:
    """Write a bundle for each network; the same networks and facts give the same bytes.

    Args:
        folders: where to, one for each network. backbone: its name in params.yaml, of all networks.
        values: the score of each vote. photos: uint8 (N, 3, S, S), real ones, for comparing ONNX with torch.
        explaining: of all bundles alike; None: they explain nothing.
    Raises: UserError for weights that do not fit, and for a network whose ONNX file differs from it.
    """
    size = int(photos.shape[-1])
    explained: dict[str, Any] = {}
    first: Path | None = None
    for folder, chosen in zip(map(Path, folders), networks, strict=True):
        network = score_network(build_backbone(backbone), dropout=0.0, bins=len(values))
        load_into(network, chosen.weights)
        difference = write_onnx(Votes(network), photos, folder / MODEL)
        if explaining and first is None:
            explained = _write_explaining(folder, explaining, backbone, photos)
        elif explaining and first is not None:
            for name in EXPLAINING:
                _copy(first / name, folder / name)
        first = first or folder
        config = {
            **{"format": FORMAT, "version": VERSION, "name": chosen.name, "task": chosen.task},
            **{"backbone": backbone, "size": size, "values": list(map(float, values)), "explains": explaining is not None},
            "mean": [round(float(value), 6) for value in network.backbone.mean.flatten()],
            "std": [round(float(value), 6) for value in network.backbone.std.flatten()],
            "onnx_difference": float(f"{difference:.1e}"),
            "explanation": explained or None,
            **chosen.facts,
        }
        write_text(folder / CONFIG, json.dumps(config, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        _write_weights(chosen.weights, folder / WEIGHTS, config)
        write_text(folder / CARD, card(config))
        write_sums(folder)


def _write_explaining(folder: Path, explaining: Explaining, backbone: str, photos: np.ndarray) -> dict[str, Any]:
    """Write the pretext network and its reading; returns what config.json says of them."""
    network = Network(build_backbone(backbone), TASKS[RESPONDING].heads)
    load_into(network, explaining.weights)
    difference = write_onnx(Intensities(network), photos, folder / EXPLAIN_MODEL)
    measured = assess(explaining.responses)
    reading = fit(explaining.responses, measured.told)
    write_text(folder / READING, json.dumps(reading.as_json(), indent=None, separators=(",", ":"), sort_keys=True) + "\n")
    _write_weights(explaining.weights, folder / EXPLAIN_WEIGHTS, {"task": RESPONDING, "backbone": backbone})
    return {
        **{"top3_accuracy": measured.top3, "chance": measured.chance, "photos": measured.photos},
        **{"top3_by_distortion": dict(measured.top3_by)},
        **{"reliable": dict(measured.precision), "least": RELIABLE, "fewest": FEWEST, "distortions": len(measured.top3_by)},
        "onnx_difference": float(f"{difference:.1e}"),
    }


def _write_weights(weights: str | Path, path: Path, facts: Mapping[str, Any]) -> None:
    """The weights with facts as metadata, each as JSON, readable by all: safetensors writes files for their owner alone."""
    # a single entry: the format keeps its metadata in an order of its own, another one in every process
    metadata = {"bundle": json.dumps({"format": "pt", **facts}, sort_keys=True)}
    with atomic_path(path) as tmp:
        save_file(load_file(weights), tmp, metadata=metadata)
        tmp.chmod(0o644)


def _copy(source: Path, path: Path) -> None:
    with atomic_path(path) as tmp:
        tmp.write_bytes(source.read_bytes())
