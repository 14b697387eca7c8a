# bundles: networks to score photos with (docs/how-to/share.md); made when asked for by name, part neither of `all` nor of DVC's stages,
# because exporting takes half a minute that most runs do not need

# ASSUME: of each initialisation that section 5 compares, the network of the first seed on all labels
EXPORTED = [run for run in SHOWN if run.init in CONFIG["finetune"]["compared"]]
BUNDLES = [f"models/{{scale}}/bundles/{run.init}" for run in EXPORTED]
BUNDLE_FILES = ["config.json", "model.safetensors", "model.onnx", "README.md", "SHA256SUMS"]
EXPLAINS = [f"models/{{scale}}/pretrained/{RESPONDING}/seed{PRETRAININGS[0]}.safetensors"] if RESPONDING in TASKS else []
if EXPLAINS:
    BUNDLE_FILES += ["explain.safetensors", "explain.onnx", "reading.json"]


rule export:
    input:
        weights=runs(f"{FINETUNED}.safetensors", EXPORTED),
        histories=runs(f"{FINETUNED}.csv", EXPORTED),
        summaries=runs(f"{FINETUNED}.json", EXPORTED),
        intervals="results/{scale}/metrics/intervals.csv",
        store=store(TRAIN_ON),
        split=f"data/{{scale}}/{TRAIN_ON}/split.csv",
        explains=EXPLAINS,
        responses=["results/{scale}/metrics/responses.parquet"] if EXPLAINS else [],
        template=own("src/aesthetic_pretraining/use/templates/card.md.j2"),
        code=code("export/export"),
    output:
        [f"{folder}/{name}" for folder in BUNDLES for name in BUNDLE_FILES],
    log:
        "logs/{scale}/export.log",
    benchmark:
        "logs/{scale}/benchmark/export.tsv"
    params:
        cfg=P("backbone.name", "photos.sources", "report.confidence", f"sets.{TRAIN_ON}.licence", "finetune.threads")
        | labels_params()
        | scores_params(),
    message:
        "export networks as bundles"
    script:
        "../scripts/export/export.py"


rule stage_export:
    input:
        made(rules.export),
