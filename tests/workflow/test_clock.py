"""A clock that jumped, or a node whose clock is ahead: what was made in the future counts by its content."""

import os
import time

import pytest

from projects import ran

pytestmark = pytest.mark.slow
TABLE = "results/smoke/tables/table2.csv"


def test_files_of_tomorrow_are_kept_and_what_is_made_of_them_today_is_not_made_again(project):
    folders = ("data", "models", "results")
    whole, tomorrow = project.digests(*folders), time.time() + 86_400
    for path in (path for folder in folders for path in (project.path / folder).rglob("*") if path.is_file()):
        os.utime(path, (tomorrow, tomorrow))
    project.clean()
    (project.path / TABLE).unlink()
    out = project.snakemake("all")
    assert ran(out)["table2"] == 1 and not ran(out).keys() & {"store", "pretrain", "finetune", "predict"}
    assert project.digests(*folders) == whole
    project.clean()
