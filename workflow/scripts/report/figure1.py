"""Rule figure1."""

from job import job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.reporting import facts
    from aesthetic_pretraining.reporting.figures.contact_sheets import examples
    from aesthetic_pretraining.reporting.figures.overview import draw_figure1
    from aesthetic_pretraining.reporting.figures.style import save

    cfg, split = snakemake.params.cfg, read_table(snakemake.input.split)
    photo = min(split["id"][split["split"] == "test"])
    shown = examples(
        Store(snakemake.input.store),
        photo,
        cfg["image.size"],
        cfg["seed"],
        cfg["distortions.table"],
        cfg["report.examples"],
        cfg["distortions.edited_width"],
        cfg["distortions.kernels"],
    )
    save(draw_figure1(shown, facts=facts.shown(1, facts.roles("photos", split), "test")), *snakemake.output)
