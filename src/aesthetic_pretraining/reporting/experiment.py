"""Is this run the paper's experiment, so that its numbers may be held against the published ones? Decided here alone."""

from collections.abc import Mapping

PARAMETERS = ("labels.source", "labels.ava_split", "photos.source", "photos.limit", "image.size", "backbone.name")
SIZE, NETWORK, SPLIT = 224, "mobilenet_v2", "paper"  # sections 4.1 and 4.3; fidelity row 21
PICTURES = {"ava": 12_818, "tid2013": 3_000}  # of the paper's test sets; fidelity row 21
TOLERANCE = 0.01  # ASSUME: as many may be missing, because some of AVA's files can no longer be had


def other_than_published(config: Mapping, pictures: Mapping[str, int]) -> dict[str, str]:
    """{"votes": reason, "pretext": reason}: why results are another experiment than the paper's; "" where they are not.

    "votes" is of all that rests on people's scores: test sets, split, size, network; "pretext" of what pretrained networks say
    to distortions of unlabelled photos, for which no labels matter.

    ASSUME: what is trained on, what is tested on, the size of the pictures and the network have to be the paper's. How it is
    trained (rates, seeds, which weights learn, the table of distortions) need not: those are open between paper and code, and
    whoever looks for the published numbers has to vary them; Table 2 names them.

    Args:
        config: the values of `PARAMETERS`. pictures: test pictures of each of AVA and TID2013 in this run.
    """
    network = []
    if config["image.size"] != SIZE:
        network.append(f"{config['image.size']} pixels instead of {SIZE}")
    if config["backbone.name"] != NETWORK:
        network.append(f"{config['backbone.name']} instead of {NETWORK}")
    photos = []
    if config["photos.source"] in ("packaged", "unsplash_lite"):
        photos.append(f"{config['photos.source'].replace('_', ' ')} photos")
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
                votes.append(f"{pictures[dataset]:,} {dataset.upper()} test pictures instead of {published:,}")
    return {"votes": ", ".join([*votes, *photos, *network]), "pretext": ", ".join([*photos, *network])}
