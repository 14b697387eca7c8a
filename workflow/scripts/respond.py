"""Rule respond."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.predict import PredictConfig, respond
    from aesthetic_pretraining.store import Store
    from aesthetic_pretraining.variants import open_variants

    files, cfg = snakemake.input, snakemake.params.cfg
    split = read_table(files.split)
    respond(
        config(snakemake, PredictConfig, backbone=cfg["backbone.name"]),
        open_variants(Store(files.store), cfg["image.size"], cfg["distortions.table"], files.get("rendered", [])),
        list(split["id"][split["split"] == "test"]),
        cfg["report.response_distortion"],
        cfg["report.response_outputs"],
        cfg["seed"],
        files.weights,
        snakemake.output[0],
    )
