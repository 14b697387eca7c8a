"""Whether this run is the paper's experiment, so that its numbers may be compared with the published ones."""

from collections.abc import Mapping

from aesthetic_pretraining.settings.labels import Labels

PAPER_HOME = "ava"  # section 4.5: the set that the paper's networks are trained on
PARAMETERS = ("photos.sources", "photos.limit", "image.size", "backbone.name")  # beside those of `Labels` and the split
PEXELS = "folder"  # section 4.1: the paper's photos, which a user has to fetch, so that their folder is taken for them
SIZE, NETWORK, SPLIT = 224, "mobilenet_v2", "paper"  # sections 4.1 and 4.3; fidelity row 21
PICTURES = {"ava": 12_818, "tid2013": 3_000}  # images in the paper's test sets; fidelity row 21
SIMULATED = "simulated votes"  # as a reason
TOLERANCE = 0.01  # ASSUME: this fraction may be missing, because some of AVA's files are no longer available


def other_than_published(config: Mapping, labels: Labels, pictures: Mapping[str, int]) -> dict[str, str]:
    """{"votes": reason, "pretext": reason}: why results are from another experiment than the paper's; "" if they are not.

    "votes" applies to results that depend on people's scores (sets, split, image size, network), "pretext" to results of
    pretrained networks on distortions of unlabelled photos, which depend on no labels.

    ASSUME: training data, test data, image size and network must be the paper's. How it is trained (learning rates, seeds,
    which weights are trained, the table of distortions) need not be: paper and code leave these open, and anyone looking for the
    published numbers has to vary them. Table 2 states them.

    Args:
        config: the values of `PARAMETERS`, and of sets.<set>.split for the set that networks are trained on.
        labels: the run's sets. pictures: {set: number of test images in this run}, of the tested sets.
    """
    home = labels.home
    network = []
    if config["image.size"] != SIZE:
        network.append(f"{config['image.size']} pixels instead of {SIZE}")
    if config["backbone.name"] != NETWORK:
        network.append(f"{config['backbone.name']} instead of {NETWORK}")
    photos = []
    if others := [source.replace("_", " ") for source in config["photos.sources"] if source != PEXELS]:
        photos.append(f"{' and '.join(others)} photos")
    if config["photos.limit"]:
        photos.append(f"at most {config['photos.limit']:,} photos")
    votes = []
    if labels.simulated:
        votes.append(SIMULATED)
    elif home.name != PAPER_HOME:
        votes.append(f"networks trained on {home.title} instead of AVA")
    else:
        if (split := config[f"sets.{home.name}.split"]) != SPLIT:
            votes.append(f"{home.title}'s {split} split")
        for dataset, published in PICTURES.items():
            if dataset in pictures and abs(pictures[dataset] - published) > TOLERANCE * published:
                title = labels.by_name[dataset].title
                votes.append(f"{pictures[dataset]:,} {title} test images instead of {published:,}")
    return {"votes": ", ".join([*votes, *photos, *network]), "pretext": ", ".join([*photos, *network])}
