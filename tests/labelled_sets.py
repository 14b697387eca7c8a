"""Labelled sets that tests share: the paper's two, and one with other votes that is split by folds."""

from aesthetic_pretraining.settings.labels import LabelledSet, Labels

AVA = LabelledSet("ava", "AVA", 1, 10, 10, 5)
TID2013 = LabelledSet("tid2013", "TID2013", 0, 9, 10, 4.5)
OASIS = LabelledSet("oasis", "OASIS", 1, 7, 7, 4, folds=3)
KONIQ = LabelledSet("koniq", "KonIQ-10k", 0, 100, 10, 50)
PAPER = Labels(AVA, (AVA, TID2013), simulated=False)
FOLDED = Labels(OASIS, (OASIS, KONIQ), simulated=False)
