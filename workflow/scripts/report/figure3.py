"""Rule figure3."""

from job import job, note

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.reporting.figures.paper import draw_figure3
    from aesthetic_pretraining.reporting.figures.style import save
    from aesthetic_pretraining.settings.labels import Labels

    figure = draw_figure3(
        pd.read_csv(snakemake.input.metrics),
        Labels.of(snakemake.params.cfg).home,
        note=note(snakemake),
        inits=snakemake.params.cfg["finetune.compared"],
        intervals=pd.read_csv(snakemake.input.intervals),
    )
    save(figure, *snakemake.output)
