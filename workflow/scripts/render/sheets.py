"""Rule sheets."""

from job import job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.reporting import facts
    from aesthetic_pretraining.reporting.figures.contact_sheets import draw_sheets

    cfg, split = snakemake.params.cfg, read_table(snakemake.input.split)
    draw_sheets(
        Store(snakemake.input.store),
        list(split["id"][split["split"] == "test"])[: cfg["report.sheet_photos"]],
        cfg["image.size"],
        cfg["seed"],
        cfg["distortions.table"],
        snakemake.output.overview,
        snakemake.output.sheets,
        facts.roles("photos", split),
        cfg["distortions.edited_width"],
        cfg["distortions.kernels"],
    )
