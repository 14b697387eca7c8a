"""Rule table2."""

from job import job, note

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining import table2
    from aesthetic_pretraining.metrics import read_predictions

    files = snakemake.input
    table = table2.build(
        pd.read_csv(files.metrics),
        read_predictions([*files.ava, *files.tid2013]),
        pd.read_csv(files.published),
        note=note(snakemake),
        alpha=snakemake.params.cfg["report.alpha"],
    )
    table2.write(table, *snakemake.output)
