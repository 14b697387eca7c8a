# what splits and sets share: made when asked for by name, part neither of `all` nor of DVC's stages


rule audit:
    input:
        ava_root=root_of("ava"),
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
        cfg=P("labels.source", "labels.ava_folder"),
    message:
        "look for overlaps of splits and for pictures that look alike"
    script:
        "../scripts/audit/audit.py"
