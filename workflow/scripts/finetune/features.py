"""Rule features."""

from job import config, job, listed

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table, usable
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.training.features import FeaturesConfig, features

    files, once = snakemake.input, config(snakemake, FeaturesConfig)
    plain, mirrored = listed(snakemake.output.plain), listed(snakemake.output.mirrored)
    for name, out, flipped in zip(
        snakemake.params.cfg["labels.test_on"], plain, [*mirrored, *[None] * len(plain)], strict=False
    ):
        store, ids = Store(listed(files[f"store_{name}"])), list(usable(read_table(files[f"ledger_{name}"]))["id"])
        features(once, store, ids, files.start, out, workers=snakemake.resources.loaders)
        if flipped:  # the first set's, which networks are fine-tuned on
            features(once, store, ids, files.start, flipped, mirrored=True, workers=snakemake.resources.loaders)
