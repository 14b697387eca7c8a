"""Rule metrics."""

from job import job, listed

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.evaluation.folds import fold_by_image
    from aesthetic_pretraining.evaluation.metrics import summary
    from aesthetic_pretraining.evaluation.predictions import collect, write_frame
    from aesthetic_pretraining.evaluation.runs import runs_of
    from aesthetic_pretraining.files import write_json
    from aesthetic_pretraining.initialisations import BASELINE
    from aesthetic_pretraining.settings.labels import Labels

    files, cfg = snakemake.input, snakemake.params.cfg
    inits = [BASELINE, *cfg["pretrain.tasks"], *cfg["pretrain.ablations"], *cfg["pretrain.comparisons"]]
    asked = runs_of(inits, *(cfg[k] for k in ("finetune.compared", "finetune.shares", "pretrain.seeds", "finetune.seeds")))
    fold_of = fold_by_image(read_table(files.split))
    table = collect(files.summaries, files.predictions, Labels.of(cfg), fold_of=fold_of, asked=asked)
    write_frame(table, snakemake.output.table)
    found = summary(table)
    for init, path in zip(inits, listed(snakemake.output.summaries), strict=True):
        write_json(path, found[init])
