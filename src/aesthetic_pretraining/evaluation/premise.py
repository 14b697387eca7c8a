"""The premise of the ranking task, checked on datasets of rated distorted images and on a survey.

The ranking task (equation 1) assumes that each further level of a distortion looks worse. TID2013 and KADID-10k have people's
scores of images at increasing levels, so one can count how often this is true. Section 4.2 of the paper asks people directly
whether the unedited photo is the better one.
"""

import re
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.data.sources import decode_text, rows_of
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.statistics.clustered import share_interval
from aesthetic_pretraining.evaluation.statistics.proportions import with_shares

TID2013, KADID, SURVEY = "TID2013", "KADID-10k", "survey"
PREMISE_COLUMNS = ["source", "distortion", "level", "pairs", "agree", "share", "low", "high", "over", "published"]
CLUSTERS = {"person": "people", "photo": "photos"}  # columns of a survey that answers share -> what an interval is then over
PAIRS = "pairs"  # in column over: the pairs count as independent
ALL = "all"  # in column level: over all levels; in column distortion: over all distortions
DISTORTION_KINDS = {
    TID2013: (
        *("Gaussian noise", "noise in colour components", "spatially correlated noise", "masked noise", "high-frequency noise"),
        *("impulse noise", "quantisation noise", "Gaussian blur", "denoising", "JPEG", "JPEG 2000", "JPEG transmission errors"),
        *("JPEG 2000 transmission errors", "pattern noise", "local blocks", "mean shift", "contrast", "saturation"),
        *("multiplicative noise", "comfort noise", "compression of noisy images", "dithered colours"),
        *("chromatic aberrations", "sparse sampling"),
    ),
    KADID: (
        *("Gaussian blur", "lens blur", "motion blur", "colour diffusion", "colour shift", "colour quantisation"),
        *("saturation in HSV", "saturation in Lab", "JPEG 2000", "JPEG", "white noise", "white noise in colour components"),
        *("impulse noise", "multiplicative noise", "denoising", "brightening", "darkening", "mean shift", "jitter"),
        *("moved patches", "pixelate", "quantisation", "colour blocks", "sharpening", "contrast"),
    ),
}
# Fraction of pairs of adjacent levels across which the score falls, counted on TID2013's published label file
TID2013_FALLS = {1: 0.96, 8: 0.99, 10: 1.00, 15: 0.22, 16: 0.73, 17: 0.52, 18: 0.91}
UNEDITED_PREFERRED = 0.74  # section 4.2, over all style filters and intensities


def premise(
    tid2013: pd.DataFrame | None = None,
    kadid: str | Path | None = None,
    survey: str | Path | None = None,
    *,
    simulated: bool = False,
) -> pd.DataFrame:
    """The table of all given sources, columns `PREMISE_COLUMNS`.

    Args:
        tid2013: columns id ("i01_08_3": reference, type, level) and score; None where it is not tested.
        kadid: dmos.csv of KADID-10k, or None.
        survey: CSV of answers to two-alternative questions, one per row, or None: filter, level, prefers_original (0 or 1), and, if it
            has them, person and photo.
        simulated: whether the scores of `tid2013` are simulated, so that published numbers do not apply.
    Returns: per source and distortion one row per level and one with level "all"; share is agree / pairs, with a 95 %
        interval: Wilson's, or over people and photos (`clustered.share_interval`), as `over` says. `published` is the value of the real TID2013 or of the paper's survey, else empty.
    Raises: UserError naming file and row for an id, file name or answer that cannot be parsed.
    """
    published = {} if simulated else {DISTORTION_KINDS[TID2013][k - 1]: share for k, share in TID2013_FALLS.items()}
    parts = [] if tid2013 is None else [falls(TID2013, _tid2013_scores(tid2013), published)]
    if kadid is not None:
        parts.append(falls(KADID, _kadid_scores(kadid), {}))
    if survey is not None:
        parts.append(preferences(read_survey(survey)))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=PREMISE_COLUMNS)


def falls(source: str, scores: pd.DataFrame, published: dict[str, float]) -> pd.DataFrame:
    """How often a score falls strictly from one level to the next; `level` is the higher one of the two.

    An image whose previous level is missing is in no pair. The interval over all levels treats pairs as independent, although
    adjacent pairs of one ladder have an image in common.

    Args:
        scores: columns reference, distortion, level (1, 2, ...), score (higher is better).
        published: {distortion: fraction} over all levels.
    """
    before = scores.assign(level=scores["level"] + 1).rename(columns={"score": "before"})
    pairs = scores.merge(before, on=["reference", "distortion", "level"], validate="one_to_one")
    pairs["agree"] = pairs["score"] < pairs["before"]
    order = scores[["distortion"]].drop_duplicates()["distortion"]
    return _counted(source, pairs, list(order), published)


def preferences(answers: pd.DataFrame) -> pd.DataFrame:
    """How often the original is preferred: by filter and level, by filter, and overall.

    Answers of one person, and answers about one photo, are taken for alike where the columns person and photo say which they are;
    otherwise they are treated as independent.

    Args:
        answers: columns filter, level, prefers_original (bool), perhaps person and photo, as `read_survey` returns them.
    """
    pairs = answers.rename(columns={"filter": "distortion", "prefers_original": "agree"})
    every = pairs.assign(distortion=ALL, level=ALL)
    whole = _counted(SURVEY, every, [ALL], {ALL: UNEDITED_PREFERRED})
    by_filter = _counted(SURVEY, pairs, sorted(pairs["distortion"].unique()), {})
    counted = pd.concat([whole[whole["level"] == ALL].head(1), by_filter], ignore_index=True)
    ways = [column for column in CLUSTERS if column in pairs]
    return _over_clusters(counted, pairs, ways) if ways else counted


def _over_clusters(counted: pd.DataFrame, pairs: pd.DataFrame, ways: list[str]) -> pd.DataFrame:
    """The counts with intervals over the clusters in the columns `ways`, of which `over` names those."""
    ends = []
    for row in counted.itertuples():
        mine = pairs[
            ((pairs["distortion"] == row.distortion) | (row.distortion == ALL))
            & ((pairs["level"] == row.level) | (row.level == ALL))
        ]
        ends.append(share_interval(mine["agree"].to_numpy(), [mine[way].to_numpy(str) for way in ways])[1:])
    return counted.assign(
        low=[low for low, _ in ends], high=[high for _, high in ends], over=" and ".join(CLUSTERS[way] for way in ways)
    )


def read_survey(path: str | Path) -> pd.DataFrame:
    """The answers: filter, level (integer), prefers_original (bool), and person and photo where the file has these columns.

    Raises: UserError naming file and row.
    """
    frame = _read_csv(path, ["filter", "level", "prefers_original"])
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    answers = frame["prefers_original"].str.strip().str.lower().map(known)
    levels = pd.to_numeric(frame["level"], errors="coerce")
    ways = [column for column in CLUSTERS if column in frame]
    wrong = {
        **{column: frame[column].str.strip() == "" for column in ("filter", *ways)},
        "level": levels.isna() | (levels % 1 != 0),
        "prefers_original": answers.isna(),
    }
    for column, bad in wrong.items():
        if bad.any():
            row = int(bad.to_numpy().argmax())
            needed = {"level": "a whole number", "prefers_original": "0 or 1"}.get(column, "a name")
            raise UserError(
                f"{path}, row {frame.index[row]}: {column} is {frame[column].iloc[row]!r}, but must be {needed}; correct the row"
            )
    named = {column: frame[column].str.strip() for column in ("filter", *ways)}
    found = pd.DataFrame(named | {"level": levels.astype(int), "prefers_original": answers.astype(bool)})
    return found.reset_index(drop=True)


def _counted(source: str, pairs: pd.DataFrame, order: list[str], published: dict[str, float]) -> pd.DataFrame:
    """Counts by level and over all levels, distortions in the given order, levels ascending and "all" last."""
    by_level = pairs.groupby(["distortion", "level"])["agree"].agg(["size", "sum"]).reset_index()
    whole = pairs.groupby("distortion")["agree"].agg(["size", "sum"]).reset_index().assign(level=ALL)
    rank = {name: k for k, name in enumerate(order)}
    rows = pd.concat([by_level.astype({"level": object}), whole], ignore_index=True)
    rows = rows.sort_values("distortion", key=lambda names: names.map(rank), kind="stable")
    counted = with_shares(rows.rename(columns={"size": "pairs", "sum": "agree"}).astype({"agree": int}), "agree", "pairs")
    known = counted["distortion"].map(published).where(counted["level"] == ALL)
    return counted.assign(source=source, over=PAIRS, published=known.astype(float))[PREMISE_COLUMNS].reset_index(drop=True)


def _tid2013_scores(ledger: pd.DataFrame) -> pd.DataFrame:
    return _scores(ledger["id"], ledger["score"], TID2013, r"i(\d\d)_(\d\d)_(\d)", "TID2013's ledger")


def _kadid_scores(path: str | Path) -> pd.DataFrame:
    frame = _read_csv(path, ["dist_img", "dmos"])
    scores = pd.to_numeric(frame["dmos"], errors="coerce")
    if (bad := ~scores.between(1, 5)).any():
        row = int(bad.to_numpy().argmax())
        raise UserError(
            f"{path}, row {frame.index[row]}: dmos is {frame['dmos'].iloc[row]!r}, but must be 1 to 5; download the file again"
        )
    return _scores(frame["dist_img"], scores, KADID, r"i(\d\d)_(\d\d)_(\d\d)\.png", str(path))


def _scores(names: pd.Series, scores: pd.Series, source: str, pattern: str, where: str) -> pd.DataFrame:
    """reference, distortion, level and score, parsed from image names. Raises: UserError for another format or a duplicate."""
    parts = []
    for name in names:
        part = re.fullmatch(pattern, name.strip().lower())
        if part is None or not 1 <= int(part[2]) <= len(DISTORTION_KINDS[source]):
            raise UserError(
                f"{where}: {name!r} does not name reference, type and level as {source} does; download the file again"
            )
        parts.append(part)
    frame = pd.DataFrame(
        {
            "reference": [part[1] for part in parts],
            "distortion": [DISTORTION_KINDS[source][int(part[2]) - 1] for part in parts],
            "kind": [int(part[2]) for part in parts],
            "level": [int(part[3]) for part in parts],
            "score": list(scores),
        }
    )
    if (twice := frame.duplicated(["reference", "kind", "level"])).any():
        raise UserError(f"{where}: {names.iloc[int(twice.to_numpy().argmax())]!r} appears twice; download the file again")
    return frame.sort_values(["kind", "reference", "level"]).drop(columns="kind")


def _read_csv(path: str | Path, columns: list[str]) -> pd.DataFrame:
    """A CSV as text, with at least one row; the index is the row of the file.

    Raises: UserError for a missing file, a file that is no table, a missing column, and a row that is longer or shorter than the first line.
    """
    try:
        text = decode_text(Path(path).read_bytes(), str(path))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; correct its name in params.yaml, section premise") from error
    header, body = rows_of(
        text, str(path), columns, remedy="write it again, or leave its name empty in params.yaml, section premise"
    )
    return pd.DataFrame(list(body.values()), index=list(body), columns=header)
