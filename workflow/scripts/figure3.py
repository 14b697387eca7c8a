"""Rule figure3."""

from job import job, note

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.figures import draw_figure3, save

    metrics = pd.read_csv(snakemake.input.metrics)
    save(draw_figure3(metrics, note=note(snakemake), inits=snakemake.params.cfg["finetune.compared"]), *snakemake.output)
