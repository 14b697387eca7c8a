"""Rule listing."""

from job import job, root

with job(snakemake):
    from aesthetic_pretraining.data.listing import list_labelled, list_photos
    from aesthetic_pretraining.files import atomic_path
    from aesthetic_pretraining.settings.labels import SetSource

    cfg, dataset = snakemake.params.cfg, snakemake.wildcards.dataset
    if dataset == "photos":
        table = list_photos(cfg["photos.sources"], cfg["photos.folder"], cfg["photos.limit"], cfg["seed"])
    else:
        trained_on = dataset == cfg["labels.train_on"]
        table = list_labelled(SetSource.of(dataset, cfg), root(snakemake), trained_on)
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False)
