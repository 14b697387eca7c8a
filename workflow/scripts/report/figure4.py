"""Rule figure4."""

from job import job

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.evaluation.pretext_metrics import first_pretraining
    from aesthetic_pretraining.reporting import facts
    from aesthetic_pretraining.reporting.figures.paper import draw_figure4
    from aesthetic_pretraining.reporting.figures.style import save

    cfg = snakemake.params.cfg
    applied, outputs = cfg["report.response_distortion"], cfg["report.response_outputs"]
    responses = pd.read_parquet(
        snakemake.input.responses,
        columns=["pretraining", "photo", "distortion", "level", *outputs],
        filters=[("distortion", "==", applied)],  # at full size the table has millions of rows
    )
    split = read_table(snakemake.input.split)
    words = facts.judged(facts.roles("photos", split), facts.read(snakemake.input.histories))
    figure = draw_figure4(first_pretraining(responses), facts=words, distortion=applied, outputs=outputs)
    save(figure, *snakemake.output)
