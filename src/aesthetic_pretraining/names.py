"""What the initialisations are called in print; apart from `metrics`, because figures need names and not scipy, which loads slowly."""

BASELINE = "imagenet"
NAMING = "ranking_classification"  # the task whose network Appendix D asks
RANKED = ("ranking", NAMING, "ranking_regression")  # the paper's own tasks
PAPER = ("imagenet", "rotnet", "simclr", *RANKED)  # Table 2's rows
LABELS = {  # name in paths and frames -> name in Table 2; any other initialisation is printed by its own name
    "imagenet": "ImageNet",
    "rotnet": "RotNet",
    "simclr": "SimCLR",
    "ranking": "ranking",
    "ranking_classification": "ranking + classification",
    "ranking_regression": "ranking + regression",
    # pretrain.ablations
    "ranking_across_photos": "ranking across photos",
    "ranking_consistency": "ranking + consistency",
    "ranking_aspects": "ranking, a score per aspect",
    "ranking_margin_04": "ranking, margin 0.4",
    "ranking_margin_06": "ranking, margin 0.6",
}
