"""Rule diagnostics."""

from job import job, note

with job(snakemake):
    from pathlib import Path

    import pandas as pd

    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.runs import pretraining_of, training_of
    from aesthetic_pretraining.initialisations import RESPONDING
    from aesthetic_pretraining.reporting import facts
    from aesthetic_pretraining.reporting.figures.diagnostics import diagnostics
    from aesthetic_pretraining.reporting.figures.style import save
    from aesthetic_pretraining.settings.labels import Labels

    files = snakemake.input
    figures = diagnostics(
        **{name: pd.read_csv(files[name]) for name in ("cross", "ranking", "confusion")},
        premise=pd.read_csv(files.premise[0]) if files.premise else None,
        pretraining={pretraining_of(path): pd.read_csv(path) for path in files.pretraining},
        finetuning={
            (run.init, run.pretraining, run.seed): pd.read_csv(path)
            for path, run in zip(files.finetuning, map(training_of, files.finetuning), strict=True)
        },
        predictions={Path(path).parents[1].name: pd.read_parquet(path) for path in files.predictions},
        sensitivity=pd.read_csv(files.sensitivity),
        photo_scores=(pd.read_parquet(files.photo_scores), pd.read_csv(files.photo_shares)),
        photo_classes=(pd.read_csv(files.photo_classes, keep_default_na=False), pd.read_csv(files.photo_diversity)),
        scale=Labels.of(snakemake.params.cfg).home,
        judge=RESPONDING,
        store=Store(files.store),
        count=snakemake.params.cfg["report.extreme_photos"],
        photos=facts.roles("photos", read_table(files.split)),
        note=note(snakemake),
    )
    for name, figure in figures.items():
        save(figure, *snakemake.output[name])
