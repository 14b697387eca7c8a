# the searches of learning rates (section 4.3; docs/training.md): made when asked for by name, part neither of `all` nor of DVC's stages


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
        gpu=card,
        loaders=loaders,
        mem_mb=mem_mb,
        runtime=runtime,
        cpus_per_task=cpus_per_task,
    params:
        cfg=lambda w: row_params(
            w.task, TaskConfig, SearchConfig, *keys_of(PretrainConfig, "processes", "precision"), "image.size", "seed"
        ),
    message:
        "search the learning rate of {wildcards.task}"
    script:
        "../scripts/search/search_rate.py"


rule search_finetuning:
    input:
        start="models/{scale}/pretrained/imagenet/seed0.safetensors",
        store=store(TRAIN_ON),
        ledger=f"data/{{scale}}/{TRAIN_ON}/ledger.csv",
        split=f"data/{{scale}}/{TRAIN_ON}/split.csv",
        features=f"{FEATURES}{TRAIN_ON}.npy".replace("{init}", "imagenet").replace("{pretraining}", "0"),
        mirrored=[path.replace("{init}", "imagenet").replace("{pretraining}", "0") for path in mirrored_features()],
        code=code("search/search_finetuning"),
    output:
        csv="results/{scale}/search/finetune_search.csv",
        figure="results/{scale}/search/finetune_search.png",
    log:
        "logs/{scale}/search/finetuning.log",
    benchmark:
        "logs/{scale}/benchmark/search/finetuning.tsv"
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=card,
        loaders=LOADERS,
        mem_mb=mem_mb,
        runtime=runtime,
        cpus_per_task=cpus_per_task,
    params:
        cfg=P(
            *keys_of(FinetuneConfig, "processes", *SEARCHED),
            FinetuneSearchConfig,
        )
        | scores_params(),
    message:
        "search rates, dropout and patience of fine-tuning on {TRAIN_ON}"
    script:
        "../scripts/search/search_finetuning.py"
