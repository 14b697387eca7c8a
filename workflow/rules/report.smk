# Table 2, all figures and the page, made from saved tables and stores

# names of the other figures; each has a caption of its name; without the classification network there is no confusion
DIAGNOSTICS = ["learning_curves", "ranking_accuracy", "heatmap", "confusion", "premise", "scatter", "histograms", "best_worst"]
DIAGNOSTICS += ["sensitivity", "photo_scores", "photo_classes"]
if "ranking_classification" not in TASKS:
    DIAGNOSTICS.remove("confusion")
if not PREMISE:
    DIAGNOSTICS.remove("premise")
# tables that the page offers to download, beside those that it shows
MEASURED = [
    "metrics",
    "intervals",
    "differences",
    "labels_saved",
    "references",
    "over_ridge",
    "pretraining",
    "ranking_accuracy",
]
MEASURED += ["cross_responses", "confusion", "sensitivity", "premise", "photo_scores", "photo_classes", "photo_diversity"]


rule table2:
    input:
        metrics="results/{scale}/metrics/metrics.csv",
        predictions=predicted(),
        intervals="results/{scale}/metrics/intervals.csv",
        pretraining="results/{scale}/metrics/pretraining.csv",
        split=f"data/{{scale}}/{TRAIN_ON}/split.csv",
        references="results/{scale}/metrics/references.csv",
        over_ridge="results/{scale}/metrics/over_ridge.csv",
        published=own("resources/table2_published.csv"),
        code=code("report/table2"),
    output:
        csv=report(
            "results/{scale}/tables/table2.csv", caption="../report/table2.rst", category="Tables", labels={"table": "Table 2"}
        ),
        md="results/{scale}/tables/table2.md",
        tex="results/{scale}/tables/table2.tex",
        verdicts="results/{scale}/tables/table2_verdicts.md",
    log:
        "logs/{scale}/table2.log",
    benchmark:
        "logs/{scale}/benchmark/table2.tsv"
    params:
        cfg=P(
            *("report.alpha", "report.confidence"),
            *CONDITIONS,
            *(f"comparisons.{row}" for row in COMPARISONS),
            *(*PARAMETERS, f"sets.{TRAIN_ON}.split"),  # is the experiment the paper's?
        )
        | labels_params(),
    message:
        "make Table 2"
    script:
        "../scripts/report/table2.py"


rule probe_table:
    input:
        probes="results/{scale}/probe/probes.csv",
        code=code("report/probe_table"),
    output:
        **{
            suffix: report(
                f"results/{{scale}}/figures/probes.{suffix}",
                caption="../report/probes.rst",
                category="Diagnostics",
                labels={"figure": "linear probes"},
            )
            for suffix in ("pdf", "png")
        },
        csv=report(
            "results/{scale}/tables/probes.csv",
            caption="../report/probes.rst",
            category="Tables",
            labels={"table": "linear probes"},
        ),
        md="results/{scale}/tables/probes.md",
    log:
        "logs/{scale}/probe_table.log",
    benchmark:
        "logs/{scale}/benchmark/probe_table.tsv"
    params:
        cfg=P("probe.highest", "probe.lowest", "report.confidence") | labels_params(),
    message:
        "make the table and the figure of the linear probes"
    script:
        "../scripts/report/probe_table.py"


rule claims:
    input:
        claims=own("resources/claims.yaml"),
        table="results/{scale}/tables/table2.csv",
        published=own("resources/table2_published.csv"),
        differences="results/{scale}/metrics/differences.csv",
        labels="results/{scale}/metrics/labels_saved.csv",
        metrics="results/{scale}/metrics/metrics.csv",
        responses="results/{scale}/metrics/responses.parquet",
        confusion="results/{scale}/metrics/confusion.csv",
        photo_scores="results/{scale}/metrics/photo_scores.csv",
        diversity="results/{scale}/metrics/photo_diversity.csv",
        sensitivity="results/{scale}/metrics/sensitivity.parquet",
        code=code("report/claims"),
    output:
        csv=report(
            "results/{scale}/tables/claims.csv", caption="../report/claims.rst", category="Tables", labels={"table": "claims"}
        ),
        md="results/{scale}/tables/claims.md",
    log:
        "logs/{scale}/claims.log",
    benchmark:
        "logs/{scale}/benchmark/claims.tsv"
    params:
        cfg=P("labels.source", "report.confidence"),
    message:
        "check the paper's claims"
    script:
        "../scripts/report/claims.py"


rule figure1:
    input:
        store=store("photos"),
        split="data/{scale}/photos/split.csv",
        code=code("report/figure1"),
    output:
        report(
            multiext("results/{scale}/figures/figure1", ".pdf", ".png"),
            caption="../report/figure1.rst",
            category="Figures",
            labels={"figure": "Figure 1"},
        ),
    log:
        "logs/{scale}/figure1.log",
    benchmark:
        "logs/{scale}/benchmark/figure1.tsv"
    params:
        cfg=P("image.size", "distortions.edited_width", "distortions.kernels", "distortions.table", "report.examples", "seed"),
    message:
        "draw Figure 1"
    script:
        "../scripts/report/figure1.py"


rule figure2:
    input:
        store=store("photos"),
        split="data/{scale}/photos/split.csv",
        code=code("report/figure2"),
    output:
        report(
            multiext("results/{scale}/figures/figure2", ".pdf", ".png"),
            caption="../report/figure2.rst",
            category="Figures",
            labels={"figure": "Figure 2"},
        ),
    log:
        "logs/{scale}/figure2.log",
    benchmark:
        "logs/{scale}/benchmark/figure2.tsv"
    params:
        cfg=P("report.random_photos", "seed"),
    message:
        "draw Figure 2"
    script:
        "../scripts/report/figure2.py"


rule figure3:
    input:
        metrics="results/{scale}/metrics/metrics.csv",
        intervals="results/{scale}/metrics/intervals.csv",
        code=code("report/figure3"),
    output:
        report(
            multiext("results/{scale}/figures/figure3", ".pdf", ".png"),
            caption="../report/figure3.rst",
            category="Figures",
            labels={"figure": "Figure 3"},
        ),
    log:
        "logs/{scale}/figure3.log",
    benchmark:
        "logs/{scale}/benchmark/figure3.tsv"
    params:
        cfg=P("finetune.compared") | labels_params(),
    message:
        "draw Figure 3"
    script:
        "../scripts/report/figure3.py"


rule figure4:
    input:
        responses="results/{scale}/metrics/responses.parquet",
        histories=expand("models/{{scale}}/pretrained/{task}/seed{pretraining}.csv", task=RESPONDING, pretraining=PRETRAININGS),
        split="data/{scale}/photos/split.csv",
        code=code("report/figure4"),
    output:
        report(
            multiext("results/{scale}/figures/figure4", ".pdf", ".png"),
            caption="../report/figure4.rst",
            category="Figures",
            labels={"figure": "Figure 4"},
        ),
    log:
        "logs/{scale}/figure4.log",
    benchmark:
        "logs/{scale}/benchmark/figure4.tsv"
    params:
        cfg=P("report.response_distortion", "report.response_outputs"),
    message:
        "draw Figure 4"
    script:
        "../scripts/report/figure4.py"


rule figure5:
    input:
        metrics="results/{scale}/metrics/metrics.csv",
        code=code("report/figure5"),
    output:
        report(
            multiext("results/{scale}/figures/figure5", ".pdf", ".png"),
            caption="../report/figure5.rst",
            category="Figures",
            labels={"figure": "Figure 5"},
        ),
    log:
        "logs/{scale}/figure5.log",
    benchmark:
        "logs/{scale}/benchmark/figure5.tsv"
    params:
        cfg=P("finetune.compared") | labels_params(),
    message:
        "draw Figure 5"
    script:
        "../scripts/report/figure5.py"


rule diagnostics:
    input:
        cross="results/{scale}/metrics/cross_responses.csv",
        ranking="results/{scale}/metrics/ranking_accuracy.csv",
        confusion="results/{scale}/metrics/confusion.csv",
        premise="results/{scale}/metrics/premise.csv" if PREMISE else [],
        sensitivity="results/{scale}/metrics/sensitivity.csv",
        photo_scores="results/{scale}/metrics/photo_scores.parquet",
        photo_shares="results/{scale}/metrics/photo_scores.csv",
        photo_classes="results/{scale}/metrics/photo_classes.csv",
        photo_diversity="results/{scale}/metrics/photo_diversity.csv",
        pretraining=expand("models/{{scale}}/pretrained/{task}/seed{pretraining}.csv", task=TASKS, pretraining=PRETRAININGS),
        finetuning=runs(f"{FINETUNED}.csv", WHOLE, FOLDS[:1]),
        predictions=runs(f"{PREDICTED}{TRAIN_ON}.parquet", SHOWN),
        store=store(TRAIN_ON),
        split="data/{scale}/photos/split.csv",
        code=code("report/diagnostics"),
    output:
        **{
            name: report(
                multiext(f"results/{{scale}}/figures/{name}", ".pdf", ".png"),
                caption=f"../report/{name}.rst",
                category="Diagnostics",
                labels={"figure": name.replace("_", " ")},
            )
            for name in DIAGNOSTICS
        },
    log:
        "logs/{scale}/diagnostics.log",
    benchmark:
        "logs/{scale}/benchmark/diagnostics.tsv"
    params:
        cfg=P("report.extreme_photos") | labels_params(),
    message:
        "draw what the networks learnt, how, and what they say"
    script:
        "../scripts/report/diagnostics.py"


rule report:
    input:
        table="results/{scale}/tables/table2.csv",
        claims="results/{scale}/tables/claims.csv",
        probes="results/{scale}/tables/probes.csv",
        figures=expand(
            "results/{{scale}}/figures/{name}.png",
            name=["figure1", "figure2", "figure3", "figure4", "figure5", "probes", *DIAGNOSTICS],
        ),
        vectors=expand(
            "results/{{scale}}/figures/{name}.pdf",
            name=["figure1", "figure2", "figure3", "figure4", "figure5", "probes", *DIAGNOSTICS],
        ),
        offered=[
            "results/{scale}/tables/table2.md",
            "results/{scale}/tables/table2.tex",
            *expand("results/{{scale}}/metrics/{name}.csv", name=[name for name in MEASURED if PREMISE or name != "premise"]),
        ],
        overview="results/{scale}/distortions/overview.png",
        sheets=expand("results/{{scale}}/distortions/{distortion}.png", distortion=DISTORTIONS),
        histories=expand("models/{{scale}}/pretrained/{task}/seed{pretraining}.csv", task=TASKS, pretraining=PRETRAININGS),
        ledgers=expand("data/{{scale}}/{dataset}/ledger.csv", dataset=SHARDS),
        splits=expand("data/{{scale}}/{dataset}/split.csv", dataset=SHARDS),
        templates=[own(f"src/aesthetic_pretraining/reporting/templates/report.{suffix}") for suffix in ("html.j2", "css", "js")],
        code=code("report/report"),
    output:
        report(
            "results/{scale}/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"page": "the whole report"},
        ),
    log:
        "logs/{scale}/report.log",
    benchmark:
        "logs/{scale}/benchmark/report.tsv"
    params:
        cfg=P("labels.source"),
        all=P(*(key for key in CONFIG if key != "scale")),
    message:
        "write the report"
    script:
        "../scripts/report/report.py"


rule stage_report:
    input:
        made(rules.table2),
        made(rules.probe_table),
        made(rules.claims),
        made(rules.figure1),
        made(rules.figure2),
        made(rules.figure3),
        made(rules.figure4),
        made(rules.figure5),
        made(rules.diagnostics),
        made(rules.report),
    params:
        scope=P(
            "finetune.compared", "finetune.shares", "finetune.seeds", "pretrain.tasks", "pretrain.ablations", "pretrain.seeds"
        ),
