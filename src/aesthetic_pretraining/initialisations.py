"""The initialisations by name: which there are of each kind, and what they are called in print.

Apart from `evaluation.metrics`, because figures need names and not scipy, which loads slowly.
"""

BASELINE = "imagenet"
NAMING = "ranking_classification"  # the task whose network Appendix D asks
RESPONDING = "ranking_regression"  # the task whose network Figure 4 asks
PAPER_RANKING = ("ranking", NAMING, RESPONDING)  # the paper's own tasks
PAPER = (BASELINE, "rotnet", "simclr", *PAPER_RANKING)  # Table 2's rows
BETWEEN_PHOTOS = ("ranking_across_photos", "ranking_consistency")  # the ablations that compare photos of a batch
# the tasks whose networks score all variants of a photo by one number
RANKING = (*PAPER_RANKING, *BETWEEN_PHOTOS, "ranking_margin_04", "ranking_margin_06")
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
