"""Rule pretrained."""

from job import job

with job(snakemake):
    from pathlib import Path

    import pandas as pd

    from aesthetic_pretraining.pretrained import collect, warnings, write
    from aesthetic_pretraining.progress import log

    files = snakemake.input
    networks = [
        (Path(weights).stem, 0, weights, history) for weights, history in zip(files.weights, files.histories, strict=True)
    ]
    table = collect(files.start, networks, pd.read_csv(files.ranking))
    write(table, snakemake.output[0])
    for warning in warnings(table):
        log.warning("%s", warning)
