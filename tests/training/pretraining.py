"""One small pretraining that several test files start from."""

from aesthetic_pretraining.training.pretext import TaskConfig
from aesthetic_pretraining.training.pretrain_setup import PretrainConfig

TASK = TaskConfig(margin=0.2, balance_temperature=50, simclr_temperature=0.5, simclr_projection=8)
CONFIG = PretrainConfig(
    backbone="efficientnet_lite0", engine="native", table="published", seed=1, epochs=2, batch_photos=1, contrast_batch=1, micro_batch=0, frozen_steps=1, learning_rate=1e-3,
    learning_rate_decay=0.98, rmsprop_decay=0.9, momentum=0.9, weight_decay=4e-5, trainable="all", threads=1,
)  # fmt: skip
TRAIN, VAL = ["wide", "folder/tall"], ["square"]


def outputs(folder):
    """Bytes of what a pretraining in this folder wrote."""
    return (folder / "weights.safetensors").read_bytes(), (folder / "history.csv").read_bytes()
