"""Rule pretrained."""

from job import job

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.evaluation.runs import pretraining_of
    from aesthetic_pretraining.training.history import log
    from aesthetic_pretraining.training.pretrained import collect, warnings, write

    files = snakemake.input
    networks = [
        (*pretraining_of(weights), weights, history) for weights, history in zip(files.weights, files.histories, strict=True)
    ]
    table = collect(files.start, networks, pd.read_csv(files.ranking))
    write(table, snakemake.output[0])
    for warning in warnings(table):
        log.warning("%s", warning)
