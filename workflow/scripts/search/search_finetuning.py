"""Rule search_finetuning."""

from job import WORK, config, job, listed

with job(snakemake):
    from pathlib import Path

    from aesthetic_pretraining.data.ledger import read_table, usable
    from aesthetic_pretraining.data.split import group_of, roles
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.folds import folds_of
    from aesthetic_pretraining.reporting.figures.style import save
    from aesthetic_pretraining.reporting.figures.training import draw_finetune_search
    from aesthetic_pretraining.settings.labels import SCALE
    from aesthetic_pretraining.settings.search import SEARCHED, FinetuneSearchConfig
    from aesthetic_pretraining.training.features_file import Features
    from aesthetic_pretraining.training.finetune import FinetuneConfig
    from aesthetic_pretraining.training.finetune_search import Labelled, search_finetuning

    files, cfg = snakemake.input, snakemake.params.cfg
    home = cfg["labels.train_on"]
    scores = {field: cfg[f"sets.{home}.{field}"] for field in SCALE}
    once = config(snakemake, FinetuneConfig, seed=0, processes=1, **dict.fromkeys(SEARCHED, 0), **scores)
    ledger = read_table(files.ledger)
    split = read_table(files.split)
    parts = [roles(split, fold) for fold in folds_of(split)]
    votes = ledger[[f"v{k}" for k in range(1, once.bins + 1)]].to_numpy()
    images = Labelled(
        Store(files.store),
        dict(zip(ledger["id"], votes, strict=True)),
        once.values,
        train=[list(part["id"][part["split"] == "train"]) for part in parts],
        val=list(split["id"][split["split"] == "val"]),
        groups=dict(zip(ledger["id"], group_of(ledger), strict=True)),
        features=Features(list(usable(ledger)["id"]), files.features, next(iter(listed(files.mirrored)), None)),
    )
    table = search_finetuning(
        once,
        config(snakemake, FinetuneSearchConfig),
        images,
        start=files.start,
        out_csv=snakemake.output.csv,
        work=f"{WORK}/{snakemake.wildcards.scale}/finetune_search",
        workers=snakemake.resources.loaders,
    )
    save(draw_finetune_search(table), Path(snakemake.output.figure))
