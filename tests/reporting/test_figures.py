"""The figures draw the numbers they are given, carry the note or what they rest on, and come out the same twice."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from PIL import Image
from sets import AVA, OASIS

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.reporting.figures import overview, paper, style

NOTE = "demo: simulated votes, $5 and $6"
PANELS = ["ava_acc", "ava_lcc", "ava_srcc", "ava_mae"]
SHARES = [20, 60, 100]


def metrics(seeds=2):
    rng = np.random.default_rng(0)
    keys = [
        (init, share, seed)
        for init in ("ranking_regression", "imagenet", "rotnet")
        for share in SHARES
        for seed in range(seeds)
    ]
    frame = pd.DataFrame(keys, columns=["init", "share", "seed"]).assign(epochs=rng.integers(20, 150, len(keys)), capped=0)
    return frame.assign(**{column: rng.uniform(0.3, 0.8, len(keys)) for column in PANELS})


def responses(photos=12):
    rng = np.random.default_rng(0)
    keys = [
        (f"{photo}.jpg", distortion, level)
        for distortion in ("brightness", "contrast")
        for photo in range(photos)
        for level in range(5, -6, -1)
    ]
    values = {output: rng.normal(0, 0.5, len(keys)) for output in ("contrast", "brightness", "defocus_blur")}
    return pd.DataFrame(keys, columns=["photo", "distortion", "level"]).assign(**values)


def drawn(axes):
    """label -> (xs, ys, lower ends, upper ends) of the lines with error bars."""
    found = {}
    for bars in axes.containers:
        line, _, ranges = bars.lines
        ends = np.array([segment[:, 1] for segment in ranges[0].get_segments()]) if ranges else None
        found[bars.get_label()] = (*line.get_data(), ends)
    return found


def by_loop(frame, init, column):
    """Mean and mean +- sample sd per share, the slow way."""
    means, ends = [], []
    for share in SHARES:
        values = [row[column] for _, row in frame.iterrows() if row["init"] == init and row["share"] == share]
        mean = sum(values) / len(values)
        sd = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5 if len(values) > 1 else 0
        means.append(mean)
        ends.append([mean - sd, mean + sd])
    return means, ends


@pytest.mark.parametrize("seeds", [1, 3])
def test_figures_3_and_5_show_the_metrics(seeds):
    frame = metrics(seeds)
    panels = [*zip(paper.draw_figure3(frame, AVA).axes, PANELS, strict=True)]
    panels += [(paper.draw_figure5(frame, AVA).axes[0], "epochs")]
    for axes, column in panels:
        lines = drawn(axes)
        assert list(lines) == ["ImageNet", "ranking + regression"]
        for init, label in zip(paper.COMPARED, lines, strict=True):
            xs, ys, ends = lines[label]
            means, spread = by_loop(frame, init, column)
            assert list(ys) == pytest.approx(means)
            assert list(xs) == pytest.approx(SHARES, abs=paper.SPREAD / 2 if column == "epochs" else 0)
            assert ends is None if seeds == 1 else np.allclose(ends, spread)


def test_figure_3_names_its_panels_and_each_has_its_own_scale():
    figure = paper.draw_figure3(metrics(), AVA)
    figure.draw_without_rendering()
    assert [axes.get_title() for axes in figure.axes] == [title for _, title in paper.PANELS]
    for axes in figure.axes:  # every panel has numbers on its own y axis
        assert any(label.get_visible() and label.get_text() for label in axes.get_yticklabels())


def test_lines_differ_without_colour():
    figure = paper.draw_figure5(metrics(), AVA, inits=["imagenet", "ranking_regression", "rotnet"])
    lines = [bars.lines[0] for bars in figure.axes[0].containers]
    assert len({line.get_marker() for line in lines}) == 3
    _, markers, dashes = zip(*style.styles(style.KNOWN).values(), strict=True)
    assert len(set(markers)) == len(set(dashes)) == len(style.KNOWN)
    hatches = {axes.collections[0].get_hatch() for axes in paper.draw_figure4(responses()).axes}
    assert len(hatches) == 2


def examples():
    """Three distortions, one with a level less, each picture of one colour."""
    levels = {"gaussian_noise": (0, 1, 3, 5), "brightness": (0, 1, 3, 5), "shadows": (0, -1, -3)}
    return {
        name: {level: np.full((8, 8, 3), 40 * k + abs(level), np.uint8) for level in reversed(shown)}
        for k, (name, shown) in enumerate(levels.items())
    }


def test_figure_1_shows_both_signs_around_the_photo_and_the_heads():
    shown = examples() | {"tint": {level: np.full((8, 8, 3), 120 + level, np.uint8) for level in (5, -3, 0, 3, -5)}}
    photos, network = overview.draw_figure1(shown).subfigs
    axes = np.reshape(photos.axes, (4, 7))  # at most three levels of a side
    for row, (name, levels) in zip(axes, shown.items(), strict=True):
        places = {k: int(a.images[0].get_array()[0, 0, 0]) for k, a in enumerate(row) if a.images}
        ordered = sorted(levels)
        first = 3 - ordered.index(0)
        assert places == {first + k: int(levels[level][0, 0, 0]) for k, level in enumerate(ordered)}
        titles = [a.get_title() for a in row if a.images]
        assert [int(title.split()[1].rstrip("*")) for title in titles] == ordered
        assert any(style.words(name) in text.get_text() for a in row for text in a.texts)
    (drawn,) = network.axes
    said = " ".join(text.get_text() for text in drawn.texts)
    assert all(word in said for word in ("network", "ranking", "classification", "regression", "Gaussian noise"))


def test_figure_1_marks_the_level_0_that_is_cut_like_its_levels():
    levels = {level: np.zeros((8, 8, 3), np.uint8) for level in (-5, 0, 5)}
    photos, _ = overview.draw_figure1({"brightness": levels, "rotation": levels}).subfigs
    assert [a.get_title() for a in photos.axes if a.get_title().startswith("level 0")] == ["level 0", "level 0*"]


def test_figure_4_shows_the_right_outputs_at_the_right_levels():
    frame = responses()
    for axes, output in zip(paper.draw_figure4(frame).axes, ["brightness", "contrast"], strict=True):
        levels, medians = axes.lines[0].get_data()
        assert list(levels) == list(range(-5, 6))
        bodies = [body for body in axes.collections if isinstance(body, PolyCollection)]
        assert len(bodies) == 11
        for level, median, body in zip(levels, medians, bodies, strict=True):
            values = [
                getattr(row, output) for row in frame.itertuples() if (row.distortion, row.level) == ("brightness", level)
            ]
            outline = body.get_paths()[0].vertices
            assert median == pytest.approx(np.median(values))
            assert (outline[:, 1].min(), outline[:, 1].max()) == pytest.approx((min(values), max(values)))
            assert outline[:, 0].mean() == pytest.approx(level, abs=0.05)


def test_bars_are_the_intervals_where_there_are_any():
    frame = metrics(seeds=3)
    mean = frame.query("init == 'imagenet' and share == 60")["ava_lcc"].mean()
    row = {"init": "imagenet", "share": 60, "dataset": "ava", "metric": "lcc", "low": mean - 0.3, "high": mean + 0.1}
    others = [row | {"dataset": "tid2013"}, row | {"init": "rotnet"}, row | {"share": 40}, row | {"metric": "epochs", "low": 0}]
    undefined = row | {"share": 100, "low": np.nan, "high": np.nan}
    figure = paper.draw_figure3(frame, AVA, intervals=pd.DataFrame([row, undefined, *others]))
    _, _, ends = drawn(figure.axes[1])["ImageNet"]
    _, spread = by_loop(frame, "imagenet", "ava_lcc")
    spread[1] = [mean - 0.3, mean + 0.1]
    assert np.allclose(ends, spread)
    assert np.allclose(drawn(figure.axes[0])["ImageNet"][2], by_loop(frame, "imagenet", "ava_acc")[1])
    with pytest.raises(ValueError, match="imagenet, 60 %, ava_lcc: .* is outside its interval"):
        paper.draw_figure3(frame, AVA, intervals=pd.DataFrame([row | {"high": mean - 0.1}]))
    with pytest.raises(ValueError, match="imagenet, ava_lcc: two intervals for 60 %"):
        paper.draw_figure3(frame, AVA, intervals=pd.DataFrame([row, row]))


def test_with_one_seed_intervals_alone_make_bars():
    frame = metrics(seeds=1)
    rows = frame.query("init == 'imagenet'").assign(dataset="ava", metric="mae", low=0.0, high=1.0)
    figure = paper.draw_figure3(frame, AVA, intervals=rows[["init", "share", "dataset", "metric", "low", "high"]])
    assert np.allclose(drawn(figure.axes[3])["ImageNet"][2], [[0, 1]] * 3)
    assert drawn(figure.axes[3])["ranking + regression"][2] is None


def test_circles_of_figure_5_lie_inside_of_the_axes():
    frame = metrics(seeds=1).assign(epochs=14, capped=1)
    figure = paper.draw_figure5(frame, AVA)
    figure.draw_without_rendering()
    (circles,) = [c for c in figure.axes[0].collections if c.get_label() == "ended by the cap"]
    centres = figure.axes[0].transData.transform(circles.get_offsets())
    radius = np.sqrt(circles.get_sizes()[0]) / 2 * figure.dpi / 72 + 1
    box = figure.axes[0].get_window_extent()
    assert (centres - radius >= [box.x0, box.y0]).all() and (centres + radius <= [box.x1, box.y1]).all()


def test_figure_2_shows_every_photo_as_it_is():
    photos = [np.full((8, 4 + k, 3), k, np.uint8) for k in range(8)]
    axes = paper.draw_figure2(photos).axes
    assert len(axes) == 12  # two rows of six
    shown = [a.images[0].get_array() for a in axes if a.images]
    assert all(np.array_equal(a, b) for a, b in zip(shown, photos, strict=True))
    assert not any(a.axison for a in axes)
    assert len(paper.draw_figure2(photos[:2]).axes) == 2


def test_an_initialisation_looks_the_same_in_every_figure():
    few, many = style.styles(["rotnet", "imagenet"]), style.styles(["my net", "imagenet", "ranking", "rotnet"])
    assert few["rotnet"] == many["rotnet"] and few["imagenet"] == many["imagenet"]
    assert len(set(many.values())) == 4


def test_figure_5_circles_what_the_cap_ended():
    frame = metrics(seeds=2)
    assert not paper.draw_figure5(frame, AVA).axes[0].collections[0].get_label().startswith("ended")
    frame.loc[(frame["init"] == "imagenet") & (frame["share"] == 60) & (frame["seed"] == 1), "capped"] = 1
    (circled,) = [c for c in paper.draw_figure5(frame, AVA).axes[0].collections if c.get_label() == "ended by the cap"]
    at = frame[(frame["init"] == "imagenet") & (frame["share"] == 60)]["epochs"].mean()
    assert circled.get_offsets().tolist() == [[60 - paper.SPREAD / 2, at]]


def test_points_of_figure_5_do_not_hide_each_other_and_those_of_the_cap_are_open():
    frame = metrics(seeds=1).assign(epochs=14)
    frame.loc[(frame["init"] == "imagenet") & (frame["share"] == 60), "capped"] = 1
    axes = paper.draw_figure5(frame, AVA).axes[0]
    points = [point for bars in axes.containers for point in zip(*bars.lines[0].get_data(), strict=True)]
    assert len(set(points)) == len(points) == 2 * len(SHARES)
    (opened,) = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert opened.get_xydata().tolist() == [[60 - paper.SPREAD / 2, 14]]
    assert "stopping" not in axes.get_ylabel()


def test_figure_4_survives_a_network_that_always_says_the_same():
    paper.draw_figure4(responses(photos=1).assign(brightness=0.0, contrast=0.0)).draw_without_rendering()


DRAW = {
    "figure3": lambda **kw: paper.draw_figure3(metrics(), AVA, **kw),
    "figure1": lambda **kw: overview.draw_figure1(examples(), **kw),
    "figure2": lambda **kw: paper.draw_figure2([np.zeros((8, 9, 3), np.uint8)], **kw),
    "figure4": lambda **kw: paper.draw_figure4(responses(), **kw),
    "figure5": lambda **kw: paper.draw_figure5(metrics(), AVA, **kw),
}


FACTS = "Pretrained on 12 photos, 24 updates; evaluated on 4 others (test); no labels used."
UNLABELLED = ("figure1", "figure2", "figure4")


@pytest.mark.parametrize("name", DRAW)
def test_note_and_bytes(name, tmp_path):
    """Figures of votes carry the note in its frame; those that no vote enters cannot: they have their facts, without a frame."""
    given, words = ({"facts": FACTS}, FACTS) if name in UNLABELLED else ({"note": NOTE}, NOTE)
    # Fonts make PDFs slow to write: one is enough, the one with hatches.
    paths = [tmp_path / f"{name}{suffix}" for suffix in ((".png", ".pdf") if name == "figure4" else (".png",))]
    figure = DRAW[name](**given)
    assert figure.get_suptitle().replace("\n", " ") == words
    assert (figure._suptitle.get_bbox_patch() is None) == (name in UNLABELLED)
    style.save(figure, *paths)
    first = [path.read_bytes() for path in paths]
    style.save(DRAW[name](**given), *paths)
    assert [path.read_bytes() for path in paths] == first
    for content, start in zip(first, (b"\x89PNG", b"%PDF"), strict=False):
        assert content.startswith(start) and len(content) > 5000 and b"CreationDate" not in content
    assert DRAW[name]().get_suptitle() == ""


@pytest.mark.parametrize("width", [2.5, 7.0])
def test_facts_stay_on_the_page(width):
    figure = style.blank(width, 3, facts=FACTS)
    figure.subplots()
    figure.draw_without_rendering()
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width
    assert figure.axes[0].get_window_extent().y1 < box.y0


def test_the_note_stays_on_the_page():
    figure = paper.draw_figure5(metrics(), AVA, note="demo: simulated votes, which say nothing at all about the method " * 2)
    figure.draw_without_rendering()
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width
    assert figure.axes[0].get_window_extent().y1 < box.y0


@pytest.mark.parametrize("scale", [1, 2.2])  # at 2.2 the tick labels change with the size of the letters
def test_nothing_is_cut_off_at_the_edges(scale, tmp_path):
    """Long tick labels push names outward: every edge keeps a white margin."""
    frame = responses(photos=4)
    frame[["brightness", "contrast"]] = frame[["brightness", "contrast"]].clip(-1, 1) * scale
    for name, figure in {
        "4": paper.draw_figure4(frame, facts=FACTS),
        "5": paper.draw_figure5(metrics(), AVA, note=NOTE),
    }.items():
        style.save(figure, tmp_path / f"{name}.png")
        ink = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")) < 250
        margin = round(style.MARGIN * style.STYLE["savefig.dpi"]) // 2 - 1
        assert not ink[:margin].any() and not ink[-margin:].any() and not ink[:, :margin].any() and not ink[:, -margin:].any()


def test_what_cannot_be_drawn_is_named(tmp_path):
    with pytest.raises(UserError, match=r"finetune\.compared names ranking_regression, which has no metrics; run"):
        paper.draw_figure3(metrics().query("init == 'imagenet'"), AVA)
    frame = responses()
    with pytest.raises(ValueError, match="contrast output under brightness: no values$"):
        paper.draw_figure4(frame.drop(columns="contrast"))
    with pytest.raises(ValueError, match="no values at level 0"):
        paper.draw_figure4(frame.query("level != 0"))
    frame.loc[frame["photo"] == "7.jpg", "brightness"] = float("nan")
    with pytest.raises(ValueError, match=r"photo '7\.jpg' is not a finite number"):
        paper.draw_figure4(frame)
    with pytest.raises(ValueError, match=r"one of \.pdf, \.png"):
        style.save(paper.draw_figure5(metrics(), AVA), tmp_path / "figure5.svg")


def test_with_one_share_the_initialisations_stand_side_by_side():
    frame = metrics().query("share == 100").assign(capped=1)
    frame.columns = frame.columns.str.replace("ava_", "oasis_")
    inits = ["imagenet", "ranking_regression", "rotnet"]
    three, five = paper.draw_figure3(frame, OASIS, inits=inits), paper.draw_figure5(frame, OASIS, inits=inits)
    for axes in (*three.axes, *five.axes):
        places = [line.lines[0].get_xdata()[0] for line in axes.containers]
        assert sorted(places) == [0, 1, 2]
    for figure in (three, five):
        assert not list(figure.axes[-1].get_xticks())
        assert {text.get_text() for text in figure.legends[0].texts} >= {"ImageNet", "ranking + regression", "RotNet"}
        assert figure.axes[-1].get_xlabel() == "100 % of the OASIS training labels used"
    (circles,) = [c for c in five.axes[0].collections if c.get_label() == "ended by the cap"]
    means = frame.groupby("init")["epochs"].mean()
    assert sorted(map(tuple, circles.get_offsets())) == [(k, means[init]) for k, init in enumerate(inits)]


@pytest.mark.parametrize("draw", [paper.draw_figure3, paper.draw_figure5])
def test_a_dollar_in_a_sets_name_is_no_formula(draw, tmp_path):
    figure = draw(metrics(), replace(AVA, title=r"$\nothing{$"))
    style.save(figure, tmp_path / "figure.png")
    assert r"$\nothing{$" in figure.axes[-1].get_xlabel()


def test_axes_of_several_shares_name_the_set():
    assert paper.draw_figure5(metrics(), AVA).axes[0].get_xlabel() == "AVA training labels used (%)"
