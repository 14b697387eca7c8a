"""Rule finetune."""

from job import WORK, config, job, live, several

several(snakemake)
with job(snakemake):
    from aesthetic_pretraining.data.labelled.ava import VOTES
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.split import subset
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.runs import training_of
    from aesthetic_pretraining.training.finetune import FinetuneConfig, finetune

    which = training_of(snakemake.output.weights)
    ledger, split = read_table(snakemake.input.ledger), read_table(snakemake.input.split)
    finetune(
        config(snakemake, FinetuneConfig, seed=which.seed),
        Store(snakemake.input.store),
        votes=dict(zip(ledger["id"], ledger[VOTES].to_numpy(), strict=True)),
        train=subset(list(split["id"][split["split"] == "train"]), which.share, which.seed),
        val=list(split["id"][split["split"] == "val"]),
        start=snakemake.input.start,
        weights=snakemake.output.weights,
        history_csv=snakemake.output.history,
        summary_json=snakemake.output.summary,
        work=f"{WORK}/{snakemake.wildcards.scale}",
        describe=which._asdict(),
        workers=snakemake.resources.loaders,
        live=live(snakemake),
        keep=True,
    )
