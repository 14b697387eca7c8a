"""Rule finetune."""

from job import WORK, config, job, listed, live, several

several(snakemake)
with job(snakemake):
    from pathlib import Path

    from aesthetic_pretraining.data.ledger import read_table, usable
    from aesthetic_pretraining.data.split import roles, subset
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.runs import fold_of, training_of
    from aesthetic_pretraining.settings.labels import SCALE
    from aesthetic_pretraining.training.features_file import Features
    from aesthetic_pretraining.training.finetune import FinetuneConfig, finetune

    files, out, cfg = snakemake.input, snakemake.output, snakemake.params.cfg
    networks = list(zip(listed(out.weights), listed(out.history), listed(out.summary), strict=True))
    which, work = training_of(networks[0][0]), Path(WORK, snakemake.wildcards.scale)
    ledger, split = read_table(files.ledger), read_table(files.split)
    scores = {field: cfg[f"sets.{cfg['labels.train_on']}.{field}"] for field in SCALE}
    votes = ledger[[f"v{k}" for k in range(1, scores["bins"] + 1)]].to_numpy()
    val = list(split["id"][split["split"] == "val"])
    train = {}
    for fold in map(fold_of, listed(out.weights)):
        role = roles(split, fold)
        train[fold] = subset(list(role["id"][role["split"] == "train"]), which.share, which.seed)
    features = Features(list(usable(ledger)["id"]), files.features, next(iter(listed(files.mirrored)), None))
    for fold, (weights, history, summary) in zip(train, networks, strict=True):
        watched = live(snakemake)
        finetune(
            config(snakemake, FinetuneConfig, seed=which.seed, **scores),
            Store(files.store),
            votes=dict(zip(ledger["id"], votes, strict=True)),
            train=train[fold],
            val=val,
            start=files.start,
            features=features,
            weights=weights,
            history_csv=history,
            summary_json=summary,
            work=work,
            describe=which._asdict() | ({"fold": fold} if fold else {}),
            workers=snakemake.resources.loaders,
            live=watched / f"fold{fold}" if watched and fold else watched,
            keep=True,
        )
