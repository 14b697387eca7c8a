"""Contact sheets: the variants of a few photos side by side, for inspection only."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.distortions import DISTORTIONS, TABLES, anchor_index, indices
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.native.render import render
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.reporting import facts
from aesthetic_pretraining.reporting.figures import alternatives
from aesthetic_pretraining.reporting.figures.style import words

LABEL = 150  # width of a row's name on the sheet, in pixels
HEAD = 24  # height of the line with the levels
GAP = 4
MARK = "#D55E00"  # around level 0
LEVELS = range(min(min(d.levels) for d in DISTORTIONS.values()), max(max(d.levels) for d in DISTORTIONS.values()) + 1)
Row = tuple[str, Mapping[int, np.ndarray]]  # name, {level: uint8 (S, S, 3)}


def draw_sheets(
    store: Store,
    photos: Sequence[str],
    size: int,
    seed: int,
    table: str,
    overview: str | Path,
    sheets: Sequence[str | Path],
    counts: Mapping[str, int],
    edited_width: int = EDITED_WIDTH,
) -> None:
    """Write a sheet of all distortions of the first photo and, for each distortion, a sheet of all photos and tables.

    Args:
        photos: ids of photos of the test split.
        table: the distortion table that `overview` shows.
        overview: PNG to write. sheets: PNGs to write, named after their distortion.
        counts: `facts.roles` of the photos.
        edited_width: as for `darktable_values.shadhi`.
    """
    by_table = {t: [_render(store, photo, size, seed, t, edited_width) for photo in photos] for t in TABLES}
    _save(
        contact_sheet(by_table[table][0], facts.shown(1, counts, "test")),
        overview,
        alternatives.of_sheet(list(DISTORTIONS), size),
    )
    for path in map(Path, sheets):
        sheet = compare_tables(path.stem, by_table, facts.shown(len(photos), counts, "test"))
        _save(sheet, path, alternatives.of_sheet([path.stem], size))


def examples(
    store: Store, photo: str, size: int, seed: int, table: str, names: Sequence[str], edited_width: int = EDITED_WIDTH
) -> dict[str, dict[int, np.ndarray]]:
    """{distortion: {level: uint8 (size, size, 3)}} for Figure 1: level 0 and, of each side that there is, a middle and the last level."""
    pictures = _render(store, photo, size, seed, table, edited_width)
    found = {}
    for name in names:
        levels = _levels(pictures, name)
        ends = [max((level * sign for level in levels), default=0) * sign for sign in (-1, 1)]
        shown = sorted({0, *ends, *((abs(end) + 1) // 2 * (1 if end > 0 else -1) for end in ends if end)})
        found[name] = {level: levels[level] for level in shown}
    return found


def contact_sheet(pictures: np.ndarray, title: str = "") -> Image.Image:
    """uint8 (174, S, S, 3) in the order of VARIANTS -> one row per distortion, levels ascending, level 0 framed, `title` on top."""
    return grid([(name, _levels(pictures, name)) for name in DISTORTIONS], title)


def compare_tables(distortion: str, by_table: Mapping[str, Sequence[np.ndarray]], title: str = "") -> Image.Image:
    """{table: variants (174, S, S, 3) of each photo} -> one distortion, a row per photo and per distinct rendering of the tables."""
    rows: list[Row] = []
    for versions in zip(*by_table.values(), strict=True):
        shown: dict[bytes, Row] = {}
        for table, pictures in zip(by_table, versions, strict=True):
            levels = _levels(pictures, distortion)
            same = b"".join(picture.tobytes() for picture in levels.values())
            name = f"{shown[same][0]}, {table}" if same in shown else table
            shown[same] = (name, levels)
        rows += [("all tables", levels) if len(shown) == 1 else (name, levels) for name, levels in shown.values()]
    return grid(rows, f"{words(distortion)}    {title}".strip())


def grid(rows: Sequence[Row], title: str = "") -> Image.Image:
    """A grid with a column per level, level 0 framed; levels that a row lacks stay white."""
    size = next(iter(rows[0][1].values())).shape[0]
    sheet = Image.new("RGB", (LABEL + len(LEVELS) * (size + GAP), 2 * HEAD + len(rows) * (size + GAP)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    draw.text((4, 5), title, "black", font)
    for column, level in enumerate(LEVELS):
        place = (LABEL + column * (size + GAP) + size // 2, HEAD + 5)
        draw.text(place, f"{level:+d}" if level else "0", MARK if level == 0 else "black", font, anchor="ma")
    for row, (name, levels) in enumerate(rows):
        top = 2 * HEAD + row * (size + GAP)
        shown = (words(name) if name in DISTORTIONS else name.replace("_", " ")).replace(", ", ",\n")
        draw.multiline_text((4, top + size // 2), shown, "black", font, anchor="lm")
        for level, picture in levels.items():
            left = LABEL + (level - LEVELS[0]) * (size + GAP)
            sheet.paste(Image.fromarray(picture), (left, top))
            if level == 0:
                draw.rectangle((left - 2, top - 2, left + size + 1, top + size + 1), outline=MARK, width=2)
    return sheet


def _levels(pictures: np.ndarray, distortion: str) -> dict[int, np.ndarray]:
    shown = dict(zip(DISTORTIONS[distortion].levels, indices(distortion), strict=True)) | {0: anchor_index(distortion)}
    return {level: pictures[shown[level]] for level in sorted(shown)}


def _render(store: Store, photo: str, size: int, seed: int, table: str, edited_width: int) -> np.ndarray:
    pictures = render(store.pixels(photo), photo, size, seed, table=table, edited_width=edited_width)
    return pictures.permute(0, 2, 3, 1).numpy()


def _save(sheet: Image.Image, path: str | Path, seen: str) -> None:
    """Write a sheet with what is seen on it as its text chunk Description, as `style.save` does."""
    chunks = PngInfo()
    chunks.add_text("Description", seen)
    with atomic_path(path) as tmp:
        sheet.save(tmp, pnginfo=chunks)
