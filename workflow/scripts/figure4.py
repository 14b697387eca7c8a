"""Rule figure4."""

from job import job, note

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.figures import save
    from aesthetic_pretraining.figures_paper import draw_figure4
    from aesthetic_pretraining.judging import first_pretraining

    cfg = snakemake.params.cfg
    applied, outputs = cfg["report.response_distortion"], cfg["report.response_outputs"]
    responses = pd.read_parquet(
        snakemake.input.responses,
        columns=["pretraining", "photo", "distortion", "level", *outputs],
        filters=[("distortion", "==", applied)],  # at full size the table has millions of rows
    )
    save(
        draw_figure4(first_pretraining(responses), note=note(snakemake), distortion=applied, outputs=outputs), *snakemake.output
    )
