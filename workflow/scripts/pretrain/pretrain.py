"""Rule pretrain."""

from job import WORK, config, job, live, several

several(snakemake)
with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.distortions.variants import open_variants
    from aesthetic_pretraining.training.pretext import TaskConfig
    from aesthetic_pretraining.training.pretrain import pretrain
    from aesthetic_pretraining.training.pretrain_setup import PretrainConfig

    files, cfg = snakemake.input, snakemake.params.cfg
    split, seed = read_table(files.split), int(snakemake.wildcards.pretraining)
    pretrain(
        snakemake.wildcards.task,
        config(snakemake, TaskConfig),
        config(snakemake, PretrainConfig, backbone=cfg["backbone.name"], seed=seed),
        open_variants(
            Store(files.store),
            cfg["image.size"],
            cfg["distortions.table"],
            files.get("rendered", []),
            cfg["distortions.edited_width"],
        ),
        train=list(split["id"][split["split"] == "train"]),
        val=list(split["id"][split["split"] == "val"]),
        start=files.start,
        weights=snakemake.output.weights,
        history_csv=snakemake.output.history,
        work=f"{WORK}/{snakemake.wildcards.scale}",
        workers=snakemake.resources.loaders,
        live=live(snakemake),
    )
