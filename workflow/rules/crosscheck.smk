# what the fine-tuned networks say of the sets in labels.crosscheck: made when asked for by name, part neither of `all` nor of DVC


rule seen:
    input:
        stores=lambda w: [tar for dataset in ("photos", TRAIN_ON, w.extra) for tar in store(dataset)],
        ledgers=lambda w: expand("data/{scale}/{dataset}/ledger.csv", scale=SCALE, dataset=("photos", TRAIN_ON, w.extra)),
        splits=lambda w: expand("data/{scale}/{dataset}/split.csv", scale=SCALE, dataset=("photos", TRAIN_ON, w.extra)),
        code=code("crosscheck/seen"),
    output:
        "results/{scale}/crosscheck/seen/{extra}.csv",
    log:
        "logs/{scale}/seen/{extra}.log",
    benchmark:
        "logs/{scale}/benchmark/seen/{extra}.tsv"
    params:
        cfg=P("labels.source"),
    message:
        "look for pictures of {wildcards.extra} that networks were trained on"
    script:
        "../scripts/crosscheck/seen.py"


rule judge:
    input:
        weights=by_fold(f"{FINETUNED}.safetensors"),
        store=lambda w: store(w.extra),
        ledger="data/{scale}/{extra}/ledger.csv",
        split="data/{scale}/{extra}/split.csv",
        seen="results/{scale}/crosscheck/seen/{extra}.csv",
        code=code("crosscheck/judge"),
    output:
        f"results/{{scale}}/crosscheck/{{init}}/{RUN}/{{extra}}.parquet",
    log:
        f"logs/{{scale}}/judge/{{extra}}_{{init}}_{RUN}.log",
    benchmark:
        f"logs/{{scale}}/benchmark/judge/{{extra}}_{{init}}_{RUN}.tsv"
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=card,
        loaders=LOADERS,
    params:
        cfg=P(PredictConfig) | scores_params(),
    message:
        "judge {wildcards.extra} with {wildcards.init} of seed {wildcards.pretraining}, {wildcards.share} %, seed {wildcards.seed}"
    script:
        "../scripts/crosscheck/judge.py"


rule crosscheck:
    input:
        predictions=[path for extra in EXTRA for path in runs(f"results/{{scale}}/crosscheck/{{init}}/{RUN}/{extra}.parquet")],
        seen=expand("results/{{scale}}/crosscheck/seen/{extra}.csv", extra=EXTRA),
        code=code("crosscheck/crosscheck"),
    output:
        "results/{scale}/crosscheck/metrics.csv",
    log:
        "logs/{scale}/crosscheck.log",
    benchmark:
        "logs/{scale}/benchmark/crosscheck.tsv"
    params:
        cfg=P("labels.crosscheck") | labels_params(*EXTRA),
    message:
        "compute the metrics of all models on the sets in labels.crosscheck"
    script:
        "../scripts/crosscheck/crosscheck.py"
