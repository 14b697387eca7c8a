"""Rule download."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.data.download.batch import download, download_lists
    from aesthetic_pretraining.data.download.http import Policy
    from aesthetic_pretraining.data.download.pexels import require_terms
    from aesthetic_pretraining.data.listing import PUBLISHED, published_photos
    from aesthetic_pretraining.files import atomic_path

    cfg, source, policy = snakemake.params.cfg, snakemake.wildcards.photos, config(snakemake, Policy)
    root = PUBLISHED[source].ROOT
    if source == "pexels":
        require_terms(cfg["pexels.accept_terms"])
        download_lists(root / "lists", policy)
    table = download(published_photos(source, cfg["photos.limit"], cfg["seed"]), root / "photos", policy)
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False)
