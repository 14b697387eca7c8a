"""Rule predict."""

from job import config, job, listed

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.predict import Networks, PredictConfig, predict
    from aesthetic_pretraining.settings.labels import values_of

    files, cfg = snakemake.input, snakemake.params.cfg
    values = values_of(cfg["labels.train_on"], cfg)
    networks = Networks(config(snakemake, PredictConfig, values=values), listed(files.weights), snakemake.resources.loaders)
    for name, out in zip(cfg["labels.test_on"], snakemake.output, strict=True):
        ledger = read_table(files[f"ledger_{name}"])
        votes = [f"v{k}" for k in range(1, len(values) + 1)]
        known = values_of(name, cfg) == values and set(votes) <= set(ledger)
        predict(
            networks,
            Store(listed(files[f"store_{name}"])),
            ledger,
            read_table(files[f"split_{name}"]),
            out,
            votes if known else (),
        )
