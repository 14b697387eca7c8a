"""Rule probe."""

import os

from job import config, job

# before numpy is imported: how many threads it computes with is a parameter, because it changes last bits, and not the machine's choice
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(snakemake.params.cfg["finetune.threads"]))

with job(snakemake):
    from pathlib import Path

    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.evaluation.predictions import write_frame
    from aesthetic_pretraining.evaluation.probes.frozen import ProbeConfig
    from aesthetic_pretraining.evaluation.probes.probe import probe
    from aesthetic_pretraining.evaluation.runs import pretraining_of
    from aesthetic_pretraining.evaluation.statistics.intervals import IntervalConfig
    from aesthetic_pretraining.files import atomic_path
    from aesthetic_pretraining.settings.labels import Labels

    files, labels = snakemake.input, Labels.of(snakemake.params.cfg)
    features = {}
    for path in map(Path, files.features):
        features.setdefault(pretraining_of(path.parent), {})[path.stem] = path
    table, references, ridge = probe(
        features,
        {name: (read_table(files[f"ledger_{name}"]), read_table(files[f"split_{name}"])) for name in labels.by_name},
        config(snakemake, ProbeConfig),
        config(snakemake, IntervalConfig),
        labels,
    )
    write_frame(table, snakemake.output.table)
    write_frame(references, snakemake.output.references)
    with atomic_path(snakemake.output.ridge) as temporary:
        ridge.to_parquet(temporary, index=False)
