"""Rule judge."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.predict import PredictConfig, predict

    files = snakemake.input
    ledger, split = read_table(files.ledger), read_table(files.split)
    test = ledger[ledger["id"].isin(split["id"][split["split"] == "test"])]
    test = test[~test["id"].isin(read_table(files.seen)["id"])]
    predict(
        config(snakemake, PredictConfig),
        Store(files.store if isinstance(files.store, list) else [files.store]),
        list(test["id"]),
        list(test["score"]),
        files.weights,
        snakemake.output[0],
        workers=snakemake.resources.loaders,
    )
