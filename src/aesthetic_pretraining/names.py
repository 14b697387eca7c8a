"""What the initialisations are called in print; apart from `metrics`, because figures need names and not scipy, which loads slowly."""

BASELINE = "imagenet"
LABELS = {  # name in paths and frames -> name in Table 2; any other initialisation is printed by its own name
    "imagenet": "ImageNet",
    "rotnet": "RotNet",
    "simclr": "SimCLR",
    "ranking": "ranking",
    "ranking_classification": "ranking + classification",
    "ranking_regression": "ranking + regression",
}
