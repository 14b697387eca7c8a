"""Rule figure1."""

from job import job

with job(snakemake):
    from aesthetic_pretraining import facts
    from aesthetic_pretraining.figures import save
    from aesthetic_pretraining.figures_paper import draw_figure1
    from aesthetic_pretraining.inspection import examples
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.store import Store

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
    )
    save(draw_figure1(shown, facts=facts.shown(1, facts.roles("photos", split), "test")), *snakemake.output)
