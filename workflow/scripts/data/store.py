"""Rule store."""

from job import job, root

with job(snakemake):
    from aesthetic_pretraining.data.images import Limits
    from aesthetic_pretraining.data.labelled.facts import lossless
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.letterbox import ROOM, letterbox, shrink
    from aesthetic_pretraining.data.listing import open_set
    from aesthetic_pretraining.data.store import build_shard

    cfg, dataset, size = snakemake.params.cfg, snakemake.wildcards.dataset, snakemake.params.cfg["image.size"]
    exact = dataset != "photos" and lossless(cfg[f"sets.{dataset}.reader"])
    # photos keep room for crops and rotations, labelled pictures are stored as the network sees them
    short = round(ROOM * size)
    prepare = (lambda pixels: shrink(pixels, short)) if dataset == "photos" else (lambda pixels: letterbox(pixels, size))
    build_shard(
        read_table(snakemake.input.listing),
        open_set(dataset, cfg, root(snakemake)),
        shard=int(snakemake.wildcards.shard),
        shards=cfg["photos.shards" if dataset == "photos" else "labels.shards"],
        prepare=prepare,
        quality=None if exact else cfg["image.jpeg_quality"],
        tar=snakemake.output.tar,
        ledger=snakemake.output.ledger,
        short_side=short if dataset == "photos" else 0,
        limits=Limits(cfg["image.max_megapixels"], cfg["image.max_seconds"]),
    )
