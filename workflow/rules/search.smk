# the learning-rate search of section 4.3: made when asked for by name, part neither of `all` nor of DVC's stages


rule search_rate:
    input:
        start="models/{scale}/pretrained/imagenet/seed0.safetensors",
        store=store("photos"),
        rendered=rendered(),
        split="data/{scale}/photos/split.csv",
        code=code("search/search_rate"),
    output:
        csv="results/{scale}/search/{task}.csv",
        figure="results/{scale}/search/{task}.png",
    log:
        "logs/{scale}/search/{task}.log",
    benchmark:
        "logs/{scale}/benchmark/search/{task}.tsv"
    threads: CONFIG["pretrain"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
        mem_mb=3000,
    params:
        cfg=P(TaskConfig, SearchConfig, *keys_of(PretrainConfig, "processes", "precision"), "image.size", "seed"),
    message:
        "search the learning rate of {wildcards.task}"
    script:
        "../scripts/search/search_rate.py"
