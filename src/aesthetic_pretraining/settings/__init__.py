"""What each function takes out of params.yaml: frozen configurations, a module for each part of the work that is run again by itself.

A field that comes from params.yaml is annotated with its whole dotted key, `margin: Annotated[float, "pretrain.margin"]`; `keys`
reads these annotations, for the rules (which parameters a job depends on) and for the scripts (which values a function gets).
Units, ranges and sources of the values stand in `config`. A field without a key is given by the script, such as the seed of a
training, which is part of its path. Defaults are for whoever calls a function without params.yaml; a rule's values never come
from them.

Importing these modules takes no torch and no pydantic, because every start of Snakemake does.
"""
