"""Rule crosscheck."""

from job import job, note

with job(snakemake):
    from pathlib import Path

    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.evaluation.cross_dataset import crosscheck
    from aesthetic_pretraining.files import atomic_path
    from aesthetic_pretraining.settings.labels import LabelledSet, Labels

    cfg = snakemake.params.cfg
    table = crosscheck(
        snakemake.input.predictions,
        Labels.of(cfg).home,
        {name: LabelledSet.of(name, cfg) for name in cfg["labels.crosscheck"]},
        {Path(path).stem: read_table(path)["id"] for path in snakemake.input.seen},
    )
    with atomic_path(snakemake.output[0]) as tmp:
        table.assign(note=note(snakemake)).round(6).to_csv(tmp, index=False)
