"""Rule download."""

from job import config, job

with job(snakemake):
    import pandas as pd

    from aesthetic_pretraining.data.download import oasis
    from aesthetic_pretraining.data.download.batch import download, download_lists, download_pinned
    from aesthetic_pretraining.data.download.http import Policy
    from aesthetic_pretraining.data.download.pexels import require_terms
    from aesthetic_pretraining.data.listing import PINNED, PUBLISHED, published_photos
    from aesthetic_pretraining.files import atomic_path

    cfg, source, policy = snakemake.params.cfg, snakemake.wildcards.public, config(snakemake, Policy)
    if source == "oasis":
        table = download_pinned(pd.DataFrame(oasis.file_rows()), oasis.ROOT, policy)
    else:
        root = PUBLISHED[source].ROOT
        if source == "pexels":
            require_terms(cfg["pexels.accept_terms"])
            download_lists(root / "lists", policy)
        which = cfg["photos.sources"], cfg["photos.folder"], cfg["photos.limit"], cfg["seed"]
        photos = published_photos(source, *which)
        table = (download_pinned if source in PINNED else download)(photos, root / "photos", policy)
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False)
