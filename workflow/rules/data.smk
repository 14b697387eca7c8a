# photos and labelled sets: listing -> store (shards) -> ledger -> split; the simulated labelled sets are made on the way


rule listing:
    input:
        root=lambda w: root_of(w.dataset),
        pins=lambda w: pins_of(w.dataset),
        code=code("data/listing"),
    output:
        "data/{scale}/{dataset}/listing.csv",
    log:
        "logs/{scale}/listing/{dataset}.log",
    benchmark:
        "logs/{scale}/benchmark/listing/{dataset}.tsv"
    params:
        cfg=lambda w: place_params(w.dataset) | ({} if w.dataset == "photos" else P("labels.train_on")),
    message:
        "list the pictures of {wildcards.dataset}"
    script:
        "../scripts/data/listing.py"


rule store:
    input:
        listing="data/{scale}/{dataset}/listing.csv",
        root=lambda w: root_of(w.dataset),
        code=code("data/store"),
    output:
        tar="data/{scale}/{dataset}/store/{shard}.tar",
        ledger="data/{scale}/{dataset}/store/{shard}.csv",
    log:
        "logs/{scale}/store/{dataset}_{shard}.log",
    benchmark:
        "logs/{scale}/benchmark/store/{dataset}_{shard}.tsv"
    params:
        cfg=lambda w: place_params(w.dataset) | P("image", "photos.shards" if w.dataset == "photos" else "labels.shards"),
    message:
        "shrink shard {wildcards.shard} of {wildcards.dataset}"
    script:
        "../scripts/data/store.py"


rule ledger:
    input:
        listing="data/{scale}/{dataset}/listing.csv",
        parts=lambda w: [tar.replace(".tar", ".csv") for tar in store(w.dataset)],
        code=code("data/ledger"),
    output:
        "data/{scale}/{dataset}/ledger.csv",
    log:
        "logs/{scale}/ledger/{dataset}.log",
    benchmark:
        "logs/{scale}/benchmark/ledger/{dataset}.tsv"
    params:
        cfg=lambda w: P("photos.max_unusable" if w.dataset == "photos" else "labels.max_unusable"),
    message:
        "write the ledger of {wildcards.dataset}"
    script:
        "../scripts/data/ledger.py"


rule split:
    input:
        ledger="data/{scale}/{dataset}/ledger.csv",
        root=lambda w: root_of(w.dataset),
        # where near-duplicates are kept apart
        ledgers=lambda w: expand("data/{scale}/{dataset}/ledger.csv", scale=SCALE, dataset=looked_at(w.dataset)),
        stores=lambda w: [tar for dataset in looked_at(w.dataset) for tar in store(dataset)],
        photos=lambda w: store("photos") if w.dataset == "photos" and looked_at("photos") else [],
        code=code("data/split"),
    output:
        "data/{scale}/{dataset}/split.csv",
    log:
        "logs/{scale}/split/{dataset}.log",
    benchmark:
        "logs/{scale}/benchmark/split/{dataset}.tsv"
    params:
        cfg=lambda w: (
            P("seed", "photos.sources", "photos.shares", "photos.apart")
            if w.dataset == "photos"
            else place_params(w.dataset)
            | P("seed", "labels.train_on", *(f"sets.{w.dataset}.{key}" for key in ("split", "shares", "folds", "apart")))
        ),
    message:
        "split {wildcards.dataset}"
    script:
        "../scripts/data/split.py"


rule simulate:
    input:
        ledger="data/{scale}/photos/ledger.csv",
        split="data/{scale}/photos/split.csv",
        code=code("data/simulate"),
    output:
        ava="data/{scale}/simulated/ava.tar",
        tid2013="data/{scale}/simulated/tid2013.tar",
    log:
        "logs/{scale}/simulate.log",
    benchmark:
        "logs/{scale}/benchmark/simulate.tsv"
    params:
        cfg=P("photos.sources", "photos.folder", "seed", "simulate"),
    message:
        "simulate AVA and TID2013 with votes of the rater model"
    script:
        "../scripts/data/simulate.py"


rule stage_data:
    input:
        # what only some scales need stands here too, so that dvc.yaml is the same for all: the code and values of `simulate`, digests
        code("data/simulate"),
        [own(str(table)) for table in (BSDS500, OASIS, OASIS_LEFT_OUT)],
        expand("data/{scale}/{dataset}/{table}.csv", scale=SCALE, dataset=SHARDS, table=["listing", "ledger", "split"]),
        [store(dataset) for dataset in SHARDS],
        [tar.replace(".tar", ".csv") for dataset in SHARDS for tar in store(dataset)],
        expand("data/{scale}/simulated/{dataset}.tar", scale=SCALE, dataset=["ava", "tid2013"]) if SIMULATED else [],
    params:
        scope=P("photos.shards", "labels.shards", "labels.source", "labels.test_on", "labels.crosscheck", "simulate"),
