# variants of photos as files: shards for the reference engine, a few photos for inspection, the pictures of the report


rule render:
    input:
        store=lambda wildcards: store("photos") if wildcards.part == "inspected" else store("photos")[int(wildcards.part)],
        split="data/{scale}/photos/split.csv",
        code=code("render/render"),
    output:
        "results/{scale}/rendered/{part}.tar",
    log:
        "logs/{scale}/render/{part}.log",
    benchmark:
        "logs/{scale}/benchmark/render/{part}.tsv"
    params:
        cfg=P("image.size", "distortions", "report.sheet_photos", "seed"),
    message:
        "render variants: {wildcards.part}"
    script:
        "../scripts/render/render.py"


rule sheets:
    input:
        store=store("photos"),
        split="data/{scale}/photos/split.csv",
        code=code("render/sheets"),
    output:
        overview=report(
            "results/{scale}/distortions/overview.png",
            caption="../report/distortions.rst",
            category="Figures",
            labels={"figure": "the distortions of one photo"},
        ),
        sheets=expand("results/{{scale}}/distortions/{distortion}.png", distortion=DISTORTIONS),
    log:
        "logs/{scale}/sheets.log",
    benchmark:
        "logs/{scale}/benchmark/sheets.tsv"
    params:
        cfg=P(
            "image.size", "distortions.edited_width", "distortions.kernels", "distortions.table", "report.sheet_photos", "seed"
        ),
    message:
        "draw the contact sheets"
    script:
        "../scripts/render/sheets.py"


rule stage_render:
    input:
        expand("results/{scale}/rendered/{part}.tar", scale=SCALE, part=["inspected", *RENDERED]),
        made(rules.sheets),
    params:
        scope=P("distortions.engine"),
