# a published set, fetched when asked for by name: part neither of `all` nor of DVC's stages, so that no run starts to use the
# network by itself, and DVC never sees a hundred thousand files


rule download:
    input:
        pins=lambda w: {"oasis": [str(OASIS), str(OASIS_LEFT_OUT)], "bsds500": [str(BSDS500)]}.get(w.public, []),
        code=code("download/download"),
    output:
        "data/raw/{public}/download.csv",
    log:
        "logs/download/{public}.log",
    benchmark:
        "logs/benchmark/download/{public}.tsv"
    params:
        cfg=P(Policy, "pexels.accept_terms", "photos.sources", "photos.folder", "photos.limit", "seed"),
    message:
        "download {wildcards.public}"
    script:
        "../scripts/download/download.py"
