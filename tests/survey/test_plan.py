"""The plan of pairs: counted by hand, and by a second program."""

from collections import Counter

import pytest

from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.survey.plan import OBVIOUS, Pair, checks, named, plan

LEVELS = [-2, -1, 1, 2, 3, 4]  # of vibrance


def test_as_many_pairs_as_there_are_is_every_photo_at_every_level_once():
    """2 photos x 6 levels; after the sixth pair both cycles are at their start, and the plan must not repeat itself."""
    pairs = plan(["a", "b"], ["vibrance"], 12, seed=1)
    assert sorted(pair[:3] for pair in pairs) == [(photo, "vibrance", level) for photo in "ab" for level in LEVELS]
    sides = Counter((pair.level, pair.original_first) for pair in pairs)
    assert sides == {(level, side): 1 for level in LEVELS for side in (False, True)}


def test_seven_pairs_by_hand():
    """Seven pairs of two photos and six levels: 4 + 3 photos, one level twice, and of that one the original once on each side."""
    pairs = plan(["a", "b"], ["vibrance"], 7, seed=3)
    assert sorted(Counter(pair.photo for pair in pairs).values()) == [3, 4]
    levels = Counter(pair.level for pair in pairs)
    assert sorted(levels.values()) == [1, 1, 1, 1, 1, 2]
    ((twice, _),) = levels.most_common(1)
    assert sorted(pair.original_first for pair in pairs if pair.level == twice) == [False, True]


@pytest.mark.parametrize(("photos", "count"), [(10, 300), (81, 500), (27, 2187), (200, 6182)])
def test_the_papers_filters_are_balanced(photos, count):
    """The nine filters of style have 81 levels."""
    names = named("style")
    pairs = plan([f"p{k}" for k in range(photos)], names, count, seed=1)
    assert len(pairs) == count == len({pair[:3] for pair in pairs})
    filters = [(name, level) for name in names for level in DISTORTIONS[name].levels]
    assert len(filters) == 81
    of_photo, of_filter = Counter(p.photo for p in pairs), Counter((p.distortion, p.level) for p in pairs)
    assert {of_photo[f"p{k}"] for k in range(photos)} <= {count // photos, -(-count // photos)}
    assert {of_filter[f] for f in filters} <= {count // 81, -(-count // 81)}
    first = Counter((p.distortion, p.level) for p in pairs if p.original_first)
    assert all(abs(2 * first[f] - of_filter[f]) <= 1 for f in filters)
    assert abs(2 * sum(first.values()) - count) <= 2


def test_the_seed_decides_and_the_photos_order_does_not():
    names, photos = ["tint", "contrast"], ["a", "b", "c"]
    assert plan(photos, names, 40, 1) == plan(photos[::-1], names, 40, 1)
    assert plan(photos, names, 40, 1) != plan(photos, names, 40, 2)


def test_sides_cannot_be_guessed_from_the_last_ones():
    """Of all runs of three sides in a row, each of the eight appears about as often."""
    sides = [pair.original_first for pair in plan([f"p{k}" for k in range(100)], named("style"), 6182, 1)]
    runs = Counter(zip(sides, sides[1:], sides[2:]))
    assert len(runs) == 8 and min(runs.values()) > 650  # 772 expected, standard deviation 26


def test_checks_are_strong_and_on_both_sides():
    found = checks(["a", "b", "c"], 1)
    assert {pair[:3] for pair in found} == {(photo, name, 5) for photo in "abc" for name in OBVIOUS}
    assert Counter(pair.original_first for pair in found) == {True: 3, False: 3}
    assert isinstance(found[0], Pair)


def test_names_of_distortions():
    assert named("style,rotation") == (*[n for n in DISTORTIONS if DISTORTIONS[n].aspect == "style"], "rotation")
    assert named("all") == tuple(DISTORTIONS)
    with pytest.raises(UserError, match="unknown name 'sepia'"):
        named("tint, sepia")


@pytest.mark.parametrize("count", [0, 13])
def test_more_pairs_than_there_are_is_one_sentence(count):
    with pytest.raises(UserError, match="2 photos in 6 filter levels make 1 to 12 different pairs"):
        plan(["a", "b"], ["vibrance"], count, 1)
