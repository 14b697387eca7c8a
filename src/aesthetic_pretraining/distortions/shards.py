"""Shards of rendered variants: what rule render writes, and `variants.RenderedVariants` reads.

params.yaml: distortions.engine. The reference engine is too slow to render while a network learns, so its variants are written
once. Their names are in WebDataset's form.
"""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from aesthetic_pretraining import code
from aesthetic_pretraining.data.progress import Progress
from aesthetic_pretraining.data.sources import Tar
from aesthetic_pretraining.data.store import Store, add_member
from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS
from aesthetic_pretraining.distortions.darktable_values import EDITED_WIDTH
from aesthetic_pretraining.distortions.variants import LIVE, key, member_name
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import enough_space
from aesthetic_pretraining.seeding import seeded_int

ENGINES = (*LIVE, "reference")
TOGETHER = 8  # photos that the reference engine gets at once: one start of darktable serves them all


def engine(name: str) -> Callable[..., Tensor]:
    """(photos, ids, size, seed, table, None, edited_width, kernels) -> uint8 (n, 174, 3, size, size) by the engine of that name."""
    if name == "reference":
        # here, because it needs darktable only where it is asked for
        from aesthetic_pretraining.distortions.reference.render import render_reference

        return lambda photos, ids, size, seed, table, only, edited_width, kernels: render_reference(
            photos, ids, size, seed, table, only, edited_width
        )
    if name in LIVE:
        return lambda photos, ids, size, seed, table, only, edited_width, kernels: torch.stack(
            [LIVE[name](photo, i, size, seed, only, table, edited_width, kernels) for photo, i in zip(photos, ids, strict=True)]
        )
    raise ValueError(f"unknown engine {name!r}; known are {', '.join(ENGINES)}")


def render_shard(
    store: Store,
    photos: Sequence[str],
    size: int,
    seed: int,
    name: str,
    table: str,
    tar: str | Path,
    work: str | Path,
    edited_width: int = EDITED_WIDTH,
    kernels: str = "torch",
) -> None:
    """Write all variants of the photos, PNG in WebDataset's form, each photo's followed by what made them as JSON.

    Args:
        name, table: the engine and the table of distortions; edited_width: as for `darktable_values.shadhi`.
        kernels: what computes the native engine's pixels, one of `native.kernels.KERNELS`.
        tar: written; the same bytes when written again on the same machine.
        work: folder of the unfinished shard. A killed job goes on after the last whole photo in it.
    Raises: UserError if the engine's programs are missing or fail.
    """
    unfinished = Path(work) / f"render-{_digest(store, photos, size, seed, name, table, edited_width, kernels):016x}.tar"
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    make, made_by = engine(name), {"engine": name, "table": table, "edited_width": edited_width, "kernels": kernels}
    made_by |= {"size": size, "seed": seed}
    done, end = _whole(unfinished)
    with enough_space(unfinished), open(unfinished, "r+b" if unfinished.exists() else "w+b") as file:
        file.truncate(end)
        file.seek(end)
        left = [i for i in photos if key(i) not in done]
        progress = Progress(Path(tar).name, len(left), "photos")
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as out:
            for at in range(0, len(left), TOGETHER):
                ids = left[at : at + TOGETHER]
                pictures = make([store.pixels(i) for i in ids], ids, size, seed, table, None, edited_width, kernels)
                for photo_id, mine in zip(ids, pictures, strict=True):
                    _add_photo(out, photo_id, mine, made_by)
                    file.flush()
                progress.step(len(ids))
    _verify(unfinished, photos, size)
    Path(tar).parent.mkdir(parents=True, exist_ok=True)
    _move(unfinished, Path(tar))


def _add_photo(out: tarfile.TarFile, photo_id: str, pictures: Tensor, made_by: dict) -> None:
    for variant, picture in zip(VARIANTS, pictures.permute(0, 2, 3, 1).numpy(), strict=True):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
        add_member(out, member_name(photo_id, variant), buffer.getvalue())
    # last, so that a photo with this member is whole
    add_member(out, f"{key(photo_id)}.json", json.dumps({"id": photo_id} | made_by, sort_keys=True).encode())


def _whole(path: Path) -> tuple[set[str], int]:
    """Keys of the photos that an unfinished shard holds whole, and where the last of them ends, in bytes."""
    done, end = set(), 0
    if path.exists():
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    if member.name.endswith(".json"):
                        after = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                        if after <= path.stat().st_size:
                            done.add(member.name.removesuffix(".json"))
                            end = after
        except tarfile.ReadError:  # cut off: what was read so far counts
            pass
    return done, end


def _verify(path: Path, photos: Sequence[str], size: int) -> None:
    """Read everything back: every image of every photo, once, of the right size."""
    shard = Tar(path)
    wanted = {member_name(i, v) for i in photos for v in VARIANTS} | {f"{key(i)}.json" for i in photos}
    if odd := set(shard.members) ^ wanted:
        raise UserError(f"{path}: {min(odd)} is missing or should not be there; delete the file and run again")
    for name in shard.members:
        if name.endswith(".png"):
            try:
                with Image.open(io.BytesIO(shard.read(name))) as picture:
                    picture.load()
            except Exception as error:  # whatever Pillow raises for damaged files
                raise UserError(f"{path}: {name} is damaged; delete the file and run again") from error
            if picture.size != (size, size) or picture.mode != "RGB":
                raise UserError(f"{path}: {name} is {picture.mode} {picture.size}; delete the file and run again")


def _digest(store: Store, photos: Sequence[str], *settings: object) -> int:
    """Names the unfinished shard by everything it depends on, so that it never meets other photos, settings or code."""
    pictures = (hashlib.sha256(store.read(photo)).hexdigest() for photo in photos)
    return seeded_int(*code.digests(__file__).values(), *DISTORTIONS, *photos, *pictures, *settings)


def _move(source: Path, target: Path) -> None:
    """Rename, by way of a copy beside the target where the two are on different disks."""
    beside = target.with_name(f".{target.name}.tmp")
    with enough_space(target):
        shutil.move(source, beside)
        beside.replace(target)
