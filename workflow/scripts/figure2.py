"""Rule figure2."""

from job import job, note

with job(snakemake):
    from aesthetic_pretraining.figures import save
    from aesthetic_pretraining.figures_paper import draw_figure2
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.split import sample
    from aesthetic_pretraining.store import Store

    cfg, store = snakemake.params.cfg, Store(snakemake.input.store)
    shown = sample(read_table(snakemake.input.split)["id"], cfg["report.random_photos"], cfg["seed"])
    save(draw_figure2([store.pixels(photo) for photo in shown], note=note(snakemake)), *snakemake.output)
