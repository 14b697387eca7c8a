# fine-tuning on AVA: initialisation x share of the labels x seed of the pretraining x seed (section 4.5)


rule finetune:
    input:
        start="models/{scale}/pretrained/{init}/seed{pretraining}.safetensors",
        store=store("ava"),
        ledger="data/{scale}/ava/ledger.csv",
        split="data/{scale}/ava/split.csv",
        code=code("finetune/finetune"),
    output:
        weights="models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.safetensors",
        history="models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.csv",
        summary="models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.json",
    log:
        "logs/{scale}/finetune/{init}_share{share}_pretraining{pretraining}_seed{seed}.log",
    benchmark:
        "logs/{scale}/benchmark/finetune/{init}_share{share}_pretraining{pretraining}_seed{seed}.tsv"
    threads: CONFIG["finetune"]["threads"] * CONFIG["compute"]["processes"]
    resources:
        gpu=GPU * CONFIG["compute"]["processes"],
        loaders=LOADERS,
        live=0,
        mem_mb=2000,
    params:
        cfg=P(FinetuneConfig),
    message:
        "fine-tune {wildcards.init} of seed {wildcards.pretraining} on {wildcards.share} % of the labels, seed {wildcards.seed}"
    script:
        "../scripts/finetune/finetune.py"


rule stage_finetune:
    input:
        runs("models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.safetensors"),
        runs("models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.csv"),
        runs("models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.json"),
    params:
        scope=P(
            "finetune.compared", "finetune.shares", "finetune.seeds", "pretrain.tasks", "pretrain.ablations", "pretrain.comparisons", "pretrain.seeds"
        ),
