"""Transforms for users against the pipeline's own pictures of the same photo, and what they say of an image they cannot take."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2

from aesthetic_pretraining.distortions import DISTORTIONS, TABLES, VARIANTS, anchor_index, indices
from aesthetic_pretraining.distortions.native.render import base_photo, render
from aesthetic_pretraining.distortions.transforms import Distort, RandomDistortion, distort

SIZE = 64  # of the network; a photo has 96, so that both are square and the letterbox does nothing


@pytest.fixture(scope="module")
def photo(make_photo):
    return make_photo(3, 96, 96)


@pytest.fixture(scope="module")
def pictures(photo):
    return {table: render(photo, "cat", SIZE, 5, table=table) for table in TABLES}


def shown_to(name, photo):
    """Crops and rotation start from the photo with room around, all others from the base photo."""
    return photo if DISTORTIONS[name].anchor != "original" else base_photo(photo, SIZE)


@pytest.mark.parametrize("name", DISTORTIONS)
def test_every_level_has_the_pixels_of_the_pipeline(photo, pictures, name):
    for table in TABLES if DISTORTIONS[name].aspect == "style" else ["published"]:
        for position in (anchor_index(name), *indices(name)):
            wanted = pictures[table][position].permute(1, 2, 0).numpy()
            got = distort(shown_to(name, photo), name, VARIANTS[position].level, seed=5, photo_id="cat", table=table)
            assert np.array_equal(got, wanted), (table, VARIANTS[position])


@pytest.mark.parametrize("name", DISTORTIONS)
def test_level_0_is_the_image_but_for_crops_and_rotation(photo, name):
    image = Image.fromarray(photo)
    kept = np.array(Distort(name, 0)(image))
    if DISTORTIONS[name].anchor == "original":
        assert np.array_equal(kept, photo)
    else:
        assert kept.shape == (SIZE, SIZE, 3)
    if DISTORTIONS[name].anchor == "crop":
        assert np.array_equal(kept, photo[16:80, 16:80])


@pytest.mark.parametrize("name", DISTORTIONS)
def test_the_type_comes_back_at_the_images_own_resolution(make_photo, name):
    photo = make_photo(1, 150, 120)
    before, level = photo.copy(), DISTORTIONS[name].levels[-1]
    kinds = [
        photo,
        torch.from_numpy(photo).permute(2, 0, 1),
        Image.fromarray(photo),
        tv_tensors.Image(photo.transpose(2, 0, 1)),
    ]
    array, tensor, image, wrapped = (Distort(name, level)(kind) for kind in kinds)
    assert isinstance(image, Image.Image) and image.mode == "RGB"
    assert type(tensor) is torch.Tensor and type(wrapped) is tv_tensors.Image and type(array) is np.ndarray
    assert tensor.dtype == wrapped.dtype == torch.uint8 and array.dtype == np.uint8
    assert array.shape == ((120, 150, 3) if DISTORTIONS[name].anchor == "original" else (80, 100, 3))
    for other in (np.array(image), tensor.permute(1, 2, 0).numpy(), wrapped.permute(1, 2, 0).numpy()):
        assert np.array_equal(other, array)
    assert np.array_equal(photo, before)


def test_noise_depends_on_its_seed_alone(photo):
    np.random.seed(0)
    torch.manual_seed(0)
    same = [Distort("gaussian_noise", 3, seed=7)(photo) for _ in range(2)]
    other = Distort("gaussian_noise", 3, seed=8)(photo)
    assert np.array_equal(*same) and not np.array_equal(same[0], other)
    torch.manual_seed(0)
    drawn = [Distort("gaussian_noise", 3, seed=None)(photo) for _ in range(2)]
    torch.manual_seed(0)
    again = Distort("gaussian_noise", 3, seed=None)(photo)
    assert not np.array_equal(*drawn) and np.array_equal(drawn[0], again)


def test_in_a_sample_the_image_is_distorted_and_the_rest_stays(photo):
    compose = v2.Compose([Distort("defocus_blur", 2), v2.ToImage(), v2.CenterCrop(32)])
    image, label = compose(Image.fromarray(photo), 3)
    assert image.shape == (3, 32, 32) and label == 3
    mask = tv_tensors.Mask(torch.zeros(96, 96, dtype=torch.uint8))
    assert Distort("tint", 2)(Image.fromarray(photo), mask)[1] is mask
    with pytest.raises(TypeError, match="horizontal_crop moves the image's content, but Mask"):
        Distort("horizontal_crop", 2)(Image.fromarray(photo), mask)


def test_random_distortions_are_drawn_from_torchs_generator(photo):
    torch.manual_seed(1)
    some = RandomDistortion(["jpeg_compression", "vibrance"])
    drawn = [some.make_params([]) for _ in range(400)]
    assert len({params["seed"] for params in drawn}) == 400
    names = [params["distortion"] for params in drawn]
    assert 150 < names.count("vibrance") < 250
    levels = {(params["distortion"], params["level"]) for params in drawn}
    assert levels == {(name, level) for name in set(names) for level in DISTORTIONS[name].levels}
    torch.manual_seed(2)
    first = some(photo)
    torch.manual_seed(2)
    assert np.array_equal(some(photo), first)
    assert {RandomDistortion().make_params([])["distortion"] for _ in range(400)} == set(DISTORTIONS)
    assert "vibrance" in repr(some) and "level=3" in repr(Distort("pixelate", 3))


class Photos(torch.utils.data.Dataset):
    def __init__(self, photo, transform):
        self.photo, self.transform = photo, transform

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.transform(torch.from_numpy(self.photo).permute(2, 0, 1))


def test_transforms_work_inside_of_loading_processes(photo):
    data = Photos(photo, Distort("shadows", -2))
    (batch,) = DataLoader(data, 2, num_workers=1)
    assert torch.equal(batch[0], data[0])


@pytest.mark.parametrize(
    ("image", "kind", "say"),
    [
        (Image.new("L", (64, 64)), ValueError, "must be RGB, not L; call image.convert('RGB')"),
        (np.zeros((64, 64), np.uint8), ValueError, "one RGB image (H, W, 3), not (64, 64)"),
        (np.zeros((64, 64, 3)), TypeError, "must be uint8 in 0..255, not float64; convert it"),
        (torch.zeros(3, 64, 64), TypeError, "not torch.float32; convert it: torchvision"),
        (torch.zeros(1, 64, 64, dtype=torch.uint8), ValueError, "(3, H, W), not (1, 64, 64)"),
        (torch.zeros(2, 3, 64, 64, dtype=torch.uint8), ValueError, "one RGB image (3, H, W), not (2, 3, 64, 64)"),
        (np.zeros((20, 64, 3), np.uint8), ValueError, "64 x 20 pixels, but needs 32 on each side"),
        ("photo.jpg", TypeError, "not str"),
    ],
)
def test_an_image_that_cannot_be_taken_is_one_sentence(image, kind, say):
    with pytest.raises(kind, match=re.escape(say)) as error:
        distort(image, "pixelate", 1)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "say"),
    [
        (("blur", 1), "unknown distortion 'blur'; known are jpeg_compression"),
        (("defocus_blur", -1), "defocus_blur has no level -1; it has 0 and 1, 2, 3, 4, 5"),
        (("defocus_blur", 6), "no level 6"),
    ],
)
def test_an_unknown_name_or_level_is_refused_when_the_transform_is_made(arguments, say):
    with pytest.raises(ValueError, match=re.escape(say)):
        Distort(*arguments)
    with pytest.raises(ValueError, match="unknown table of distortions 'mine'"):
        Distort("tint", 1, table="mine")
    with pytest.raises(ValueError, match="known are"):
        RandomDistortion(["blur"])


def test_of_a_sample_with_an_image_arrays_and_tensors_pass(photo):
    votes, label, mask = np.arange(10.0), torch.tensor(3), np.zeros((32, 32, 3), np.uint8)
    darker = Distort("brightness", -3)
    for image in (Image.fromarray(photo), photo, tv_tensors.Image(torch.from_numpy(photo).permute(2, 0, 1))):
        out = darker({"image": image, "label": label})
        assert out["label"] is label
        assert (np.asarray(out["image"]) == np.asarray(distort(image, "brightness", -3))).all()
    out = darker({"image": Image.fromarray(photo), "votes": votes, "mask": mask})
    assert out["votes"] is votes and out["mask"] is mask


def test_a_video_is_refused(photo):
    with pytest.raises(TypeError, match="frames"):
        Distort("brightness", -3)(tv_tensors.Video(torch.from_numpy(photo).permute(2, 0, 1)[None]))
