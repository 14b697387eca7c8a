"""Rule split."""

from job import job, root, shares

with job(snakemake):
    from aesthetic_pretraining import pexels
    from aesthetic_pretraining.files import atomic_path
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.listing import open_set
    from aesthetic_pretraining.split import split_ava, split_by_list, split_by_share, split_judged

    cfg, dataset = snakemake.params.cfg, snakemake.wildcards.dataset
    ledger = read_table(snakemake.input.ledger)
    if dataset == "photos" and cfg["photos.source"] == "pexels":
        table = split_by_list(ledger, pexels.roles())
    elif dataset == "photos":
        table = split_by_share(ledger, shares(snakemake, "photos.shares"), cfg["seed"], "sha256")
    elif dataset == "ava":
        source = open_set(dataset, cfg, root(snakemake))
        table = split_ava(ledger, source, cfg["labels.ava_split"], shares(snakemake, "labels.random_shares"), cfg["seed"])
    else:
        table = split_judged(ledger)
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False)
