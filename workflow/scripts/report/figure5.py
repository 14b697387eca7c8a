"""Rule figure5."""

from job import job, note

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.reporting.figures.paper import draw_figure5
    from aesthetic_pretraining.reporting.figures.style import save
    from aesthetic_pretraining.settings.labels import Labels

    metrics, cfg = pd.read_csv(snakemake.input.metrics), snakemake.params.cfg
    figure = draw_figure5(metrics, Labels.of(cfg).home, note=note(snakemake), inits=cfg["finetune.compared"])
    save(figure, *snakemake.output)
