"""Rule seen."""

from job import job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.seen import seen
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.files import atomic_path

    files, cfg = snakemake.input, snakemake.params.cfg
    tables = {
        path.split("/")[-2]: (
            read_table(path),
            read_table(split),
            Store(tar for tar in files.stores if tar.split("/")[-3] == path.split("/")[-2]),
        )
        for path, split in zip(files.ledgers, files.splits, strict=True)
    }
    table = seen(snakemake.wildcards.extra, tables, simulated=cfg["labels.source"] == "simulated")
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False)
