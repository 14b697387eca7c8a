"""Rule metrics."""

from job import job

with job(snakemake):
    import json
    from pathlib import Path

    from aesthetic_pretraining.files import write_json
    from aesthetic_pretraining.metrics import collect, summary, write_frame

    files = snakemake.input
    trained = [json.loads(Path(path).read_text()) for path in files.summaries]
    whole = next(s["train_mean"] for s in trained if s["share"] == 100)
    table = collect(files.summaries, [*files.ava, *files.tid2013], training_mean=whole)
    write_frame(table, snakemake.output.table)
    write_json(snakemake.output.summary, summary(table))
