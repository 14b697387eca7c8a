"""How long a pretraining lasts, against counting step by step."""

import pytest

from aesthetic_pretraining.training.course import course


def played(epochs, photos, batch, ranking_batch):
    """[(photos, falls of the rate)] of each pass, by going on batch by batch until ranking's updates are used up."""
    each, done, rows = -(-photos // ranking_batch), 0, []
    while done < epochs * each:
        left, seen, before = photos, 0, done
        while left and done < epochs * each:
            seen, left, done = seen + min(batch, left), left - min(batch, left), done + 1
        rows.append((seen, before // each))
    return rows


@pytest.mark.parametrize("epochs", [1, 2, 5])
@pytest.mark.parametrize("photos", [1, 7, 12, 50])
@pytest.mark.parametrize(("batch", "ranking_batch"), [(4, 1), (5, 2), (1, 4), (3, 3), (100, 8)])
def test_matched_passes_are_those_of_counting(epochs, photos, batch, ranking_batch):
    made = course(epochs, photos, batch, ranking_batch, 1, matched=True)
    assert [(made.photos(k), made.falls(k)) for k in range(made.passes)] == played(epochs, photos, batch, ranking_batch)
    updates = (made.passes - 1) * len(made.batches) + made.last
    assert updates == epochs * -(-photos // ranking_batch)


def test_as_many_epochs_otherwise():
    made = course(3, 10, 4, 1, 1, matched=False)
    assert [(made.photos(k), made.falls(k)) for k in range(made.passes)] == [(10, 0), (10, 1), (10, 2)]


def test_the_paper_has_3920_updates_and_matched_250000():
    published = course(20, 100_000, 512, 8, 1, matched=False)
    matched = course(20, 100_000, 512, 8, 1, matched=True)
    assert published.passes * len(published.batches) == 3_920
    assert (matched.passes - 1) * 196 + matched.last == 250_000
    assert matched.passes == 1_276
    assert matched.falls(matched.passes - 1) == 19  # as often as in 20 epochs


def test_a_batch_too_small_for_the_processes_is_joined_in_both():
    made = course(2, 9, 4, 4, 2, matched=True)  # 4 and 5, not 4, 4 and 1
    assert [len(b) for b in made.batches] == [4, 5]
    assert (made.passes, made.last, made.photos(1)) == (2, 2, 9)
