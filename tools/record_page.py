"""Texts about the recorded run on real ratings, from results/record/<scale>/ alone: docs/results.md and README's first part."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.evaluation.probes.over_ridge import beyond_noise
from aesthetic_pretraining.evaluation.statistics.intervals import POWER
from aesthetic_pretraining.evaluation.statistics.labels_saved import HIGHER_IS_BETTER
from aesthetic_pretraining.initialisations import BASELINE, PAPER_RANKING, title_of
from aesthetic_pretraining.reporting import claims, table2, table2_print, verdicts
from aesthetic_pretraining.reporting.captions import Caption, caption_of
from aesthetic_pretraining.reporting.markup import escape_markdown
from aesthetic_pretraining.settings.labels import LabelledSet

ROOT = Path(__file__).resolve().parents[1]
QUESTION = (
    "Does pretraining on distorted photos, without any label, give a better start for predicting how people rate photos than "
    "ImageNet's weights do?"
)
NONE = (
    "No run on real ratings has been recorded yet. `make oasis` makes one, `make record SCALE=oasis` keeps its small results in "
    "`results/record/`."
)
COMPARED = (
    "Differences between rows that differ in one choice, all labels, each by its own interval. “No difference” is not equality: a "
    "smaller one than the smallest that this test could show would probably not have been seen."
)
CLAIM = "better_than_imagenet"  # in claims.csv: the paper's main claim
DECIMALS = 3
RIDGE_METRICS = {"srcc": "SRCC", "mae": "MAE"}  # in which rows are compared with ridge regression


def lead(record: Path) -> str:
    """README's part: the question, Table 2 in short, one figure, the verdict."""
    if not (record / "record.json").is_file():
        return NONE
    facts, table = _read(record)
    home = table2.sets_of(table)[0]
    place = record.relative_to(record.parents[2])
    return "\n\n".join(
        [
            f"**{QUESTION}** {_asked(facts, table)}",
            short_table(table),
            f"Mean over the runs of a row, in brackets {_level(table)} intervals over {_varied(record, table)}.",
            "\n".join(f"- {line}" for line in (*verdict(record, table), baseline(record, table), *_note(facts))),
            f"![{captions(record, home)['figure3'].heading}]({place}/figure3.png)",
            f"All tables, figures and limits: [docs/results.md](docs/results.md). {_made(facts)}",
        ]
    )


def page(records: Path) -> str:
    """The part of docs/results.md that is generated: every recorded scale."""
    found = sorted(path.parent for path in records.glob("*/record.json"))
    return "\n\n".join(_of_scale(record) for record in found) if found else NONE


def captions(record: Path, home: LabelledSet) -> dict[str, Caption]:
    """{figure: its caption}: as the recorded figures were drawn, which later code may draw otherwise."""
    kept = json.loads((record / "captions.json").read_text(encoding="utf-8"))
    return {name: caption_of(name, home)._replace(heading=heading, text=text) for name, (heading, text) in kept.items()}


def short_table(table: pd.DataFrame) -> str:
    """Rank correlation and error of each row on the set that networks are trained on, with differences to ImageNet."""
    home, rows = table2.sets_of(table)[0], _trained(table)
    heads = ["Start of fine-tuning", "Runs", f"{home.title} SRCC ↑", "over ImageNet", f"{home.title} MAE ↓", "over ImageNet"]
    lines = [f"| {' | '.join(map(escape_markdown, heads))} |", "|---|" + "---:|" * (len(heads) - 1)]
    for _, row in rows.iterrows():
        cells = [escape_markdown(row["label"]), str(row["seeds"])]
        for metric in ("srcc", "mae"):
            name = f"{home.name}_{metric}"
            cells += [
                _with_ends(row, name, name),
                "–" if row["init"] == BASELINE else _with_ends(row, f"{name}_diff", f"{name}_diff", "+"),
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def interval_table(table: pd.DataFrame) -> str:
    """Every metric of every row with its interval."""
    shown = [column for column in table2.columns(table) if column.group]
    heads = ["Start of fine-tuning", *(f"{column.group} {column.title}" for column in shown)]
    lines = [f"| {' | '.join(map(escape_markdown, heads))} |", "|---|" + "---:|" * len(shown)]
    for _, row in _trained(table).iterrows():
        cells = [escape_markdown(row["label"]), *(_with_ends(row, column.name, column.name) for column in shown)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def verdict(record: Path, table: pd.DataFrame) -> list[str]:
    """What becomes of the paper's main claim, and which rows differ from ImageNet beyond noise: a text each."""
    home = table2.sets_of(table)[0]
    name, rows = f"{home.name}_srcc", _trained(table)
    above = list(rows["label"][rows[f"{name}_diff_low"] > 0])
    below = list(rows["label"][rows[f"{name}_diff_high"] < 0])
    known = _claims(record)
    return [
        *(
            f"The paper's main claim, “{row['claim']}”: **{escape_markdown(claims.shown_verdict(row))}** ({row['ours']})."
            for _, row in known[known["id"] == CLAIM].iterrows()
        ),
        f"Beyond noise above ImageNet in SRCC: {_listed(above)}. Below: {_listed(below)} (each row by its own interval).",
    ]


def baseline(record: Path, table: pd.DataFrame) -> str:
    """What a linear model of ImageNet's frozen features reaches, and which fine-tuned rows do not: a list item for each metric."""
    known = pd.read_csv(record / "references.csv").query("reference == 'imagenet_ridge' and split == 'test'")
    known, over = known.set_index("metric"), pd.read_csv(record / "over_ridge.csv")
    lines = ["Ridge regression on ImageNet's frozen features, without any fine-tuning:"]
    for metric, title in RIDGE_METRICS.items():
        rows, ridge = over[over["metric"] == metric].set_index("init"), known.loc[metric]
        sign = 1 if metric in HIGHER_IS_BETTER else -1
        behind = rows.index[sign * rows["difference"] < 0]
        named = "all rows" if len(behind) == len(rows) else _listed(map(title_of, behind))
        better, worse = (_listed(map(title_of, rows.index[beyond_noise(rows, way * sign)])) for way in (1, -1))
        lines.append(
            f"  - {title} {ridge['value']:.{DECIMALS}f} [{ridge['low']:.{DECIMALS}f}, {ridge['high']:.{DECIMALS}f}]; fine-tuned ImageNet minus "
            f"ridge {_with_ends(rows.loc[BASELINE], 'difference', '', '+')}. Behind ridge: {named}. Beyond noise better: {better}; worse: {worse}."
        )
    return "\n".join(lines)


def comparisons(record: Path, facts: dict, table: pd.DataFrame) -> str:
    """Each comparison row against the row of its own task, and the tasks with a second loss against ranking alone."""
    home, differences = table2.sets_of(table)[0], pd.read_csv(record / "differences.csv")
    differences = differences[differences["dataset"] == home.name]
    inits = set(_trained(table)["init"])
    pairs = [*((task, "ranking") for task in PAPER_RANKING if task != "ranking"), *facts["comparisons"].items()]
    heads = [
        "Row",
        "minus",
        f"{home.title} SRCC",
        "smallest difference that this test could show",
        "seen here",
        f"{home.title} MAE",
    ]
    lines = [f"| {' | '.join(heads)} |", "|---|---|---:|---:|---|---:|"]
    for first, second in (pair for pair in pairs if inits.issuperset(pair)):
        srcc, mae = (difference(differences, first, second, metric) for metric in ("srcc", "mae"))
        seen = "higher" if srcc["low"] > 0 else "lower" if srcc["high"] < 0 else "no difference"
        cells = [
            *(escape_markdown(title_of(init)) for init in (first, second)),
            *(_with_ends(srcc, "difference", "", "+"), f"{srcc['detectable']:.{DECIMALS}f}", seen),
            _with_ends(mae, "difference", "", "+"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def difference(differences: pd.DataFrame, first: str, second: str, metric: str) -> pd.Series:
    """Row `first` minus row `second` in a metric: difference, low, high, detectable; the table has each pair in one order only."""
    own = differences[differences["metric"] == metric].set_index(["init", "other"])
    if (first, second) in own.index:
        return own.loc[(first, second)]
    found = own.loc[(second, first)].copy()
    found[["difference", "low", "high"]] = -found[["difference", "high", "low"]].to_numpy()
    return found


def limits(record: Path, facts: dict, table: pd.DataFrame) -> list[str]:
    """What the numbers say, and what they do not, a sentence each."""
    home, *others = table2.sets_of(table)
    name = f"{home.name}_srcc"
    lines = [*verdict(record, table), baseline(record, table)]
    published = pd.read_csv(ROOT / "resources/table2_published.csv").set_index("initialisation")["ava_srcc"]
    gain = max(published[init] for init in PAPER_RANKING) - published[BASELINE]
    if pd.notna(least := table[f"{name}_detectable"].astype(float).max()):
        seen = "would not be seen here, so that its absence refutes nothing" if least > gain else "would be seen here"
        lines.append(
            f"The smallest difference to ImageNet in SRCC that this test could show (power {100 * POWER:g} %) is {least:.{DECIMALS}f}; the "
            f"largest gain in the paper's Table 2 is {gain:.4f}. A gain of the paper's size {seen}."
        )
    if reason := verdicts.reason_of(table):
        lines.append(f"It is another experiment than the paper's: {reason}. So no number is compared with the paper's.")
    if facts["left_out"]:
        lines.append(
            f"{facts['left_out']['photos']} of the {facts['left_out']['of']} published photos of OASIS are left out, those of themes of "
            "violence, injury, nudity and hatred ([data.md](data.md)): results on all of them would be others."
        )
    lines += _note(facts)
    lines.append(
        f"It is about the photos of {', '.join(each.title for each in (home, *others))} at {facts['image_size']} pixels and the people who "
        "rated them: what else people like, and what other networks learn, it does not say."
    )
    return lines


def _of_scale(record: Path) -> str:
    facts, table = _read(record)
    home = table2.sets_of(table)[0]
    scale, place = facts["scale"], f"../results/record/{facts['scale']}"
    figures = [
        f"**{caption.heading}.** {caption.text}\n\n![{caption.heading}]({place}/{name}.png)"
        for name, caption in captions(record, home).items()
        if (record / f"{name}.png").is_file()
    ]
    if (record / "finetune_search.png").is_file():
        words = "Search of the fine-tuning rates, for ImageNet's row alone"
        figures.append(f"**{words}.**\n\n![{words}]({place}/finetune_search.png)")
    images = ["| images | number |", "|---|---:|", *(f"| {what} | {number:,} |" for what, number in facts["images"].items())]
    licences = [f"{name}: {text}" for name, text in facts["licences"].items()]
    sections = {
        f"Scale {scale}: what was asked": f"{QUESTION} {_asked(facts, table)}\n\n{_made(facts)}",
        "What the numbers say, and what they do not": "\n".join(f"- {line}" for line in limits(record, facts, table)),
        "Table 2 with intervals": f"{short_table(table)}\n\n{interval_table(table)}\n\nIn brackets: {_level(table)} intervals.",
        "Choices compared": f"{COMPARED}\n\n{comparisons(record, facts, table)}",
        "Table 2 as the run prints it": table2_print.to_markdown(table).strip(),
        "Linear probes": (record / "probes.md").read_text().strip(),
        "The paper's claims": claims.to_markdown(_claims(record), cells=False).strip(),
        "Figures": "\n\n".join(figures),
        "What it was made from": "\n".join(
            ["```", *facts["machine"], "```", "", *images, "", f"Terms: {'; '.join(licences)}."]
        ),
    }
    return "\n\n".join(f"## {heading}\n\n{text}" for heading, text in sections.items())


def _read(record: Path) -> tuple[dict, pd.DataFrame]:
    return json.loads((record / "record.json").read_text()), table2.read(record / "table2.csv")


def _note(facts: dict) -> list[str]:
    return [facts["note"]] if facts["note"] else []


def _claims(record: Path) -> pd.DataFrame:
    return pd.read_csv(record / "claims.csv", keep_default_na=False)


def _trained(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["seeds"] > 0]


def _asked(facts: dict, table: pd.DataFrame) -> str:
    sets, rows = table2.sets_of(table), _trained(table)
    trained = facts["images"]
    photos = sum(number for what, number in trained.items() if what in ("photos: train", "photos: val"))
    tested = " and ".join(f"{int(table[f'{each.name}_n'].iloc[0]):,} images of {each.title}" for each in sets)
    folds = f", each predicted in one of {sets[0].folds} folds" if sets[0].folds else ""
    return (
        f"Asked of {tested}, rated by people{folds}: {len(rows)} starts, {len(facts['finetuning_seeds'])} fine-tuning seeds for each "
        f"pretraining, {facts['image_size']} pixels, {facts['backbone']}; pretrained on {photos:,} photos "
        f"({' and '.join(source.replace('_', ' ') for source in facts['photo_sources'])}), without labels."
    )


def _made(facts: dict) -> str:
    spent = [
        f"{facts[kind]:.0f} minutes{what}"
        for kind, what in (("minutes", ""), ("comparison_minutes", " with the comparison rows"))
        if facts[kind] is not None
    ]
    took = f", in {' plus '.join(spent)} on {facts['cores']} cores (mean load {facts['load']:g})" if spent else ""
    card = f"; pretrained on {facts['card']}" if facts["card"] else ""
    return f"Recorded at commit `{facts['commit'][:12]}`{took}{card}."


def _varied(record: Path, table: pd.DataFrame) -> str:
    """What the intervals of the pretrained rows are over, in words."""
    own = pd.read_csv(record / "intervals.csv", keep_default_na=False)
    own = own[own[["share", "dataset", "metric"]].eq([100, table2.sets_of(table)[0].name, "srcc"]).all(axis=1)]
    own = own[own["init"].ne(BASELINE) & own["over"].ne("")]
    return " or ".join(sorted(set(own["over"])))


def _listed(names: Iterable[str]) -> str:
    """Each once; semicolons, because names of comparison rows have commas."""
    return "; ".join(dict.fromkeys(names)) or "no row"


def _level(table: pd.DataFrame) -> str:
    return f"{100 * table['confidence'].iloc[0]:g} %"


def _with_ends(row: pd.Series, value: str, ends: str, sign: str = "") -> str:
    if pd.isna(row[value]):
        return "–"
    low, high = (row[f"{ends}_{end}" if ends else end] for end in ("low", "high"))
    interval = "" if pd.isna(low) else f" [{low:{sign}.{DECIMALS}f}, {high:{sign}.{DECIMALS}f}]"
    return f"{row[value]:{sign}.{DECIMALS}f}{interval}"
