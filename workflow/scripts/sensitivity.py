"""Rule sensitivity."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.runs import pretraining_of
    from aesthetic_pretraining.sensitivity import SensitivityConfig, sensitivity
    from aesthetic_pretraining.split import sample
    from aesthetic_pretraining.store import Store
    from aesthetic_pretraining.variants import open_variants

    files, out, cfg = snakemake.input, snakemake.output, snakemake.params.cfg
    split = read_table(files.split)
    test = split["id"][split["split"] == "test"]
    sensitivity(
        config(snakemake, SensitivityConfig, backbone=cfg["backbone.name"]),
        open_variants(
            Store(files.store if isinstance(files.store, list) else [files.store]),
            cfg["image.size"],
            cfg["distortions.table"],
            files.get("rendered", []),
        ),
        sample(test, cfg["photo_check.distorted_photos"], cfg["seed"]),
        cfg["seed"],
        {pretraining_of(path)[0]: path for path in files.weights},
        table=out.table,
        by_photo=out.by_photo,
        workers=snakemake.resources.loaders,
    )
