"""Rule split."""

from job import job, root, section

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.listing import open_set
    from aesthetic_pretraining.data.split import check_enough, group_of, split_labelled, split_photos
    from aesthetic_pretraining.files import atomic_path

    files, cfg, dataset = snakemake.input, snakemake.params.cfg, snakemake.wildcards.dataset
    ledger, copies, families = read_table(files.ledger), [], None
    if files.ledgers:  # near-duplicates are kept apart
        from aesthetic_pretraining.data import alike

        labelled = alike.hash_stores({path.split("/")[-2]: read_table(path) for path in files.ledgers}, files.stores)
        if dataset == "photos":
            copies = alike.copies(alike.hash_stores({dataset: ledger}, files.photos), labelled)
        else:
            families = alike.families(labelled, dict(zip(ledger["id"], group_of(ledger), strict=True)))
    if dataset == "photos":
        table = split_photos(ledger, cfg["photos.sources"], section(snakemake, "photos.shares"), cfg["seed"], copies)
    else:
        simulated, kind = root(snakemake) is not None, cfg[f"sets.{dataset}.split"]
        trained_on = dataset == cfg["labels.train_on"]
        if trained_on and not simulated:
            check_enough(dataset, ledger)
        table = split_labelled(
            dataset,
            ledger,
            kind,
            section(snakemake, f"sets.{dataset}.shares"),
            cfg[f"sets.{dataset}.folds"],
            cfg["seed"],
            source=open_set(dataset, cfg, root(snakemake)) if kind in ("paper", "official") else None,
            trained_on=trained_on,
            families=families,
        )
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False)
