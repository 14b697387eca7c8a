"""Rule over_ridge."""

from job import config, job

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.evaluation.predictions import read_predictions, write_frame
    from aesthetic_pretraining.evaluation.probes.over_ridge import over_ridge
    from aesthetic_pretraining.settings.intervals import IntervalConfig
    from aesthetic_pretraining.settings.labels import Labels

    files, labels = snakemake.input, Labels.of(snakemake.params.cfg)
    table = over_ridge(
        read_predictions(files.predictions, labels), pd.read_parquet(files.ridge), config(snakemake, IntervalConfig), labels
    )
    write_frame(table, snakemake.output[0])
