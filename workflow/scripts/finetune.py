"""Rule finetune."""

from job import WORK, config, job, live, several

several(snakemake)
with job(snakemake):
    from aesthetic_pretraining.ava import VOTES
    from aesthetic_pretraining.finetune import FinetuneConfig, finetune
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.runs import training_of
    from aesthetic_pretraining.split import subset
    from aesthetic_pretraining.store import Store

    which = training_of(snakemake.output.weights)
    ledger, split = read_table(snakemake.input.ledger), read_table(snakemake.input.split)
    finetune(
        config(snakemake, FinetuneConfig, backbone=snakemake.params.cfg["backbone.name"], seed=which.seed),
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
    )
