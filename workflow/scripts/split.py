"""Rule split."""

from job import job, root, shares

with job(snakemake):
    from aesthetic_pretraining import pexels
    from aesthetic_pretraining.ava import read_split_lists
    from aesthetic_pretraining.files import atomic_path
    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.listing import open_set
    from aesthetic_pretraining.split import split_by_list, split_by_share

    cfg, dataset = snakemake.params.cfg, snakemake.wildcards.dataset
    ledger = read_table(snakemake.input.ledger)
    if dataset == "photos" and cfg["photos.source"] == "pexels":
        table = split_by_list(ledger, pexels.roles())
    elif dataset == "photos":
        table = split_by_share(ledger, shares(snakemake, "photos.shares"), cfg["seed"], "sha256")
    elif dataset == "tid2013":
        table = split_by_share(ledger, {"test": 1.0}, 0, "id")
    elif cfg["labels.ava_split"] == "lists":
        table = split_by_list(ledger, read_split_lists(open_set(dataset, cfg, root(snakemake))))
    else:
        table = split_by_share(ledger, shares(snakemake, "labels.random_shares"), cfg["seed"], "id")
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False)
