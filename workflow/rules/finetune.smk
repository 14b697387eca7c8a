# fine-tuning on a labelled set: initialisation x share of the labels x seed of the pretraining x seed (section 4.5) x fold


rule finetune:
    input:
        start="models/{scale}/pretrained/{init}/seed{pretraining}.safetensors",
        store=store(TRAIN_ON),
        ledger=f"data/{{scale}}/{TRAIN_ON}/ledger.csv",
        split=f"data/{{scale}}/{TRAIN_ON}/split.csv",
        code=code("finetune/finetune"),
    output:
        # all folds of a run in one job, because loading torch and computing the features would take as long as training one
        weights=by_fold(f"{FINETUNED}.safetensors"),
        history=by_fold(f"{FINETUNED}.csv"),
        summary=by_fold(f"{FINETUNED}.json"),
    log:
        f"logs/{{scale}}/finetune/{{init}}_{RUN}.log",
    benchmark:
        f"logs/{{scale}}/benchmark/finetune/{{init}}_{RUN}.tsv"
    threads: CONFIG["finetune"]["threads"] * CONFIG["compute"]["processes"]
    resources:
        **ON_NODES,
        gpu=cards,
        loaders=LOADERS,
        live=0,
        mem_mb=mem_mb,
        runtime=runtime,
        cpus_per_task=cpus_per_task,
    params:
        cfg=P(FinetuneConfig) | scores_params(),
    message:
        "fine-tune {wildcards.init} of seed {wildcards.pretraining} on {wildcards.share} % of the labels, seed {wildcards.seed}"
    script:
        "../scripts/finetune/finetune.py"


rule stage_finetune:
    input:
        runs(f"{FINETUNED}.safetensors"),
        runs(f"{FINETUNED}.csv"),
        runs(f"{FINETUNED}.json"),
    params:
        scope=P(
            "finetune.compared",
            "finetune.shares",
            "finetune.seeds",
            "pretrain.tasks",
            "pretrain.ablations",
            "pretrain.comparisons",
            "pretrain.seeds",
        ),
