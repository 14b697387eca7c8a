"""Rule ledger."""

from job import job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import merge_ledger, read_table
    from aesthetic_pretraining.files import atomic_path

    (limit,) = snakemake.params.cfg.values()
    table = merge_ledger(read_table(snakemake.input.listing), snakemake.input.parts, limit, snakemake.wildcards.dataset)
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False)
