"""Rule claims."""

from job import job, note

with job(snakemake):
    from pathlib import Path

    import pandas as pd
    import yaml

    from aesthetic_pretraining.reporting import table2
    from aesthetic_pretraining.reporting.claim_evidence import Evidence
    from aesthetic_pretraining.reporting.claims import check, write

    files = snakemake.input
    evidence = Evidence(
        table2.read(files.table),
        pd.read_csv(files.differences),
        pd.read_csv(files.metrics),
        pd.read_parquet(files.responses),
        pd.read_csv(files.confusion),
        snakemake.params.cfg["report.confidence"],
        pd.read_csv(files.published),
        pd.read_csv(files.labels, keep_default_na=False, na_values={name: [""] for name in ("needed", "low", "high")}),
        photo_scores=pd.read_csv(files.photo_scores),
        diversity=pd.read_csv(files.diversity),
        sensitivity=pd.read_parquet(files.sensitivity),
    )
    simulated = snakemake.params.cfg["labels.source"] == "simulated"
    found = check(yaml.safe_load(Path(files.claims).read_text()), evidence, simulated=simulated)
    write(found, snakemake.output.csv, snakemake.output.md, note(snakemake))
