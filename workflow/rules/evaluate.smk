# what the networks say: predictions on AVA's test split and TID2013, answers to distortions, metrics, the premise, the photos, linear probes


rule predict:
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
    log:
        "logs/{scale}/predict/{init}_share{share}_pretraining{pretraining}_seed{seed}.log",
    benchmark:
        "logs/{scale}/benchmark/predict/{init}_share{share}_pretraining{pretraining}_seed{seed}.tsv"
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    params:
        cfg=P(PredictConfig),
    message:
        "predict with {wildcards.init} of seed {wildcards.pretraining}, {wildcards.share} %, seed {wildcards.seed}"
    script:
        "../scripts/evaluate/predict.py"


rule respond:
    input:
        store=store("photos"),
        rendered=rendered(),
        split="data/{scale}/photos/split.csv",
        networks=expand(
            "models/{{scale}}/pretrained/{task}/seed{pretraining}.safetensors", task=RANKING_TASKS, pretraining=PRETRAININGS
        ),
        code=code("evaluate/respond"),
    output:
        responses="results/{scale}/metrics/responses.parquet",
        cross="results/{scale}/metrics/cross_responses.csv",
        ranking="results/{scale}/metrics/ranking_accuracy.csv",
        pooled="results/{scale}/metrics/ranking_pooled.csv",
        confusion="results/{scale}/metrics/confusion.csv",
    log:
        "logs/{scale}/respond.log",
    benchmark:
        "logs/{scale}/benchmark/respond.tsv"
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=0,
    params:
        cfg=P(RespondConfig, "image.size", "distortions", "seed") | comparisons_params(),
    message:
        "show distorted photos to the pretrained networks"
    script:
        "../scripts/evaluate/respond.py"


rule pretrained:
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
    message:
        "look at what pretraining came to"
    script:
        "../scripts/evaluate/pretrained.py"


rule metrics:
    input:
        summaries=runs("models/{scale}/finetuned/{init}/share{share}_pretraining{pretraining}_seed{seed}.json"),
        ava=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/ava.parquet"),
        tid2013=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/tid2013.parquet"),
        code=code("evaluate/metrics"),
    output:
        table="results/{scale}/metrics/metrics.csv",
        summary="results/{scale}/metrics/metrics.json",
    log:
        "logs/{scale}/metrics.log",
    benchmark:
        "logs/{scale}/benchmark/metrics.tsv"
    params:
        cfg=P(
            "finetune.compared", "finetune.shares", "finetune.seeds", "pretrain.tasks", "pretrain.ablations", "pretrain.comparisons", "pretrain.seeds"
        ),
    message:
        "compute the metrics of all models"
    script:
        "../scripts/evaluate/metrics.py"


rule intervals:
    input:
        ava=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/ava.parquet"),
        tid2013=runs("results/{scale}/predictions/{init}/share{share}_pretraining{pretraining}_seed{seed}/tid2013.parquet"),
        code=code("evaluate/intervals"),
    output:
        values="results/{scale}/metrics/intervals.csv",
        differences="results/{scale}/metrics/differences.csv",
        labels="results/{scale}/metrics/labels_saved.csv",
    log:
        "logs/{scale}/intervals.log",
    benchmark:
        "logs/{scale}/benchmark/intervals.tsv"
    params:
        cfg=P(IntervalConfig),
    message:
        "resample pictures and seeds for the intervals of all metrics"
    script:
        "../scripts/evaluate/intervals.py"


rule premise:
    input:
        tid2013="data/{scale}/tid2013/ledger.csv",
        given=[*given("premise.kadid"), *given("premise.survey")],
        code=code("evaluate/premise"),
    output:
        "results/{scale}/metrics/premise.csv",
    log:
        "logs/{scale}/premise.log",
    benchmark:
        "logs/{scale}/benchmark/premise.tsv"
    params:
        cfg=P("labels.source", "premise.kadid", "premise.survey"),
    message:
        "count how often people find the more distorted picture worse"
    script:
        "../scripts/evaluate/premise.py"


rule photo_scores:
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
    log:
        "logs/{scale}/photo_scores.log",
    benchmark:
        "logs/{scale}/benchmark/photo_scores.tsv"
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    params:
        cfg=P(ScoresConfig),
    message:
        "score the unlabelled photos with the fine-tuned ImageNet network"
    script:
        "../scripts/evaluate/photo_scores.py"


rule photo_classes:
    input:
        ledger="data/{scale}/photos/ledger.csv",
        split="data/{scale}/photos/split.csv",
        code=code("evaluate/photo_classes"),
    output:
        counts="results/{scale}/metrics/photo_classes.csv",
        diversity="results/{scale}/metrics/photo_diversity.csv",
    log:
        "logs/{scale}/photo_classes.log",
    benchmark:
        "logs/{scale}/benchmark/photo_classes.tsv"
    retries: 3
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    params:
        cfg=P(ClassesConfig, "photos.source", "photos.folder"),
    message:
        "look for classes and objects in the unlabelled photos"
    script:
        "../scripts/evaluate/photo_classes.py"


rule sensitivity:
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
    log:
        "logs/{scale}/sensitivity.log",
    benchmark:
        "logs/{scale}/benchmark/sensitivity.tsv"
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    params:
        cfg=P(SensitivityConfig, "image.size", "distortions", "photo_check.distorted_photos", "seed"),
    message:
        "measure how far distortions move the features of every initialisation"
    script:
        "../scripts/evaluate/sensitivity.py"


rule features:
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
    log:
        "logs/{scale}/features/{init}_seed{pretraining}.log",
    benchmark:
        "logs/{scale}/benchmark/features/{init}_seed{pretraining}.tsv"
    threads: CONFIG["finetune"]["threads"]
    resources:
        gpu=GPU,
        loaders=LOADERS,
    params:
        cfg=P(FeaturesConfig),
    message:
        "compute the features of {wildcards.init} of seed {wildcards.pretraining}"
    script:
        "../scripts/evaluate/features.py"


rule probe:
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
    log:
        "logs/{scale}/probe.log",
    benchmark:
        "logs/{scale}/benchmark/probe.tsv"
    threads: CONFIG["finetune"]["threads"]
    params:
        cfg=P(ProbeConfig, IntervalConfig, "finetune.threads"),
    message:
        "fit linear probes to the features of all initialisations"
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
        scope=P(
            "finetune.compared", "finetune.shares", "finetune.seeds", "pretrain.tasks", "pretrain.ablations", "pretrain.comparisons", "pretrain.seeds", "comparisons"
        ),
