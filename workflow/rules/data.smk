# photos and labelled sets: listing -> store (shards) -> ledger -> split; the simulated labelled sets are made on the way


rule listing:
    input:
        root=lambda w: root_of(w.dataset),
        code=code("data/listing"),
    output:
        "data/{scale}/{dataset}/listing.csv",
    log:
        "logs/{scale}/listing/{dataset}.log",
    benchmark:
        "logs/{scale}/benchmark/listing/{dataset}.tsv"
    params:
        cfg=lambda w: place_params(w.dataset),
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
        code=code("data/split"),
    output:
        "data/{scale}/{dataset}/split.csv",
    log:
        "logs/{scale}/split/{dataset}.log",
    benchmark:
        "logs/{scale}/benchmark/split/{dataset}.tsv"
    params:
        cfg=lambda w: {
            "photos": P("seed", "photos.source", "photos.shares"),
            "ava": P("seed", "labels.source", "labels.ava_folder", "labels.ava_split", "labels.random_shares"),
        }.get(w.dataset, place_params(w.dataset)),
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
        cfg=P("photos.source", "photos.folder", "seed", "simulate"),
    message:
        "simulate AVA and TID2013 with votes of the rater model"
    script:
        "../scripts/data/simulate.py"


rule stage_data:
    input:
        # the code and values of `simulate` stand here too, so that dvc.yaml is the same where the labels are real
        code("data/simulate"),
        expand("data/{scale}/{dataset}/{table}.csv", scale=SCALE, dataset=SHARDS, table=["listing", "ledger", "split"]),
        [store(dataset) for dataset in SHARDS],
        [tar.replace(".tar", ".csv") for dataset in SHARDS for tar in store(dataset)],
        expand("data/{scale}/simulated/{dataset}.tar", scale=SCALE, dataset=["ava", "tid2013"]) if SIMULATED else [],
    params:
        scope=P("photos.shards", "labels.shards", "labels.source", "labels.extra", "simulate"),
