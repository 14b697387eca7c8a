"""What several tests of data share: a store of small photos, the real params.yaml, a server on loopback."""

import copy
import tarfile

import pytest
import yaml
from servers import server  # noqa: F401

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


@pytest.fixture(scope="session")
def params_text(project):
    return (project / "params.yaml").read_text()


@pytest.fixture(scope="session")
def loaded_params(params_text):
    return yaml.safe_load(params_text)


@pytest.fixture
def params(loaded_params):
    """The values of params.yaml, each test its own copy."""
    return copy.deepcopy(loaded_params)


@pytest.fixture(scope="session")
def schema(project):
    """The schema of params.yaml."""
    return yaml.safe_load((project / "workflow" / "schemas" / "params.schema.yaml").read_text())
