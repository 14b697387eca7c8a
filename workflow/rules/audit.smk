# what splits and sets share: made when asked for by name, part neither of `all` nor of DVC's stages


rule audit:
    input:
        root=root_of(TRAIN_ON),
        stores=[tar for dataset in SHARDS for tar in store(dataset)],
        ledgers=expand("data/{{scale}}/{dataset}/ledger.csv", dataset=SHARDS),
        splits=expand("data/{{scale}}/{dataset}/split.csv", dataset=SHARDS),
        code=code("audit/audit"),
    output:
        overlaps="results/{scale}/audit/overlaps.csv",
        leakage="results/{scale}/audit/leakage.csv",
        alike="results/{scale}/audit/near_duplicates.csv",
    log:
        "logs/{scale}/audit.log",
    benchmark:
        "logs/{scale}/benchmark/audit.tsv"
    params:
        cfg=place_params(TRAIN_ON) | P("labels.train_on"),
    message:
        "look for overlaps of splits and for pictures that look alike"
    script:
        "../scripts/audit/audit.py"
