# fine-tuning on a labelled set: initialisation x share of the labels x seed of the pretraining x seed (section 4.5) x fold


# frozen features of every initialisation: computed once, read by all its fine-tunings and by the linear probes


rule features:
    input:
        **{name: files for name, files in tested_files().items() if not name.startswith("split_")},
        start="models/{scale}/pretrained/{init}/seed{pretraining}.safetensors",
        code=code("finetune/features"),
    output:
        plain=[f"{FEATURES}{name}.npy" for name in TEST_ON],
        mirrored=mirrored_features(),
    log:
        "logs/{scale}/features/{init}_seed{pretraining}.log",
    benchmark:
        "logs/{scale}/benchmark/features/{init}_seed{pretraining}.tsv"
    threads: CONFIG["finetune"]["threads"]
    resources:
        **asking(asked.of_labelled(VALUES, [*TEST_ON, *([TRAIN_ON] if mirrored_features() else [])])),
        gpu=card,
        loaders=LOADERS,
    params:
        cfg=P(FeaturesConfig, "labels.test_on", "finetune.flip"),
    message:
        "compute the features of {wildcards.init} of seed {wildcards.pretraining}"
    script:
        "../scripts/finetune/features.py"


rule finetune:
    input:
        start="models/{scale}/pretrained/{init}/seed{pretraining}.safetensors",
        store=store(TRAIN_ON),
        ledger=f"data/{{scale}}/{TRAIN_ON}/ledger.csv",
        split=f"data/{{scale}}/{TRAIN_ON}/split.csv",
        features=f"{FEATURES}{TRAIN_ON}.npy",
        mirrored=mirrored_features(),
        code=code("finetune/finetune"),
    output:
        # all folds of a run in one job, because loading torch would take as long as training one
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
        [features_of(name) for name in (*TEST_ON, *([f"mirrored/{TRAIN_ON}"] if CONFIG["finetune"]["flip"] else []))],
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
