"""Rule pretrain."""

from job import WORK, config, job

with job(snakemake):
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.pretext import TaskConfig
    from aesthetic_pretraining.pretrain import PretrainConfig, pretrain
    from aesthetic_pretraining.store import Store

    split = read_table(snakemake.input.split)
    pretrain(
        snakemake.wildcards.task,
        config(snakemake, TaskConfig),
        config(snakemake, PretrainConfig, backbone=snakemake.params.cfg["backbone.name"]),
        Store(snakemake.input.store),
        train=list(split["id"][split["split"] == "train"]),
        val=list(split["id"][split["split"] == "val"]),
        start=snakemake.input.start,
        weights=snakemake.output.weights,
        history_csv=snakemake.output.history,
        work=WORK,
        workers=snakemake.resources.loaders,
    )
