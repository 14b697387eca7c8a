"""Rule features."""

from job import config, job, listed

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table, usable
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.probes.features import FeaturesConfig, features

    files = snakemake.input
    for name, out in zip(snakemake.params.cfg["labels.test_on"], snakemake.output, strict=True):
        features(
            config(snakemake, FeaturesConfig),
            Store(listed(files[f"store_{name}"])),
            list(usable(read_table(files[f"ledger_{name}"]))["id"]),
            files.start,
            out,
            workers=snakemake.resources.loaders,
        )
