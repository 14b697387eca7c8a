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

    files = snakemake.input
    table, references = probe(
        {pretraining_of(Path(ava).parent): (ava, tid) for ava, tid in zip(files.ava, files.tid2013, strict=True)},
        {name: (read_table(files[f"{name}_ledger"]), read_table(files[f"{name}_split"])) for name in ("ava", "tid2013")},
        config(snakemake, ProbeConfig),
        config(snakemake, IntervalConfig),
    )
    write_frame(table, snakemake.output.table)
    write_frame(references, snakemake.output.references)
