"""Rule audit."""

from job import job, note

with job(snakemake):
    from aesthetic_pretraining.data import audit
    from aesthetic_pretraining.data.alike import hash_stores, near_duplicates
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.listing import open_set
    from aesthetic_pretraining.files import atomic_path

    files, cfg = snakemake.input, snakemake.params.cfg
    home, root = cfg["labels.train_on"], next(iter(files.root), None)
    ledgers = {path.split("/")[-2]: read_table(path) for path in files.ledgers}
    splits = {path.split("/")[-2]: read_table(path) for path in files.splits}
    pictures = hash_stores(ledgers, files.stores, splits)
    lists = audit.public_lists(open_set(home, cfg, root)) if cfg[f"sets.{home}.reader"] == "ava" else {}
    own = splits[home]
    lists |= {f"this run's {role}": own["id"][own["split"] == role] for role in own["split"].unique()}
    alike = near_duplicates(pictures)
    tables = {"overlaps": audit.overlaps(lists, ledgers[home]), "leakage": audit.leakage(pictures, alike), "alike": alike}
    for name, table in tables.items():
        with atomic_path(snakemake.output[name]) as tmp:
            table.assign(note=note(snakemake)).to_csv(tmp, index=False)
