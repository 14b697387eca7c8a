"""Rule table2."""

from job import job, note

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.evaluation.predictions import read_predictions
    from aesthetic_pretraining.evaluation.probes import references
    from aesthetic_pretraining.reporting import table2, table2_print, verdicts
    from aesthetic_pretraining.reporting.experiment import other_than_published
    from aesthetic_pretraining.settings.labels import Labels
    from aesthetic_pretraining.training import pretrained

    files, cfg = snakemake.input, snakemake.params.cfg
    labels = Labels.of(cfg)
    votes = "simulated" if labels.simulated else read_table(files.split)["by"].iloc[0]
    settings = (
        f"Distortions: table {cfg['distortions.table']}, engine {cfg['distortions.engine']}; {labels.home.title} split: {votes}; "
        f"weights that learn: {cfg['pretrain.trainable']} in pretraining, {cfg['finetune.trainable']} in fine-tuning"
    )
    if micro_batch := cfg["pretrain.micro_batch"]:
        settings += f"; batch normalisation in pretraining saw micro-batches of at most {micro_batch} pictures"
    if micro_batch := cfg["pretrain.contrast_micro_batch"]:
        settings += f"; in RotNet and SimCLR micro-batches of at most {micro_batch} pictures"
    if micro_batch := cfg["finetune.micro_batch"]:
        settings += f"; batch normalisation in fine-tuning saw micro-batches of at most {micro_batch} pictures"
    if (processes := cfg["compute.processes"]) > 1:
        settings += f"; {processes} processes a training"
    if (precision := cfg["compute.precision"]) != "float32":
        settings += f"; backbone trained in {precision}"
    if cfg["compute.tf32"]:
        settings += "; TF32 allowed in training"
    if cfg["pretrain.contrast_updates"] == "matched":
        settings += "; RotNet and SimCLR got as many updates as the ranking tasks, not as many epochs"
    if cfg["finetune.at_unfreezing"] == "restart":
        settings += "; Adam and the schedule began anew when the backbone was unfrozen"
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
        references=references.sentences(pd.read_csv(files.references), metrics, labels),
        alpha=cfg["report.alpha"],
    )
    reasons = other_than_published(cfg, labels, {each.name: int(table[f"{each.name}_n"].iloc[0]) for each in labels.tested})
    table = verdicts.attach(table, pd.read_csv(files.intervals), metrics, cfg["report.confidence"], reasons)
    table2_print.write(table, *(snakemake.output[name] for name in ("csv", "md", "tex")))
    verdicts.write(table, snakemake.output.verdicts)
