"""Rule intervals."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.evaluation.predictions import read_predictions, write_frame
    from aesthetic_pretraining.evaluation.statistics.intervals import IntervalConfig, resample, tables
    from aesthetic_pretraining.evaluation.statistics.labels_saved import labels_saved
    from aesthetic_pretraining.settings.labels import Labels

    settings, labels = config(snakemake, IntervalConfig), Labels.of(snakemake.params.cfg)
    sets = resample(read_predictions(snakemake.input.predictions, labels), settings, labels)
    values, differences = tables(sets, settings.confidence)
    write_frame(values, snakemake.output.values)
    write_frame(differences, snakemake.output.differences)
    write_frame(labels_saved(sets, settings.confidence), snakemake.output.labels)
