"""Rule premise."""

from job import job

with job(snakemake):
    from aesthetic_pretraining.files import atomic_path
    from aesthetic_pretraining.ledger import read_table, usable
    from aesthetic_pretraining.premise import premise

    files = snakemake.input
    table = premise(
        usable(read_table(files.tid2013)),
        next(iter(files.get("kadid", [])), None),
        next(iter(files.get("survey", [])), None),
        simulated=snakemake.params.cfg["labels.source"] == "simulated",
    )
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False, float_format="%.6g", lineterminator="\n")
