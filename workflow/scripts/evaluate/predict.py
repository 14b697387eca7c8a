"""Rule predict."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.data.labelled.ava import VOTES
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.predict import PredictConfig, predict

    files = snakemake.input
    for dataset in ("ava", "tid2013"):
        ledger, split = read_table(files[f"{dataset}_ledger"]), read_table(files[f"{dataset}_split"])
        test = ledger[ledger["id"].isin(split["id"][split["split"] == "test"])]
        tars = files[dataset] if isinstance(files[dataset], list) else [files[dataset]]
        predict(
            config(snakemake, PredictConfig),
            Store(tars),
            list(test["id"]),
            list(test["score"]),
            files.weights,
            snakemake.output[dataset],
            workers=snakemake.resources.loaders,
            votes=test[VOTES].to_numpy() if set(VOTES) <= set(test) else None,
        )
