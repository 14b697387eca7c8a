"""Rule intervals."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.intervals import IntervalConfig, estimate
    from aesthetic_pretraining.metrics import read_predictions, write_frame

    files = snakemake.input
    values, differences = estimate(read_predictions([*files.ava, *files.tid2013]), config(snakemake, IntervalConfig))
    write_frame(values, snakemake.output.values)
    write_frame(differences, snakemake.output.differences)
