"""Rule finetune."""

from job import WORK, config, job, live, several

several(snakemake)
with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.split import roles, subset
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.runs import fold_of, training_of
    from aesthetic_pretraining.settings.labels import SCALE
    from aesthetic_pretraining.training.finetune import FinetuneConfig, finetune

    cfg = snakemake.params.cfg
    which, fold = training_of(snakemake.output.weights), fold_of(snakemake.output.weights)
    ledger, split = read_table(snakemake.input.ledger), roles(read_table(snakemake.input.split), fold)
    scores = {field: cfg[f"sets.{cfg['labels.train_on']}.{field}"] for field in SCALE}
    votes = [f"v{k}" for k in range(1, scores["bins"] + 1)]
    finetune(
        config(snakemake, FinetuneConfig, seed=which.seed, **scores),
        Store(snakemake.input.store),
        votes=dict(zip(ledger["id"], ledger[votes].to_numpy(), strict=True)),
        train=subset(list(split["id"][split["split"] == "train"]), which.share, which.seed),
        val=list(split["id"][split["split"] == "val"]),
        start=snakemake.input.start,
        weights=snakemake.output.weights,
        history_csv=snakemake.output.history,
        summary_json=snakemake.output.summary,
        work=f"{WORK}/{snakemake.wildcards.scale}",
        describe=which._asdict() | ({"fold": fold} if fold else {}),
        workers=snakemake.resources.loaders,
        live=live(snakemake),
    )
