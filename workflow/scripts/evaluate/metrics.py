"""Rule metrics."""

from job import job

with job(snakemake):
    import json
    from pathlib import Path

    from aesthetic_pretraining.evaluation.metrics import summary
    from aesthetic_pretraining.evaluation.predictions import collect, write_frame
    from aesthetic_pretraining.evaluation.runs import runs_of
    from aesthetic_pretraining.files import write_json
    from aesthetic_pretraining.initialisations import BASELINE

    files, cfg = snakemake.input, snakemake.params.cfg
    trained = [json.loads(Path(path).read_text()) for path in files.summaries]
    whole = next(s["train_mean"] for s in trained if s["share"] == 100)
    inits = [BASELINE, *cfg["pretrain.tasks"], *cfg["pretrain.ablations"], *cfg["pretrain.comparisons"]]
    asked = runs_of(inits, *(cfg[k] for k in ("finetune.compared", "finetune.shares", "pretrain.seeds", "finetune.seeds")))
    table = collect(files.summaries, [*files.ava, *files.tid2013], training_mean=whole, asked=asked)
    write_frame(table, snakemake.output.table)
    write_json(snakemake.output.summary, summary(table))
