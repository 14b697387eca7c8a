# Table 2, Figures 3 to 5 and the page, all made from saved tables


rule table2:
    message: "make Table 2"
    input:
        metrics="results/{scale}/metrics/metrics.csv",
        ava=runs("results/{scale}/predictions/{init}/share{share}_seed{seed}/ava.parquet"),
        tid2013=runs("results/{scale}/predictions/{init}/share{share}_seed{seed}/tid2013.parquet"),
        intervals="results/{scale}/metrics/intervals.csv",
        ava_split="data/{scale}/ava/split.csv",
        published="resources/table2_published.csv",
        code=code("table2"),
    output:
        csv=report("results/{scale}/tables/table2.csv", caption="../report/table2.rst", category="Tables", labels={"table": "Table 2"}),
        md="results/{scale}/tables/table2.md",
        tex="results/{scale}/tables/table2.tex",
        verdicts="results/{scale}/tables/table2_verdicts.md",
    params:
        cfg=P(
            *("report.alpha", "report.confidence", "labels.source", "pretrain.trainable", "pretrain.micro_batch"),
            *("finetune.trainable", "finetune.micro_batch", *section("compute"), *section("distortions")),
        ),
    log:
        "logs/{scale}/table2.log",
    benchmark:
        "logs/{scale}/benchmark/table2.tsv"
    script:
        "../scripts/table2.py"


rule claims:
    message: "check the paper's claims"
    input:
        claims="resources/claims.yaml",
        table="results/{scale}/tables/table2.csv",
        differences="results/{scale}/metrics/differences.csv",
        metrics="results/{scale}/metrics/metrics.csv",
        responses="results/{scale}/metrics/responses.csv",
        code=code("claims"),
    output:
        csv=report("results/{scale}/tables/claims.csv", caption="../report/claims.rst", category="Tables", labels={"table": "claims"}),
        md="results/{scale}/tables/claims.md",
    params:
        cfg=P("labels.source", "report.confidence"),
    log:
        "logs/{scale}/claims.log",
    benchmark:
        "logs/{scale}/benchmark/claims.tsv"
    script:
        "../scripts/claims.py"


rule figure1:
    message: "draw Figure 1"
    input:
        store=store("photos"),
        split="data/{scale}/photos/split.csv",
        code=code("figure1"),
    output:
        report(
            multiext("results/{scale}/figures/figure1", ".pdf", ".png"),
            caption="../report/figure1.rst",
            category="Figures",
            labels={"figure": "Figure 1"},
        ),
    params:
        cfg=P("image.size", "distortions.table", "labels.source", "report.examples", "seed"),
    log:
        "logs/{scale}/figure1.log",
    benchmark:
        "logs/{scale}/benchmark/figure1.tsv"
    script:
        "../scripts/figure1.py"


rule figure3:
    message: "draw Figure 3"
    input:
        metrics="results/{scale}/metrics/metrics.csv",
        code=code("figure3"),
    output:
        report(
            multiext("results/{scale}/figures/figure3", ".pdf", ".png"),
            caption="../report/figure3.rst",
            category="Figures",
            labels={"figure": "Figure 3"},
        ),
    params:
        cfg=P("finetune.compared", "labels.source"),
    log:
        "logs/{scale}/figure3.log",
    benchmark:
        "logs/{scale}/benchmark/figure3.tsv"
    script:
        "../scripts/figure3.py"


rule figure4:
    message: "draw Figure 4"
    input:
        responses="results/{scale}/metrics/responses.csv",
        code=code("figure4"),
    output:
        report(
            multiext("results/{scale}/figures/figure4", ".pdf", ".png"),
            caption="../report/figure4.rst",
            category="Figures",
            labels={"figure": "Figure 4"},
        ),
    params:
        cfg=P("report.response_distortion", "report.response_outputs", "labels.source"),
    log:
        "logs/{scale}/figure4.log",
    benchmark:
        "logs/{scale}/benchmark/figure4.tsv"
    script:
        "../scripts/figure4.py"


rule figure5:
    message: "draw Figure 5"
    input:
        metrics="results/{scale}/metrics/metrics.csv",
        code=code("figure5"),
    output:
        report(
            multiext("results/{scale}/figures/figure5", ".pdf", ".png"),
            caption="../report/figure5.rst",
            category="Figures",
            labels={"figure": "Figure 5"},
        ),
    params:
        cfg=P("finetune.compared", "labels.source"),
    log:
        "logs/{scale}/figure5.log",
    benchmark:
        "logs/{scale}/benchmark/figure5.tsv"
    script:
        "../scripts/figure5.py"


rule report:
    message: "write the report"
    input:
        table="results/{scale}/tables/table2.csv",
        figures=expand("results/{{scale}}/figures/figure{n}.png", n=[1, 3, 4, 5]),
        overview="results/{scale}/distortions/overview.png",
        sheets=expand("results/{{scale}}/distortions/{distortion}.png", distortion=DISTORTIONS),
        ledgers=expand("data/{{scale}}/{dataset}/ledger.csv", dataset=SHARDS),
        splits=expand("data/{{scale}}/{dataset}/split.csv", dataset=SHARDS),
        template="src/aesthetic_pretraining/templates/report.html.j2",
        code=code("report"),
    output:
        report("results/{scale}/report.html", caption="../report/report.rst", category="Report", labels={"page": "the whole report"}),
    params:
        cfg=P("labels.source"),
        all=P(*section("")),
    log:
        "logs/{scale}/report.log",
    benchmark:
        "logs/{scale}/benchmark/report.tsv"
    script:
        "../scripts/report.py"


rule stage_report:
    input:
        expand(rules.table2.output, scale=SCALE),
        expand(rules.claims.output, scale=SCALE),
        expand(rules.figure1.output, scale=SCALE),
        expand(rules.figure3.output, scale=SCALE),
        expand(rules.figure4.output, scale=SCALE),
        expand(rules.figure5.output, scale=SCALE),
        expand(rules.report.output, scale=SCALE),
    params:
        scope=P("finetune.compared", "finetune.shares", "finetune.seeds", "pretrain.tasks", "pretrain.ablations"),
