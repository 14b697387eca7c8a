# all variants of a few test photos as files, for inspection; training renders live and stores nothing


rule render:
    message: "render the variants of test photos"
    input:
        store=store("photos"),
        split="data/{scale}/photos/split.csv",
        code=code("render"),
    output:
        tar="results/{scale}/rendered/variants.tar",
        sheet=report(
            "results/{scale}/rendered/distortions.png",
            caption="../report/distortions.rst",
            category="Figures",
            labels={"figure": "the distortions of one photo"},
        ),
    params:
        cfg=P("image.size", "labels.source", "report.sheet_photos", "seed"),
    log:
        "logs/{scale}/render.log",
    benchmark:
        "logs/{scale}/benchmark/render.tsv"
    script:
        "../scripts/render.py"


rule stage_render:
    input:
        expand(rules.render.output, scale=SCALE),
