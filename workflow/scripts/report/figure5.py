"""Rule figure5."""

from job import job, note

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.reporting.figures.paper import draw_figure5
    from aesthetic_pretraining.reporting.figures.style import save

    metrics = pd.read_csv(snakemake.input.metrics)
    save(draw_figure5(metrics, note=note(snakemake), inits=snakemake.params.cfg["finetune.compared"]), *snakemake.output)
