"""Rule intervals."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.evaluation.predictions import read_predictions, write_frame
    from aesthetic_pretraining.evaluation.statistics.intervals import IntervalConfig, resample, tables
    from aesthetic_pretraining.evaluation.statistics.labels_saved import labels_saved

    files, settings = snakemake.input, config(snakemake, IntervalConfig)
    sets = resample(read_predictions([*files.ava, *files.tid2013]), settings)
    values, differences = tables(sets, settings.confidence)
    write_frame(values, snakemake.output.values)
    write_frame(differences, snakemake.output.differences)
    write_frame(labels_saved(sets, settings.confidence), snakemake.output.labels)
