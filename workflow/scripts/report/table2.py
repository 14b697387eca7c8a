"""Rule table2."""

from job import job, note

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.evaluation.predictions import read_predictions
    from aesthetic_pretraining.evaluation.probes import references
    from aesthetic_pretraining.reporting import table2, table2_print, verdicts
    from aesthetic_pretraining.reporting.conditions import conditions
    from aesthetic_pretraining.reporting.experiment import other_than_published
    from aesthetic_pretraining.settings.labels import Labels
    from aesthetic_pretraining.training import pretrained

    files, cfg = snakemake.input, snakemake.params.cfg
    labels = Labels.of(cfg)
    split = "simulated" if labels.simulated else read_table(files.split)["by"].iloc[0]
    settings = conditions(cfg, labels, split)
    pretraining = pretrained.read(files.pretraining)
    metrics = pd.read_csv(files.metrics)
    table = table2.build(
        metrics,
        read_predictions(files.predictions, labels),
        pd.read_csv(files.published),
        labels.tested,
        note=note(snakemake),
        settings=f"{settings}; {pretrained.updates(pretraining)}",
        warnings=pretrained.warnings(pretraining),
        references=references.sentences(pd.read_csv(files.references), pd.read_csv(files.over_ridge), labels),
        alpha=cfg["report.alpha"],
    )
    reasons = other_than_published(cfg, labels, {each.name: int(table[f"{each.name}_n"].iloc[0]) for each in labels.tested})
    table = verdicts.attach(table, pd.read_csv(files.intervals), metrics, cfg["report.confidence"], reasons)
    table2_print.write(table, *(snakemake.output[name] for name in ("csv", "md", "tex")))
    verdicts.write(table, snakemake.output.verdicts)
