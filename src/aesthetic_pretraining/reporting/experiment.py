"""Whether this run is the paper's experiment, so that its numbers may be compared with the published ones."""

from collections.abc import Mapping

PARAMETERS = ("labels.source", "labels.ava_split", "photos.sources", "photos.limit", "image.size", "backbone.name")
SIZE, NETWORK, SPLIT = 224, "mobilenet_v2", "paper"  # sections 4.1 and 4.3; fidelity row 21
PICTURES = {"ava": 12_818, "tid2013": 3_000}  # images in the paper's test sets; fidelity row 21
TOLERANCE = 0.01  # ASSUME: this fraction may be missing, because some of AVA's files are no longer available


def other_than_published(config: Mapping, pictures: Mapping[str, int]) -> dict[str, str]:
    """{"votes": reason, "pretext": reason}: why results are from another experiment than the paper's; "" if they are not.

    "votes" applies to results that depend on people's scores (test sets, split, image size, network), "pretext" to results of
    pretrained networks on distortions of unlabelled photos, which depend on no labels.

    ASSUME: training data, test data, image size and network must be the paper's. How it is trained (learning rates, seeds,
    which weights are trained, the table of distortions) need not be: paper and code leave these open, and anyone looking for the
    published numbers has to vary them. Table 2 states them.

    Args:
        config: the values of `PARAMETERS`. pictures: number of test images of AVA and of TID2013 in this run.
    """
    network = []
    if config["image.size"] != SIZE:
        network.append(f"{config['image.size']} pixels instead of {SIZE}")
    if config["backbone.name"] != NETWORK:
        network.append(f"{config['backbone.name']} instead of {NETWORK}")
    photos = []
    if other := [source for source in config["photos.sources"] if source not in ("folder", "pexels")]:
        photos.append(f"{' and '.join(other).replace('_', ' ')} photos")
    if config["photos.limit"]:
        photos.append(f"at most {config['photos.limit']:,} photos")
    votes = []
    if config["labels.source"] == "simulated":
        votes.append("simulated votes")
    else:
        if config["labels.ava_split"] != SPLIT:
            votes.append(f"AVA's {config['labels.ava_split']} split")
        for dataset, published in PICTURES.items():
            if abs(pictures[dataset] - published) > TOLERANCE * published:
                votes.append(f"{pictures[dataset]:,} {dataset.upper()} test images instead of {published:,}")
    return {"votes": ", ".join([*votes, *photos, *network]), "pretext": ", ".join([*photos, *network])}
