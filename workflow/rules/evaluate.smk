# what the networks say: predictions on AVA's test split and TID2013, answers to distortions, metrics, the premise


rule predict:
    message: "predict with {wildcards.init} of seed {wildcards.pretraining}, {wildcards.share} %, seed {wildcards.seed}"
    input:
        weights="models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.safetensors",
        ava=store("ava"),
        ava_ledger="data/{scale}/ava/ledger.csv",
        ava_split="data/{scale}/ava/split.csv",
        tid2013=store("tid2013"),
        tid2013_ledger="data/{scale}/tid2013/ledger.csv",
        tid2013_split="data/{scale}/tid2013/split.csv",
        code=code("predict"),
    output:
        ava="results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/ava.parquet",
        tid2013="results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/tid2013.parquet",
    params:
        cfg=P("backbone.name", "finetune.batch", "finetune.threads"),
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    log:
        "logs/{scale}/predict/{init}_share{share}_pretraining{pretraining}_seed{seed}.log",
    benchmark:
        "logs/{scale}/benchmark/predict/{init}_share{share}_pretraining{pretraining}_seed{seed}.tsv"
    script:
        "../scripts/predict.py"


rule respond:
    message: "show distorted photos to the pretrained networks"
    input:
        store=store("photos"),
        rendered=rendered(),
        split="data/{scale}/photos/split.csv",
        networks=expand("models/{{scale}}/pretrained/{task}/seed{pretraining}.safetensors", task=RANKED, pretraining=PRETRAININGS),
        code=code("respond"),
    output:
        responses="results/{scale}/metrics/responses.parquet",
        cross="results/{scale}/metrics/cross_responses.csv",
        ranking="results/{scale}/metrics/ranking_accuracy.csv",
        confusion="results/{scale}/metrics/confusion.csv",
    params:
        cfg=P(
            "backbone.name",
            "image.size",
            "seed",
            "finetune.batch",
            "finetune.threads",
            *section("distortions"),
        ),
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=0,
    log:
        "logs/{scale}/respond.log",
    benchmark:
        "logs/{scale}/benchmark/respond.tsv"
    script:
        "../scripts/respond.py"


rule metrics:
    message: "compute the metrics of all models"
    input:
        summaries=runs("models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.json"),
        ava=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/ava.parquet"),
        tid2013=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/tid2013.parquet"),
        code=code("metrics"),
    output:
        table="results/{scale}/metrics/metrics.csv",
        summary="results/{scale}/metrics/metrics.json",
    params:
        cfg=P("finetune.compared", "finetune.shares", "finetune.seeds", "pretrain.tasks", "pretrain.ablations", "pretrain.seeds"),
    log:
        "logs/{scale}/metrics.log",
    benchmark:
        "logs/{scale}/benchmark/metrics.tsv"
    script:
        "../scripts/metrics.py"


rule intervals:
    message: "resample pictures and seeds for the intervals of all metrics"
    input:
        ava=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/ava.parquet"),
        tid2013=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/tid2013.parquet"),
        code=code("intervals"),
    output:
        values="results/{scale}/metrics/intervals.csv",
        differences="results/{scale}/metrics/differences.csv",
        labels="results/{scale}/metrics/labels_saved.csv",
    params:
        cfg=P("report.confidence", "report.interval", "report.resamples", "labels.source", "seed"),
    log:
        "logs/{scale}/intervals.log",
    benchmark:
        "logs/{scale}/benchmark/intervals.tsv"
    script:
        "../scripts/intervals.py"


rule premise:
    message: "count how often people find the more distorted picture worse"
    input:
        tid2013="data/{scale}/tid2013/ledger.csv",
        given=[*given("premise.kadid"), *given("premise.survey")],
        code=code("premise"),
    output:
        "results/{scale}/metrics/premise.csv",
    params:
        cfg=P("labels.source", "premise.kadid", "premise.survey"),
    log:
        "logs/{scale}/premise.log",
    benchmark:
        "logs/{scale}/benchmark/premise.tsv"
    script:
        "../scripts/premise.py"


rule stage_evaluate:
    input:
        expand(rules.metrics.output, scale=SCALE),
        expand(rules.intervals.output, scale=SCALE),
        expand(rules.respond.output, scale=SCALE),
        expand(rules.premise.output, scale=SCALE),
        runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/ava.parquet"),
        runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/tid2013.parquet"),
    params:
        scope=P("finetune.compared", "finetune.shares", "finetune.seeds", "pretrain.tasks", "pretrain.ablations", "pretrain.seeds"),
