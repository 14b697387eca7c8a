"""What several tests of data share: a store of small photos, as rendering wants them."""

import tarfile

import pytest

from aesthetic_pretraining.distortions.render import source_photo
from aesthetic_pretraining.store import Store, add_member


@pytest.fixture(scope="session")
def photo_store(tmp_path_factory, make_photo, encode):
    """Factory: ids, size -> a store of as many photos for networks of that size."""

    def make(names, size):
        path = tmp_path_factory.mktemp("store") / "0.tar"
        with tarfile.open(path, "w") as tar:
            for k, name in enumerate(names):
                photo = source_photo(make_photo(k, 120, 90), size)
                add_member(tar, f"{name}.jpg", encode(photo, "JPEG", quality=95, subsampling=0))
        return Store([path])

    return make
