# photos and labelled sets: listing -> store (shards) -> ledger -> split; the simulated labelled sets are made on the way


def root_of(dataset):
    """The labelled set as one file where it is simulated; a real one is a folder of its owner's, named by params.yaml."""
    return [f"data/{SCALE}/simulated/{dataset}.tar"] if SIMULATED and dataset != "photos" else []


def place_params(dataset):
    """The keys that say where a set comes from."""
    if dataset == "photos":
        return P("photos.source", "photos.folder", "photos.limit", "seed")
    return P("labels.source", f"labels.{dataset}_folder")


rule listing:
    message: "list the pictures of {wildcards.dataset}"
    input:
        root=lambda w: root_of(w.dataset),
        code=code("listing"),
    output:
        "data/{scale}/{dataset}/listing.csv",
    params:
        cfg=lambda w: place_params(w.dataset),
    log:
        "logs/{scale}/listing/{dataset}.log",
    benchmark:
        "logs/{scale}/benchmark/listing/{dataset}.tsv"
    script:
        "../scripts/listing.py"


rule store:
    message: "shrink shard {wildcards.shard} of {wildcards.dataset}"
    input:
        listing="data/{scale}/{dataset}/listing.csv",
        root=lambda w: root_of(w.dataset),
        code=code("store"),
    output:
        tar="data/{scale}/{dataset}/store/{shard}.tar",
        ledger="data/{scale}/{dataset}/store/{shard}.csv",
    params:
        cfg=lambda w: place_params(w.dataset)
        | P("image.size", "image.jpeg_quality", "photos.shards" if w.dataset == "photos" else "labels.shards"),
    log:
        "logs/{scale}/store/{dataset}_{shard}.log",
    benchmark:
        "logs/{scale}/benchmark/store/{dataset}_{shard}.tsv"
    script:
        "../scripts/store.py"


rule ledger:
    message: "write the ledger of {wildcards.dataset}"
    input:
        listing="data/{scale}/{dataset}/listing.csv",
        parts=lambda w: [tar.replace(".tar", ".csv") for tar in store(w.dataset)],
        code=code("ledger"),
    output:
        "data/{scale}/{dataset}/ledger.csv",
    params:
        cfg=lambda w: P("photos.max_unusable" if w.dataset == "photos" else "labels.max_unusable"),
    log:
        "logs/{scale}/ledger/{dataset}.log",
    benchmark:
        "logs/{scale}/benchmark/ledger/{dataset}.tsv"
    script:
        "../scripts/ledger.py"


rule split:
    message: "split {wildcards.dataset}"
    input:
        ledger="data/{scale}/{dataset}/ledger.csv",
        root=lambda w: root_of(w.dataset),
        code=code("split"),
    output:
        "data/{scale}/{dataset}/split.csv",
    params:
        cfg=lambda w: {
            "photos": P("seed", *[f"photos.shares.{k}" for k in CONFIG["photos"]["shares"]]),
            "ava": P("seed", "labels.source", "labels.ava_folder", "labels.ava_split", *[f"labels.random_shares.{k}" for k in CONFIG["labels"]["random_shares"]]),
            "tid2013": P("labels.source"),
        }[w.dataset],
    log:
        "logs/{scale}/split/{dataset}.log",
    benchmark:
        "logs/{scale}/benchmark/split/{dataset}.tsv"
    script:
        "../scripts/split.py"


rule simulate:
    message: "simulate AVA and TID2013 with votes of the rater model"
    input:
        ledger="data/{scale}/photos/ledger.csv",
        split="data/{scale}/photos/split.csv",
        code=code("simulate"),
    output:
        ava="data/{scale}/simulated/ava.tar",
        tid2013="data/{scale}/simulated/tid2013.tar",
    params:
        cfg=P(
            "photos.source",
            "photos.folder",
            "seed",
            *section("simulate", "weights", "shares"),
            *[f"simulate.weights.{k}" for k in CONFIG["simulate"]["weights"]],
            *[f"simulate.shares.{k}" for k in CONFIG["simulate"]["shares"]],
        ),
    log:
        "logs/{scale}/simulate.log",
    benchmark:
        "logs/{scale}/benchmark/simulate.tsv"
    script:
        "../scripts/simulate.py"


rule stage_data:
    input:
        expand("data/{scale}/{dataset}/{table}.csv", scale=SCALE, dataset=SHARDS, table=["listing", "ledger", "split"]),
        [store(dataset) for dataset in SHARDS],
        expand("data/{scale}/simulated/{dataset}.tar", scale=SCALE, dataset=["ava", "tid2013"]) if SIMULATED else [],
    params:
        scope=P("photos.shards", "labels.shards", "labels.source"),
