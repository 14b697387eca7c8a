"""Rule figure4."""

from job import job, note

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.figures import draw_figure4, save

    cfg, responses = snakemake.params.cfg, pd.read_csv(snakemake.input.responses)
    save(
        draw_figure4(
            responses,
            note=note(snakemake),
            distortion=cfg["report.response_distortion"],
            outputs=cfg["report.response_outputs"],
        ),
        *snakemake.output,
    )
