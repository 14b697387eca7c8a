"""Rule intervals."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.intervals import IntervalConfig, resample, tables
    from aesthetic_pretraining.labels_saved import labels_saved
    from aesthetic_pretraining.metrics import read_predictions, write_frame

    files, settings = snakemake.input, config(snakemake, IntervalConfig)
    sets = resample(read_predictions([*files.ava, *files.tid2013]), settings)
    values, differences = tables(sets, settings.confidence)
    write_frame(values, snakemake.output.values)
    write_frame(differences, snakemake.output.differences)
    write_frame(labels_saved(sets, settings.confidence), snakemake.output.labels)
