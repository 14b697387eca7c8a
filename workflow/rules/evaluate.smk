# what the networks say: predictions on the tested sets, answers to distortions, metrics, the premise, the photos, linear probes


rule predict:
    input:
        **tested_files(),
        weights=by_fold(f"{FINETUNED}.safetensors"),
        code=code("evaluate/predict"),
    output:
        [f"{PREDICTED}{name}.parquet" for name in TEST_ON],
    log:
        f"logs/{{scale}}/predict/{{init}}_{RUN}.log",
    benchmark:
        f"logs/{{scale}}/benchmark/predict/{{init}}_{RUN}.tsv"
    threads: CONFIG["finetune"]["threads"]
    resources:
        **asking(asked.of_labelled(VALUES, TEST_ON, len(FOLDS) or 1)),
        gpu=card,
        loaders=LOADERS,
    params:
        cfg=P(PredictConfig, "labels.test_on") | scores_params(*TEST_ON),
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
        **asking(asked.of_variants(VALUES, len(RANKING_TASKS) * len(PRETRAININGS), TEST_PHOTOS), loaders=0),
        gpu=card,
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
        summaries=runs(f"{FINETUNED}.json"),
        predictions=predicted(),
        split=f"data/{{scale}}/{TRAIN_ON}/split.csv",
        code=code("evaluate/metrics"),
    output:
        table="results/{scale}/metrics/metrics.csv",
        summaries=expand("results/{{scale}}/metrics/starts/{init}.json", init=INITS),
    log:
        "logs/{scale}/metrics.log",
    benchmark:
        "logs/{scale}/benchmark/metrics.tsv"
    params:
        cfg=P(
            "finetune.compared",
            "finetune.shares",
            "finetune.seeds",
            "pretrain.tasks",
            "pretrain.ablations",
            "pretrain.comparisons",
            "pretrain.seeds",
        )
        | labels_params(),
    message:
        "compute the metrics of all models"
    script:
        "../scripts/evaluate/metrics.py"


rule intervals:
    input:
        predictions=predicted(),
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
        cfg=P(IntervalConfig) | labels_params(),
    message:
        "resample pictures and seeds for the intervals of all metrics"
    script:
        "../scripts/evaluate/intervals.py"


rule premise:
    input:
        tid2013="data/{scale}/tid2013/ledger.csv" if "tid2013" in TEST_ON else [],
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
        # with folds, the first one's networks
        weights=runs(f"{FINETUNED}.safetensors", [run for run in WHOLE if run.init == "imagenet"], FOLDS[:1]),
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
        **asking(asked.of_photos(VALUES, len(SEEDS))),
        gpu=card,
        loaders=LOADERS,
    params:
        cfg=P(ScoresConfig, f"sets.{TRAIN_ON}.above") | scores_params(),
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
        **asking(asked.of_originals(VALUES)),
        gpu=card,
        loaders=LOADERS,
    params:
        cfg=P(ClassesConfig, "photos.sources", "photos.folder"),
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
        **asking(asked.of_variants(VALUES, len(INITS), CONFIG["photo_check"]["distorted_photos"])),
        gpu=card,
        loaders=LOADERS,
    params:
        cfg=P(SensitivityConfig, "image.size", "distortions", "photo_check.distorted_photos", "seed"),
    message:
        "measure how far distortions move the features of every initialisation"
    script:
        "../scripts/evaluate/sensitivity.py"


rule probe:
    input:
        **{name: files for name, files in tested_files().items() if not name.startswith("store_")},
        features=[path for name in TEST_ON for path in features_of(name)],
        code=code("evaluate/probe"),
    output:
        table="results/{scale}/probe/probes.csv",
        references="results/{scale}/metrics/references.csv",
        ridge="results/{scale}/probe/ridge.parquet",
    log:
        "logs/{scale}/probe.log",
    benchmark:
        "logs/{scale}/benchmark/probe.tsv"
    threads: CONFIG["finetune"]["threads"]
    params:
        cfg=P(ProbeConfig, IntervalConfig, "finetune.threads") | labels_params(),
    message:
        "fit linear probes to the features of all initialisations"
    script:
        "../scripts/evaluate/probe.py"


rule over_ridge:
    input:
        predictions=runs(f"{PREDICTED}{TRAIN_ON}.parquet", WHOLE),
        ridge="results/{scale}/probe/ridge.parquet",
        code=code("evaluate/over_ridge"),
    output:
        "results/{scale}/metrics/over_ridge.csv",
    log:
        "logs/{scale}/over_ridge.log",
    benchmark:
        "logs/{scale}/benchmark/over_ridge.tsv"
    params:
        cfg=P(IntervalConfig) | labels_params(),
    message:
        "compare all rows with ridge regression on frozen features"
    script:
        "../scripts/evaluate/over_ridge.py"


rule stage_evaluate:
    input:
        made(rules.metrics),
        made(rules.intervals),
        made(rules.respond),
        made(rules.pretrained),
        code("evaluate/premise"),  # stands here too, as in stage_data
        made(rules.premise) if PREMISE else [],
        made(rules.photo_scores),
        made(rules.photo_classes),
        made(rules.sensitivity),
        made(rules.probe),
        made(rules.over_ridge),
        predicted(),
    params:
        scope=P(
            "finetune.compared",
            "finetune.shares",
            "finetune.seeds",
            "pretrain.tasks",
            "pretrain.ablations",
            "pretrain.comparisons",
            "pretrain.seeds",
            "comparisons",
            "premise",
        ),
