# the networks that fine-tuning starts from: ImageNet's, and one per seed of each pretext task (sections 4.3, 4.4)
# and of each comparison row, whose {task} is the row's own name


rule imagenet:
    input:
        code=code("pretrain/imagenet"),
    output:
        "models/{scale}/pretrained/imagenet/seed0.safetensors",
    log:
        "logs/{scale}/imagenet.log",
    benchmark:
        "logs/{scale}/benchmark/imagenet.tsv"
    retries: 3
    params:
        cfg=P("backbone.name"),
    message:
        "fetch the backbone's ImageNet weights"
    script:
        "../scripts/pretrain/imagenet.py"


rule pretrain:
    input:
        start="models/{scale}/pretrained/imagenet/seed0.safetensors",
        store=store("photos"),
        rendered=rendered(),
        split="data/{scale}/photos/split.csv",
        code=code("pretrain/pretrain"),
    output:
        weights="models/{scale}/pretrained/{task}/seed{pretraining}.safetensors",
        history="models/{scale}/pretrained/{task}/seed{pretraining}.csv",
    log:
        "logs/{scale}/pretrain/{task}_seed{pretraining}.log",
    benchmark:
        "logs/{scale}/benchmark/pretrain/{task}_seed{pretraining}.tsv"
    threads: CONFIG["pretrain"]["threads"] * CONFIG["compute"]["processes"]
    resources:
        **ON_NODES,
        gpu=cards,
        loaders=loaders,
        live=0,
        mem_mb=mem_mb,
        runtime=runtime,
        cpus_per_task=cpus_per_task,
    params:
        cfg=lambda w: row_params(w.task, TaskConfig, PretrainConfig, "image.size"),
    message:
        "pretrain on {wildcards.task}, seed {wildcards.pretraining}"
    script:
        "../scripts/pretrain/pretrain.py"


rule stage_pretrain:
    input:
        made(rules.imagenet),
        made(rules.pretrain, task=TASKS, pretraining=PRETRAININGS),
    params:
        scope=P("pretrain.tasks", "pretrain.ablations", "pretrain.comparisons", "pretrain.seeds", "comparisons"),
