"""The networks of a bundle, from images to votes and intensities: by onnxruntime on the CPU, by torch on a GPU.

onnxruntime takes a third of the CPU time of torch for one small network. Where it is not installed, torch does
the work. Both are imported on demand.
"""

import os
import threading
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.use.bundle import AGAIN, EXPLAIN_MODEL, EXPLAIN_WEIGHTS, MODEL, WEIGHTS, Bundle

DEVICES = ("cpu", "cuda")
NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}


class Networks(Protocol):
    """What a bundle's networks say about images.

    Attributes: engine: "onnxruntime 1.2.3" or "torch 1.2.3 on cuda"; results of other engines differ in the sixth digit.
    """

    engine: str

    def __call__(self, images: np.ndarray, /) -> tuple[np.ndarray, np.ndarray | None]:
        """uint8 (N, 3, S, S) -> probabilities (N, K) of the votes, and intensities (N, 21) if they are asked for. Any thread may call."""


def open_networks(bundle: Bundle, device: str = "cpu", explain: bool = True) -> Networks:
    """The networks, tried on a grey image.

    Args:
        device: one of DEVICES. explain: whether intensities are wanted; without a pretext network in the bundle there are none.
    Raises: UserError for a device that is not there, a model that cannot be read or gives something else, or no package to run it.
    """
    explain = explain and bundle.reading is not None
    if device not in DEVICES:
        raise UserError(f"device {device!r} is unknown; known are {', '.join(DEVICES)}")
    networks: Networks = _by_torch(bundle, device, explain) if device == "cuda" else _on_cpu(bundle, explain)
    _try(networks, bundle, explain)
    return networks


def _on_cpu(bundle: Bundle, explain: bool) -> Networks:
    try:
        return ByOnnx(bundle, explain)
    except ModuleNotFoundError:
        return _by_torch(bundle, "cpu", explain)


class ByOnnx:
    """onnxruntime, one thread for each call: several calls at once use a machine better than several threads for one of them."""

    def __init__(self, bundle: Bundle, explain: bool):
        """Raises: ModuleNotFoundError without onnxruntime; UserError for a file that it refuses."""
        os.environ.update(NO_TELEMETRY)
        import onnxruntime

        self.engine = f"onnxruntime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # the memory that a batch took is given back: a run may be long, and batches may differ
        options.enable_cpu_mem_arena = False
        self.sessions = [self._session(onnxruntime, bundle.folder / MODEL, options)]
        if explain:
            self.sessions.append(self._session(onnxruntime, bundle.folder / EXPLAIN_MODEL, options))

    @staticmethod
    def _session(onnxruntime: Any, path: Path, options: Any) -> Any:
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own classes of errors derive from nothing in common
            reason = " ".join(str(error).split())[:160]
            raise UserError(f"{path}: onnxruntime cannot read it ({reason}); {AGAIN}") from error

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        found = [session.run(None, {session.get_inputs()[0].name: images})[0] for session in self.sessions]
        return found[0], found[1] if len(found) > 1 else None


def _by_torch(bundle: Bundle, device: str, explain: bool) -> "ByTorch":
    try:
        return ByTorch(bundle, device, explain)
    except ModuleNotFoundError as error:
        raise UserError(
            f"scoring needs the package {error.name}; pip install 'aesthetic-pretraining[score]' for a CPU, "
            "or 'aesthetic-pretraining[backbones]' for a GPU"
        ) from error


class ByTorch:
    """torch, from the safetensors files; calls take turns on a GPU."""

    def __init__(self, bundle: Bundle, device: str, explain: bool):
        """Raises: ModuleNotFoundError without torch; UserError for weights that do not fit, or if there is no GPU."""
        import torch

        from aesthetic_pretraining.initialisations import RESPONDING
        from aesthetic_pretraining.models.backbones import build_backbone
        from aesthetic_pretraining.models.network import Network, distribution, load_into, score_network
        from aesthetic_pretraining.training.pretext import TASKS

        if device == "cuda" and not torch.cuda.is_available():
            raise UserError("--device cuda: torch sees no GPU here; leave the option out")
        self.engine = f"torch {torch.__version__} on {device}"
        self.torch, self.distribution, self.device = torch, distribution, torch.device(device)
        self.turn = threading.Lock()
        name = str(bundle.config["backbone"])
        network = score_network(build_backbone(name), dropout=0.0, bins=len(bundle.values))
        load_into(network, bundle.folder / WEIGHTS)
        self.networks = [network]
        if explain:
            pretext = Network(build_backbone(name), TASKS[RESPONDING].heads)
            load_into(pretext, bundle.folder / EXPLAIN_WEIGHTS)
            self.networks.append(pretext)
        for each in self.networks:
            each.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        with self.turn, self.torch.inference_mode():
            batch = self.torch.from_numpy(images).to(self.device)
            votes = self.distribution(self.networks[0](batch)).cpu().numpy()
            told = self.networks[1](batch)["intensity"].cpu().numpy() if len(self.networks) > 1 else None
        return votes, told


def _try(networks: Networks, bundle: Bundle, explain: bool) -> None:
    """Raises: UserError for outputs of another shape, or that are no probabilities."""
    grey = np.full((2, 3, bundle.size, bundle.size), 128, np.uint8)
    try:
        votes, told = networks(grey)
    except UserError:
        raise
    except Exception as error:  # of onnxruntime or torch, for a model that is not what config.json says
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{bundle.folder}: its network does not take images of {bundle.size} pixels ({reason}); {AGAIN}"
        ) from error
    if votes.shape != (2, len(bundle.values)) or not np.allclose(votes.sum(axis=1), 1, atol=1e-4):
        raise UserError(f"{bundle.folder}: its network gives no probabilities of {len(bundle.values)} votes; {AGAIN}")
    reading = bundle.reading if explain else None
    if reading is not None and (told is None or told.shape != (2, len(reading.weights)) or not np.isfinite(told).all()):
        raise UserError(f"{bundle.folder}: its pretext network gives no finite intensities; {AGAIN}")
