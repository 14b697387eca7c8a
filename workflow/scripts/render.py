"""Rule render."""

from job import job, note

with job(snakemake):
    from aesthetic_pretraining.inspection import render_photos
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.store import Store

    cfg, split = snakemake.params.cfg, read_table(snakemake.input.split)
    photos = list(split["id"][split["split"] == "test"])[: cfg["report.sheet_photos"]]
    render_photos(
        Store(snakemake.input.store),
        photos,
        cfg["image.size"],
        cfg["seed"],
        snakemake.output.tar,
        snakemake.output.sheet,
        note(snakemake),
    )
