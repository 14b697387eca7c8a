"""params.yaml: read, described, checked, and resolved for one scale.

load       the file, as YAML 1.2
images, training, evaluation   a closed model for each section: what a value is, its unit, range and source
comparisons  rows with values of their own
params     the sections together, and what one asks of another
scales     one scale laid over the common values
sentences  a mistake in one sentence
schema     the same models for editors
"""

from aesthetic_pretraining.config.load import load, overlay
from aesthetic_pretraining.config.scales import leaf, leaf_keys, own_values, resolve, source_key

__all__ = ["leaf", "leaf_keys", "load", "overlay", "own_values", "resolve", "source_key"]
