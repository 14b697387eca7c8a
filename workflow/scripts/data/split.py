"""Rule split."""

from job import job, root, section

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.listing import open_set
    from aesthetic_pretraining.data.split import split_ava, split_judged, split_photos
    from aesthetic_pretraining.files import atomic_path

    cfg, dataset = snakemake.params.cfg, snakemake.wildcards.dataset
    ledger = read_table(snakemake.input.ledger)
    if dataset == "photos":
        table = split_photos(ledger, cfg["photos.source"], section(snakemake, "photos.shares"), cfg["seed"])
    elif dataset == "ava":
        source = open_set(dataset, cfg, root(snakemake))
        table = split_ava(ledger, source, cfg["labels.ava_split"], section(snakemake, "labels.random_shares"), cfg["seed"])
    else:
        table = split_judged(ledger)
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False)
