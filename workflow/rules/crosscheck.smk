# what the fine-tuned networks say of the sets in labels.extra: made when asked for by name, part neither of `all` nor of DVC


rule judge:
    message: "judge {wildcards.extra} with {wildcards.init} of seed {wildcards.pretraining}, {wildcards.share} %, seed {wildcards.seed}"
    input:
        weights="models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.safetensors",
        store=lambda w: store(w.extra),
        ledger="data/{scale}/{extra}/ledger.csv",
        split="data/{scale}/{extra}/split.csv",
        code=code("judge"),
    output:
        "results/{scale}/crosscheck/{init}/share{share}_pretraining{pretraining}_seed{seed}/{extra}.parquet",
    params:
        cfg=P("backbone.name", "finetune.batch", "finetune.threads"),
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    log:
        "logs/{scale}/judge/{extra}_{init}_share{share}_pretraining{pretraining}_seed{seed}.log",
    benchmark:
        "logs/{scale}/benchmark/judge/{extra}_{init}_share{share}_pretraining{pretraining}_seed{seed}.tsv"
    script:
        "../scripts/judge.py"


rule crosscheck:
    message: "compute the metrics of all models on the sets in labels.extra"
    input:
        predictions=[
            path
            for extra in EXTRA
            for path in runs(f"results/{{scale}}/crosscheck/{{init}}/share{{share}}_pretraining{{pretraining}}_seed{{seed}}/{extra}.parquet")
        ],
        code=code("crosscheck"),
    output:
        "results/{scale}/crosscheck/metrics.csv",
    params:
        cfg=P("labels.extra", "labels.source"),
    log:
        "logs/{scale}/crosscheck.log",
    benchmark:
        "logs/{scale}/benchmark/crosscheck.tsv"
    script:
        "../scripts/crosscheck.py"
