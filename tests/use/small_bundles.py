"""A small bundle whose networks are built by hand: votes and intensities depend on the mean colour alone, so that scores can be computed."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.use import bundle as bundles
from aesthetic_pretraining.use.reading import NOTHING, Reading

SIZE = 32
VALUES = [1.0, 2.0, 3.0, 4.0, 5.0]
# mean of red, green and blue in 0..1 -> logits of the votes: bright photos are rated highly
TO_VOTES = np.outer([1, 1, 1], [-2.0, -1.0, 0.0, 1.0, 2.0]).astype(np.float32)
BIAS = np.array([2.5, 1.5, 0.5, -0.5, -1.5], np.float32)
# the darker, the lower the output for brightness; the redder, the higher the one for temperature
TO_INTENSITY = np.zeros((3, len(DISTORTIONS)), np.float32)
TO_INTENSITY[:, list(DISTORTIONS).index("brightness")] = 1 / 3
TO_INTENSITY[:, list(DISTORTIONS).index("temperature")] = (1, -0.5, -0.5)


def onnx_of(path, weights, bias, output, softmax):
    """Mean colour of uint8 images (N, 3, S, S) in 0..1, times weights, plus bias."""
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("Div", ["means", "white"], ["colours"]),
        helper.make_node("MatMul", ["colours", "weights"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["sums" if softmax else output]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["sums"], [output], axis=1))
    constants = {
        "axes": np.array([2, 3]),
        "white": np.array(255, np.float32),
        "weights": weights,
        "bias": np.asarray(bias, np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "by_hand",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", weights.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    Path(path).write_bytes(model.SerializeToString())


def reading_by_hand():
    """Dark: brightness at level -4; otherwise nothing. Decided at a mean brightness of 0.25."""
    weights = np.zeros((len(DISTORTIONS), 3))
    weights[list(DISTORTIONS).index("brightness")] = (0, -80, 0)
    return Reading(
        ((NOTHING, 0), ("brightness", -4), ("contrast", 2)), weights, np.array([0.0, 20.0, -9.0]), {"brightness": 0.1}
    )


def make_bundle(folder, simulated=False, explains=True, **changed):
    folder.mkdir(parents=True)
    config = {
        **{"format": bundles.FORMAT, "version": bundles.VERSION, "name": "by-hand", "task": "imagenet", "backbone": "none"},
        **{"size": SIZE, "values": VALUES, "labels": {"simulated": simulated}, "explains": explains},
        "explanation": {"top3_accuracy": 0.5, "chance": 1 / 7, "photos": 40, "reliable": {"brightness": 0.9}}
        if explains
        else None,
    } | changed
    (folder / bundles.CONFIG).write_text(json.dumps(config))
    (folder / bundles.CARD).write_text("# by hand\n")
    onnx_of(folder / bundles.MODEL, TO_VOTES, BIAS, "votes", softmax=True)
    save_file({"weights": TO_VOTES}, folder / bundles.WEIGHTS)
    if explains:
        onnx_of(folder / bundles.EXPLAIN_MODEL, TO_INTENSITY, np.zeros(len(DISTORTIONS)), "intensity", softmax=False)
        save_file({"weights": TO_INTENSITY}, folder / bundles.EXPLAIN_WEIGHTS)
        (folder / bundles.READING).write_text(json.dumps(reading_by_hand().as_json()))
    bundles.write_sums(folder)
    return folder
