"""Rule search_rate."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.pretext import TaskConfig
    from aesthetic_pretraining.pretrain_setup import PretrainConfig
    from aesthetic_pretraining.search_rate import SearchConfig, search_rate
    from aesthetic_pretraining.store import Store
    from aesthetic_pretraining.variants import open_variants

    files, cfg = snakemake.input, snakemake.params.cfg
    split = read_table(files.split)
    search_rate(
        snakemake.wildcards.task,
        config(snakemake, TaskConfig),
        config(snakemake, PretrainConfig, backbone=cfg["backbone.name"], processes=1, precision="float32"),
        config(snakemake, SearchConfig),
        open_variants(
            Store(files.store),
            cfg["image.size"],
            cfg["distortions.table"],
            files.get("rendered", []),
            cfg["distortions.edited_width"],
        ),
        train=list(split["id"][split["split"] == "train"]),
        start=files.start,
        out_csv=snakemake.output.csv,
        figure=snakemake.output.figure,
        workers=snakemake.resources.loaders,
    )
