"""The variants of a rule's photos. Apart from `job`, which every script imports: an edit of the distortions is no matter to most."""

from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.distortions.variants import Variants, open_variants


def variants(snakemake) -> Variants:
    """Of the photos in the input `store`: out of the shards in the input `rendered` if the rule has any, else live by the engine of params.yaml."""
    files, cfg = snakemake.input, snakemake.params.cfg
    return open_variants(
        Store(_paths(files.store)),
        cfg["image.size"],
        cfg["distortions.table"],
        _paths(files.get("rendered", [])),
        cfg["distortions.edited_width"],
        engine=cfg["distortions.engine"],
        kernels=cfg["distortions.kernels"],
    )


def _paths(given) -> list[str]:
    """Snakemake hands a single file over as text."""
    return [given] if isinstance(given, str) else list(given)
