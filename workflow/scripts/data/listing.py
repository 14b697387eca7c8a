"""Rule listing."""

from job import job, root

with job(snakemake):
    from aesthetic_pretraining.data.listing import list_labelled, list_photos, place_of
    from aesthetic_pretraining.files import atomic_path

    cfg, dataset = snakemake.params.cfg, snakemake.wildcards.dataset
    if dataset == "photos":
        table = list_photos(cfg["photos.source"], cfg["photos.folder"], cfg["photos.limit"], cfg["seed"])
    else:
        place = place_of(dataset, cfg)
        table = list_labelled(place["format"], root(snakemake) or place["folder"], place.get("range", ()))
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False)
