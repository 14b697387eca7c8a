"""Rule photo_classes."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.listing import open_set
    from aesthetic_pretraining.evaluation.photos.classes import ClassesConfig, photo_classes

    files, out, cfg = snakemake.input, snakemake.output, snakemake.params.cfg
    ledger, split = read_table(files.ledger), read_table(files.split)
    asked = ledger[ledger["id"].isin(split["id"][split["split"].isin(["train", "val", "test"])])]
    photo_classes(
        config(snakemake, ClassesConfig),
        open_set("photos", cfg),
        dict(zip(asked["id"], asked["file"], strict=True)),
        counts=out.counts,
        diversity=out.diversity,
        workers=snakemake.resources.loaders,
    )
