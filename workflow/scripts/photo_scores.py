"""Rule photo_scores."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.photo_scores import ScoresConfig, photo_scores
    from aesthetic_pretraining.store import Store

    files, out, cfg = snakemake.input, snakemake.output, snakemake.params.cfg
    split = read_table(files.split)
    networks = files.weights if isinstance(files.weights, list) else [files.weights]
    photo_scores(
        config(snakemake, ScoresConfig, backbone=cfg["backbone.name"]),
        Store(files.store if isinstance(files.store, list) else [files.store]),
        split[split["split"].isin(["train", "val", "test"])],
        {int(path.rpartition("seed")[2].removesuffix(".safetensors")): path for path in networks},
        scores=out.scores,
        shares=out.shares,
        workers=snakemake.resources.loaders,
    )
