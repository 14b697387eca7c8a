"""Rule claims."""

from job import job, note

with job(snakemake):
    from pathlib import Path

    import pandas as pd
    import yaml

    from aesthetic_pretraining import facts, table2
    from aesthetic_pretraining.claim_checks import Evidence
    from aesthetic_pretraining.claims import check, write
    from aesthetic_pretraining.ledger import read_table

    files, cfg = snakemake.input, snakemake.params.cfg
    evidence = Evidence(
        table2.read(files.table),
        pd.read_csv(files.differences),
        pd.read_csv(files.metrics),
        pd.read_parquet(files.responses),
        pd.read_csv(files.confusion),
        cfg["report.confidence"],
    )
    photos, network = facts.roles("photos", read_table(files.split)), f"{cfg['backbone.name']} at {cfg['image.size']} px"
    here = {
        which[0]: f"{facts.basis(photos, {which: history})}; {network}"
        for which, history in reversed(facts.read(files.histories).items())  # of a task's seeds the first
    }
    found = check(yaml.safe_load(Path(files.claims).read_text()), evidence, comparable=not note(snakemake), here=here)
    write(found, snakemake.output.csv, snakemake.output.md, note(snakemake))
