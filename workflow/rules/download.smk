# photos of a published set, fetched when asked for by name: part neither of `all` nor of DVC's stages, so that no run
# starts to use the network by itself, and DVC never sees a hundred thousand files


rule download:
    input:
        code=code("download/download"),
    output:
        "data/raw/{photos}/download.csv",
    log:
        "logs/download/{photos}.log",
    benchmark:
        "logs/benchmark/download/{photos}.tsv"
    params:
        cfg=P(Policy, "pexels.accept_terms", "photos.limit", "seed"),
    message:
        "download {wildcards.photos}"
    script:
        "../scripts/download/download.py"
