"""Rule features."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table, usable
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.probes.features import FeaturesConfig, features

    files = snakemake.input
    for dataset in ("ava", "tid2013"):
        tars = files[dataset] if isinstance(files[dataset], list) else [files[dataset]]
        features(
            config(snakemake, FeaturesConfig),
            Store(tars),
            list(usable(read_table(files[f"{dataset}_ledger"]))["id"]),
            files.start,
            snakemake.output[dataset],
            workers=snakemake.resources.loaders,
        )
