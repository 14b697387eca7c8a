"""Rule figure2."""

from job import job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.split import sample
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.reporting import facts
    from aesthetic_pretraining.reporting.figures.paper import draw_figure2
    from aesthetic_pretraining.reporting.figures.style import save

    cfg, store, split = snakemake.params.cfg, Store(snakemake.input.store), read_table(snakemake.input.split)
    shown = sample(split["id"], cfg["report.random_photos"], cfg["seed"])
    words = facts.shown(len(shown), facts.roles("photos", split))
    save(draw_figure2([store.pixels(photo) for photo in shown], facts=words), *snakemake.output)
