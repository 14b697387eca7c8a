"""The labelled sets that the tests of tables and figures use."""

from aesthetic_pretraining.settings.labels import LabelledSet, Labels

AVA = LabelledSet("ava", "AVA", 1, 10, 10, 5)
TID2013 = LabelledSet("tid2013", "TID2013", 0, 9, 10, 4.5)
OASIS = LabelledSet("oasis", "OASIS", 1, 7, 7, 4, folds=4)
MINE = LabelledSet("mine", "My & own", 0, 100, 5, 50)
PAPERS = Labels(AVA, (AVA, TID2013), False)
ALONE = Labels(OASIS, (OASIS,), False)
THREE = Labels(OASIS, (OASIS, TID2013, MINE), False)
