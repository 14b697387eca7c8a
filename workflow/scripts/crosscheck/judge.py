"""Rule judge."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.predict import Networks, PredictConfig, predict
    from aesthetic_pretraining.settings.labels import values_of

    files, cfg = snakemake.input, snakemake.params.cfg
    ledger = read_table(files.ledger)
    weights, tars = ([each] if isinstance(each, str) else each for each in (files.weights, files.store))
    predict(
        Networks(
            config(snakemake, PredictConfig, values=values_of(cfg["labels.train_on"], cfg)),
            weights,
            snakemake.resources.loaders,
        ),
        Store(tars),
        ledger[~ledger["id"].isin(read_table(files.seen)["id"])],
        read_table(files.split),
        snakemake.output[0],
    )
