"""The schedule of fine-tuning (section 4.5) by hand: when it unfreezes, halves and stops."""

from aesthetic_pretraining.training.finetune import Schedule


def schedule(**changes):
    return Schedule(**{"halving": 0.5, "halve_after": 5, "stop_after": 10, "min_improvement": 1e-4} | changes)


def play(made, losses):
    """[(improved, frozen, factor, stopped)] after each epoch, until it stops."""
    rows = []
    for loss in losses:
        before = made.best
        made.update(loss)
        rows.append((made.best < before, made.frozen, made.factor, made.stopped))
        if made.stopped:
            break
    return rows


def test_schedule_by_hand():
    rows = play(schedule(), [1.0, 0.9] + [0.95] * 40)
    better, frozen, factor, stopped = map(list, zip(*rows, strict=True))
    assert better == [True, True] + [False] * 15  # epochs 1 and 2
    assert frozen == [True] * 6 + [False] * 11  # epochs 3 to 7 do not improve: the 8th is the first unfrozen one
    assert factor == [1.0] * 11 + [0.5] * 5 + [0.25]  # epochs 8 to 12, then 13 to 17
    assert stopped == [False] * 16 + [True]  # ten epochs after the unfreezing


def test_schedule_starts_its_counts_anew_at_each_improvement():
    losses = [1.0] * 6 + [0.8] * 5 + [0.7] + [0.7] * 40
    rows = play(schedule(), losses)
    # 2-6 plateau: unfrozen; 7 improves; 8-11 are four without; 12 improves; 13-17 halve; 18-22 halve again and stop
    assert [r[1] for r in rows].index(False) == 5
    assert [k + 1 for k, r in enumerate(rows) if r[0]] == [1, 7, 12]
    assert [r[2] for r in rows] == [1.0] * 16 + [0.5] * 5 + [0.25]
    assert len(rows) == 22
    assert rows[-1][3]


def test_schedule_forgets_its_best_loss_at_the_unfreezing_if_asked_to():
    """Fidelity row 34: the first unfrozen epoch is the best then, however bad, and counts start from it."""
    losses = [0.5] + [0.6] * 5 + [0.9] + [0.8] * 40
    kept, forgotten = (play(schedule(restart=restart), losses) for restart in (False, True))
    assert [k + 1 for k, row in enumerate(kept) if row[0]] == [1]
    assert [k + 1 for k, row in enumerate(forgotten) if row[0]] == [1, 7, 8]
    assert [row[1] for row in kept[:8]] == [row[1] for row in forgotten[:8]] == [True] * 5 + [False] * 3
    assert len(kept) == 6 + 10 and len(forgotten) == 8 + 10
    assert [row[2] for row in kept].index(0.5) == 10 and [row[2] for row in forgotten].index(0.5) == 12


def test_schedule_never_stops_while_frozen():
    rows = play(schedule(halve_after=5, stop_after=2), [1.0] * 40)
    # 1 is the best, 2-6 plateau; then two more
    assert len(rows) == 8
    assert [r[1] for r in rows] == [True] * 5 + [False] * 3


def test_an_improvement_has_to_be_significant_but_small_ones_add_up():
    assert [r[0] for r in play(schedule(), [1.0, 0.99995, 0.99991, 0.99985, 0.9998])] == [True, False, False, True, False]
    assert [r[0] for r in play(schedule(min_improvement=0.0), [1.0, 0.99999, 0.99999])] == [True, True, False]
