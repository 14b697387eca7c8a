"""Rule sensitivity."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.split import sample
    from aesthetic_pretraining.evaluation.runs import pretraining_of
    from aesthetic_pretraining.evaluation.sensitivity import SensitivityConfig, sensitivity
    from variants import variants

    files, out, cfg = snakemake.input, snakemake.output, snakemake.params.cfg
    split = read_table(files.split)
    test = split["id"][split["split"] == "test"]
    sensitivity(
        config(snakemake, SensitivityConfig),
        variants(snakemake),
        sample(test, cfg["photo_check.distorted_photos"], cfg["seed"]),
        cfg["seed"],
        {pretraining_of(path)[0]: path for path in files.weights},
        table=out.table,
        by_photo=out.by_photo,
        workers=snakemake.resources.loaders,
    )
