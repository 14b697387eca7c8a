"""Rule render."""

from job import WORK, job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.distortions.shards import render_shard

    cfg, split = snakemake.params.cfg, read_table(snakemake.input.split)
    store = Store(snakemake.input.store if isinstance(snakemake.input.store, list) else [snakemake.input.store])
    if snakemake.wildcards.part == "inspected":
        photos = list(split["id"][split["split"] == "test"])[: cfg["report.sheet_photos"]]
    else:
        photos = sorted(i for i in split["id"][split["split"] != "labels"] if i in store)
    render_shard(
        store,
        photos,
        cfg["image.size"],
        cfg["seed"],
        cfg["distortions.engine"],
        cfg["distortions.table"],
        snakemake.output[0],
        WORK,
        cfg["distortions.edited_width"],
        cfg["distortions.kernels"],
    )
