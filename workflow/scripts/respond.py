"""Rule respond."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.predict import PredictConfig, respond
    from aesthetic_pretraining.store import Store

    cfg, split = snakemake.params.cfg, read_table(snakemake.input.split)
    respond(
        config(snakemake, PredictConfig, backbone=cfg["backbone.name"]),
        Store(snakemake.input.store),
        list(split["id"][split["split"] == "test"]),
        cfg["report.response_distortion"],
        cfg["report.response_outputs"],
        cfg["image.size"],
        cfg["seed"],
        snakemake.input.weights,
        snakemake.output[0],
    )
