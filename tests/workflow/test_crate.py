"""A run as an RO-Crate: what is in the archive, and that it conforms to the Workflow Run Crate profile by a validator that is not ours."""

import hashlib
import importlib.resources
import io
import json
import zipfile

import pytest
import requests
from urllib3 import HTTPResponse

from projects import Project

pytestmark = pytest.mark.slow
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
# how version 1.1 of the context differs from the one that rocrate has, as far as the profile's shapes name it
AS_IN_1_1 = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}


@pytest.fixture
def cache(tmp_path):
    """The validator's cache of what it would fetch: RO-Crate's context."""
    from requests_cache import CachedSession

    document = json.loads((importlib.resources.files("rocrate") / "data/ro-crate.jsonld").read_text())
    document["@context"] |= AS_IN_1_1
    content = json.dumps(document).encode()
    response = requests.Response()
    response.status_code, response.url, response._content = 200, CONTEXT, content
    response.headers["Content-Type"] = "application/ld+json"
    response.request = requests.Request("GET", CONTEXT).prepare()
    response.raw = HTTPResponse(io.BytesIO(content), response.headers, 200, request_url=CONTEXT)
    with CachedSession(str(tmp_path / "http"), backend="sqlite") as session:
        session.cache.save_response(response, session.cache.create_key(response.request))
    return tmp_path / "http"


def issues(path, cache) -> list[str]:
    """What the validator finds against the MUSTs of the profile and those that it is built on."""
    from rocrate_validator import services

    settings = services.ValidationSettings(
        rocrate_uri=str(path), profile_identifier="workflow-run-crate", offline=True, cache_path=cache
    )
    return [f"{issue.check.identifier}: {issue.message}" for issue in services.validate(settings).get_issues()]


def crate(project: Project, **kw) -> str:
    return project.run("python", "tools/crate.py", "smoke", **kw)


@pytest.mark.filterwarnings("ignore")  # of the validator's packages
def test_a_run_is_an_archive_that_conforms_to_the_profile(project, cache, tmp_path):
    assert "logs/smoke/run.crate.zip" in crate(project)
    path = project.path / "logs/smoke/run.crate.zip"
    assert issues(path, cache) == []
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        entities = {entity["@id"]: entity for entity in json.loads(archive.read("ro-crate-metadata.json"))["@graph"]}
        assert not [name for name in names if name.startswith(("models/", ".snakemake")) or name.endswith((".tar", ".pyc"))]
        described = {name for name, each in entities.items() if "File" in each["@type"] and name != "ro-crate-metadata.json"}
        assert names - {"ro-crate-metadata.json"} == described
        for name in ("Snakefile", "params.yaml", "LICENSE", "results/smoke/tables/table2.csv", "data/smoke/photos/ledger.csv"):
            assert hashlib.md5(archive.read(name)).digest() == hashlib.md5((project.path / name).read_bytes()).digest(), name
    (action,) = [each for each in entities.values() if each["@type"] == "CreateAction"]
    taken, made = ([entities[ref["@id"]] for ref in action[key]] for key in ("object", "result"))
    values = {each["name"]: each["value"] for each in taken if each["@type"] == "PropertyValue"}
    assert values["pretrain.margin"] == 0.2 and values["pretrain.tasks"] == '["ranking_regression", "rotnet"]'
    metrics = {each["name"]: each["value"] for each in made if each["@type"] == "PropertyValue"}
    shown = json.loads((project.path / "results/smoke/metrics/starts/rotnet.json").read_text())
    assert metrics["rotnet ava_lcc"] == shown["ava_lcc"]
    assert entities[entities["./"]["license"]["@id"]]["name"] == "MIT License"
    assert project.git("rev-parse", "HEAD").strip() == entities["Snakefile"]["version"]
    assert action["startTime"] < action["endTime"]
    # the validator does see what is missing
    del entities["#run-smoke"]["instrument"]
    with zipfile.ZipFile(tmp_path / "broken.zip", "w") as archive:
        archive.writestr("ro-crate-metadata.json", json.dumps({"@context": CONTEXT, "@graph": list(entities.values())}))
        for name in described:
            archive.write(project.path / name, name)
    assert any("instrument" in issue for issue in issues(tmp_path / "broken.zip", cache))


def test_a_run_that_is_not_whole_is_not_archived(project):
    table = project.path / "results/smoke/tables/table2.csv"
    table.write_text(table.read_text().replace("0", "1"))
    assert "error: results/smoke/tables/table2.csv is not what was made" in crate(project, ok=False)
    (project.path / "results/smoke/report.html").unlink()
    assert "there is no results/smoke/report.html; run the scale first" in crate(project, ok=False)
    assert not (project.path / "logs/smoke/run.crate.zip").exists()
