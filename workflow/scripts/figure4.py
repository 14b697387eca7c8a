"""Rule figure4."""

from job import job

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining import facts
    from aesthetic_pretraining.figures import save
    from aesthetic_pretraining.figures_paper import draw_figure4
    from aesthetic_pretraining.judging import first_pretraining
    from aesthetic_pretraining.ledger import read_table

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
