"""The initialisations by name, in groups, and their printed names.

Separate from `evaluation.metrics`, because figures need the names but not scipy, which imports slowly.
"""

BASELINE = "imagenet"
NAMING = "ranking_classification"  # the task whose network Appendix D evaluates
RESPONDING = "ranking_regression"  # the task whose network Figure 4 evaluates
PAPER_RANKING = ("ranking", NAMING, RESPONDING)  # the paper's own tasks
PAPER = (BASELINE, "rotnet", "simclr", *PAPER_RANKING)  # Table 2's rows
BETWEEN_PHOTOS = ("ranking_across_photos", "ranking_consistency")  # the ablations that compare photos within a batch
# the tasks whose networks give each variant of a photo a single score
RANKING = (*PAPER_RANKING, *BETWEEN_PHOTOS, "ranking_margin_04", "ranking_margin_06")
LABELS = {  # {name in paths and frames: name in Table 2}; other initialisations are printed by their own name
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
