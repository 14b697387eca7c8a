# what the networks say: predictions on AVA's test split and TID2013, answers to distortions, metrics, the premise, the photos, linear probes


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
        code=code("evaluate/predict"),
    output:
        ava="results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/ava.parquet",
        tid2013="results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/tid2013.parquet",
    params:
        cfg=P(PredictConfig),
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    log:
        "logs/{scale}/predict/{init}_share{share}_pretraining{pretraining}_seed{seed}.log",
    benchmark:
        "logs/{scale}/benchmark/predict/{init}_share{share}_pretraining{pretraining}_seed{seed}.tsv"
    script:
        "../scripts/evaluate/predict.py"


rule respond:
    message: "show distorted photos to the pretrained networks"
    input:
        store=store("photos"),
        rendered=rendered(),
        split="data/{scale}/photos/split.csv",
        networks=expand("models/{{scale}}/pretrained/{task}/seed{pretraining}.safetensors", task=RANKING_TASKS, pretraining=PRETRAININGS),
        code=code("evaluate/respond"),
    output:
        responses="results/{scale}/metrics/responses.parquet",
        cross="results/{scale}/metrics/cross_responses.csv",
        ranking="results/{scale}/metrics/ranking_accuracy.csv",
        pooled="results/{scale}/metrics/ranking_pooled.csv",
        confusion="results/{scale}/metrics/confusion.csv",
    params:
        cfg=P(RespondConfig, "image.size", "distortions", "seed"),
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=0,
    log:
        "logs/{scale}/respond.log",
    benchmark:
        "logs/{scale}/benchmark/respond.tsv"
    script:
        "../scripts/evaluate/respond.py"


rule pretrained:
    message: "look at what pretraining came to"
    input:
        start="models/{scale}/pretrained/imagenet/seed0.safetensors",
        weights=expand("models/{{scale}}/pretrained/{task}/seed{pretraining}.safetensors", task=TASKS, pretraining=PRETRAININGS),
        histories=expand("models/{{scale}}/pretrained/{task}/seed{pretraining}.csv", task=TASKS, pretraining=PRETRAININGS),
        ranking="results/{scale}/metrics/ranking_pooled.csv",
        code=code("evaluate/pretrained"),
    output:
        "results/{scale}/metrics/pretraining.csv",
    log:
        "logs/{scale}/pretrained.log",
    benchmark:
        "logs/{scale}/benchmark/pretrained.tsv"
    script:
        "../scripts/evaluate/pretrained.py"


rule metrics:
    message: "compute the metrics of all models"
    input:
        summaries=runs("models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.json"),
        ava=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/ava.parquet"),
        tid2013=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/tid2013.parquet"),
        code=code("evaluate/metrics"),
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
        "../scripts/evaluate/metrics.py"


rule intervals:
    message: "resample pictures and seeds for the intervals of all metrics"
    input:
        ava=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/ava.parquet"),
        tid2013=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/tid2013.parquet"),
        code=code("evaluate/intervals"),
    output:
        values="results/{scale}/metrics/intervals.csv",
        differences="results/{scale}/metrics/differences.csv",
        labels="results/{scale}/metrics/labels_saved.csv",
    params:
        cfg=P(IntervalConfig),
    log:
        "logs/{scale}/intervals.log",
    benchmark:
        "logs/{scale}/benchmark/intervals.tsv"
    script:
        "../scripts/evaluate/intervals.py"


rule premise:
    message: "count how often people find the more distorted picture worse"
    input:
        tid2013="data/{scale}/tid2013/ledger.csv",
        given=[*given("premise.kadid"), *given("premise.survey")],
        code=code("evaluate/premise"),
    output:
        "results/{scale}/metrics/premise.csv",
    params:
        cfg=P("labels.source", "premise.kadid", "premise.survey"),
    log:
        "logs/{scale}/premise.log",
    benchmark:
        "logs/{scale}/benchmark/premise.tsv"
    script:
        "../scripts/evaluate/premise.py"


rule photo_scores:
    message: "score the unlabelled photos with the fine-tuned ImageNet network"
    input:
        weights=runs(
            "models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.safetensors",
            [run for run in WHOLE if run.init == "imagenet"],
        ),
        store=store("photos"),
        split="data/{scale}/photos/split.csv",
        code=code("evaluate/photo_scores"),
    output:
        scores="results/{scale}/metrics/photo_scores.parquet",
        shares="results/{scale}/metrics/photo_scores.csv",
    params:
        cfg=P(ScoresConfig),
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    log:
        "logs/{scale}/photo_scores.log",
    benchmark:
        "logs/{scale}/benchmark/photo_scores.tsv"
    script:
        "../scripts/evaluate/photo_scores.py"


rule photo_classes:
    message: "look for classes and objects in the unlabelled photos"
    input:
        ledger="data/{scale}/photos/ledger.csv",
        split="data/{scale}/photos/split.csv",
        code=code("evaluate/photo_classes"),
    output:
        counts="results/{scale}/metrics/photo_classes.csv",
        diversity="results/{scale}/metrics/photo_diversity.csv",
    params:
        cfg=P(ClassesConfig, "photos.source", "photos.folder"),
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    log:
        "logs/{scale}/photo_classes.log",
    benchmark:
        "logs/{scale}/benchmark/photo_classes.tsv"
    retries: 3
    script:
        "../scripts/evaluate/photo_classes.py"


rule sensitivity:
    message: "measure how far distortions move the features of every initialisation"
    input:
        store=store("photos"),
        rendered=rendered(),
        split="data/{scale}/photos/split.csv",
        code=code("evaluate/sensitivity"),
        weights=[  # of several seeds of pretraining, the first
            f"models/{{scale}}/pretrained/{init}/seed{pretrainings_of(init, PRETRAININGS)[0]}.safetensors" for init in INITS
        ],
    output:
        table="results/{scale}/metrics/sensitivity.csv",
        by_photo="results/{scale}/metrics/sensitivity.parquet",
    params:
        cfg=P(SensitivityConfig, "image.size", "distortions", "photo_check.distorted_photos", "seed"),
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    log:
        "logs/{scale}/sensitivity.log",
    benchmark:
        "logs/{scale}/benchmark/sensitivity.tsv"
    script:
        "../scripts/evaluate/sensitivity.py"


rule features:
    message: "compute the features of {wildcards.init} of seed {wildcards.pretraining}"
    input:
        start="models/{scale}/pretrained/{init}/seed{pretraining}.safetensors",
        ava=store("ava"),
        ava_ledger="data/{scale}/ava/ledger.csv",
        tid2013=store("tid2013"),
        tid2013_ledger="data/{scale}/tid2013/ledger.csv",
        code=code("evaluate/features"),
    output:
        ava="results/{scale}/probe/features/{init}/seed{pretraining}/ava.npy",
        tid2013="results/{scale}/probe/features/{init}/seed{pretraining}/tid2013.npy",
    params:
        cfg=P(FeaturesConfig),
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    log:
        "logs/{scale}/features/{init}_seed{pretraining}.log",
    benchmark:
        "logs/{scale}/benchmark/features/{init}_seed{pretraining}.tsv"
    script:
        "../scripts/evaluate/features.py"


rule probe:
    message: "fit linear probes to the features of all initialisations"
    input:
        ava=features_of("ava"),
        tid2013=features_of("tid2013"),
        ava_ledger="data/{scale}/ava/ledger.csv",
        ava_split="data/{scale}/ava/split.csv",
        tid2013_ledger="data/{scale}/tid2013/ledger.csv",
        tid2013_split="data/{scale}/tid2013/split.csv",
        code=code("evaluate/probe"),
    output:
        table="results/{scale}/probe/probes.csv",
        references="results/{scale}/metrics/references.csv",
    params:
        cfg=P(ProbeConfig, IntervalConfig, "finetune.threads"),
    threads: CONFIG["finetune"]["threads"]
    log:
        "logs/{scale}/probe.log",
    benchmark:
        "logs/{scale}/benchmark/probe.tsv"
    script:
        "../scripts/evaluate/probe.py"


rule stage_evaluate:
    input:
        expand(rules.metrics.output, scale=SCALE),
        expand(rules.intervals.output, scale=SCALE),
        expand(rules.respond.output, scale=SCALE),
        expand(rules.pretrained.output, scale=SCALE),
        expand(rules.premise.output, scale=SCALE),
        expand(rules.photo_scores.output, scale=SCALE),
        expand(rules.photo_classes.output, scale=SCALE),
        expand(rules.sensitivity.output, scale=SCALE),
        features_of("ava"),
        features_of("tid2013"),
        expand(rules.probe.output, scale=SCALE),
        runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/ava.parquet"),
        runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/tid2013.parquet"),
    params:
        scope=P("finetune.compared", "finetune.shares", "finetune.seeds", "pretrain.tasks", "pretrain.ablations", "pretrain.seeds"),
