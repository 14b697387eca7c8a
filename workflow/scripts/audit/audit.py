"""Rule audit."""

from job import job, note

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.data import audit
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.listing import open_set
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.files import atomic_path

    files = snakemake.input
    ledgers = {path.split("/")[-2]: read_table(path) for path in files.ledgers}
    splits = {path.split("/")[-2]: read_table(path) for path in files.splits}
    pictures = pd.concat(
        audit.hash_set(name, ledger, splits[name], Store(tar for tar in files.stores if tar.split("/")[-3] == name))
        for name, ledger in ledgers.items()
    )
    ava = splits["ava"]
    lists = audit.public_lists(open_set("ava", snakemake.params.cfg, next(iter(files.ava_root), None)))
    lists |= {f"this run's {role}": ava["id"][ava["split"] == role] for role in ("train", "val", "test")}
    alike = audit.near_duplicates(pictures)
    tables = {"overlaps": audit.overlaps(lists, ledgers["ava"]), "leakage": audit.leakage(pictures, alike), "alike": alike}
    for name, table in tables.items():
        with atomic_path(snakemake.output[name]) as tmp:
            table.assign(note=note(snakemake)).to_csv(tmp, index=False)
