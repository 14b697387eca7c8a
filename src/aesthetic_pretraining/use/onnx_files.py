"""Networks as ONNX files: exported by torch, freed of what only this machine knows, compared with torch on photos."""

import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.models.network import Network, distribution

CLOSE = 1e-4  # the largest difference from torch that is accepted, of probabilities and of intensities


class OneOutput(nn.Module):
    """A network with one named output instead of several heads."""

    output: str

    def __init__(self, network: Network):
        super().__init__()
        self.network = network


class Votes(OneOutput):
    """A score network whose output is the probabilities of the votes: uint8 (N, 3, S, S) -> (N, K)."""

    output = "votes"

    def forward(self, images: Tensor) -> Tensor:
        return distribution(self.network(images))


class Intensities(OneOutput):
    """A pretext network whose output is its intensities: uint8 (N, 3, S, S) -> (N, 21)."""

    output = "intensity"

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)["intensity"]


def write_onnx(module: OneOutput, photos: np.ndarray, path: str | Path) -> float:
    """Write the module in inference mode as one ONNX file for any number of images; the same module gives the same bytes.

    Args:
        photos: uint8 (N, 3, S, S), at least two, on which onnxruntime is compared with torch.
    Returns: the largest absolute difference between the two.
    Raises: UserError if that is more than CLOSE, or if the network cannot be exported.
    """
    import onnx

    module.eval()
    images = torch.from_numpy(photos)
    with torch.no_grad():
        wanted = module(images).numpy()
    program = _exported(module, images[:2])
    with atomic_path(path) as tmp:
        program.save(tmp, external_data=False)
        model = onnx.load(tmp)
        _forget(model)
        onnx.checker.check_model(model)
        tmp.write_bytes(model.SerializeToString(deterministic=True))
        difference = float(np.abs(_run(tmp, photos) - wanted).max())
        if not difference <= CLOSE:
            raise UserError(
                f"{path}: onnxruntime differs from torch by {difference:.2g}, more than {CLOSE:g}; report this backbone"
            )
    return difference


def _exported(module: OneOutput, images: Tensor) -> torch.onnx.ONNXProgram:
    said = io.StringIO()  # the exporter's steps, which would interrupt a run's own lines
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), torch.no_grad():
            warnings.simplefilter("ignore")
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            program = torch.onnx.export(
                module,
                (images,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("images")},),
                external_data=False,
                input_names=["images"],
                output_names=[module.output],
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"the network cannot be exported to ONNX ({reason}); choose another backbone") from error
    assert program is not None
    return program


def _forget(model) -> None:
    """Take out where the code lay and which call made a node: paths of this machine, and other bytes on another."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    graph.doc_string = ""
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


def _run(path: Path, photos: np.ndarray) -> np.ndarray:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": photos})[0]
