"""The device engine's code on one CPU core, and how far its pictures are from the native engine's (make bench-distortions).

It is the code that runs on a GPU; on a CPU it is slower than the native engine, whose libraries are made for one.
"""

import statistics
import time

import numpy as np

from aesthetic_pretraining.data import images
from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS
from aesthetic_pretraining.distortions.batched.geometry import Recipe
from aesthetic_pretraining.distortions.batched.parcel import Parcels, pack
from aesthetic_pretraining.distortions.batched.render import render
from aesthetic_pretraining.distortions.native.render import render as render_native
from aesthetic_pretraining.distortions.native.render import source_photo

OTHER_GENERATOR = ("gaussian_noise", "impulse_noise")


def device_rendering(files: list[bytes], size: int, seed: int) -> None:
    """Measure and print, for JPEG files of photos.

    device_code_seconds_per_photo: from a JPEG file to the 174 pictures, as `native_seconds_per_photo`
    device_parity_mean: mean distance from the native engine's pictures in levels, without the two noises, which draw other numbers
    """
    recipe = Recipe(size)
    taken, packed, sent, off = [], [], [], []
    for k, data in enumerate(files):
        for warm in (False, True):
            start = time.process_time()
            photo = source_photo(images.decode(data)[0], size)
            parcels = Parcels.of([pack(photo, f"photo{k}", seed, recipe)])
            middle = time.process_time()
            made = render(parcels)[0].numpy()
            if warm:
                taken.append(time.process_time() - start)
                packed.append(middle - start)
        sent.append(sum(part.nbytes for part in (parcels.pixels, parcels.made, parcels.keys)))
        native = render_native(photo, f"photo{k}", size, seed).numpy()
        off.append(np.abs(made.astype(np.int16) - native).mean((1, 2, 3)))
    print(f"device engine, {len(files)} photos: mean distance from the native engine's pictures in levels, where there is any")
    for name in DISTORTIONS:
        mean = np.mean([one[[variant.distortion == name for variant in VARIANTS]] for one in off])
        if mean:
            print(f"{name:20} {mean:9.5f}{'   another generator' if name in OTHER_GENERATOR else ''}")
    compared = [variant.distortion not in OTHER_GENERATOR for variant in VARIANTS]
    print(f"a loader takes {statistics.mean(packed):.3f} s of CPU for a photo and sends {statistics.mean(sent) / 1e6:.2f} MB\n")
    print(f"device_code_seconds_per_photo = {statistics.mean(taken):.3f}")
    print(f"device_parity_mean = {np.mean([one[compared] for one in off]):.6f}")
