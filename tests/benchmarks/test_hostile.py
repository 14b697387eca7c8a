"""Hostile pictures and servers of bench-faults: what is counted as lost, and that nothing is."""

import importlib.util
import sys

import numpy as np
import pytest

from aesthetic_pretraining.data.images import Picture, Unreadable


@pytest.fixture
def load(project, monkeypatch):
    """load(name): a module of benchmarks/."""

    def module_of(name):
        monkeypatch.setattr(sys, "path", list(sys.path))  # which hostile_servers extends
        spec = importlib.util.spec_from_file_location(name, project / f"benchmarks/{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return module_of


@pytest.fixture
def pictures(load):
    return load("hostile_pictures")


def test_no_picture_escapes(pictures):
    found = pictures.tally(150, seed=2)
    assert found.tried == 150
    assert found.escaped == []


def test_sound_pictures_are_read_and_equal_seeds_damage_alike(pictures):
    first, again = (list(pictures.hostile(300, 5)) for _ in range(2))
    assert first == again
    whole = pictures.sound(np.random.default_rng(5))
    assert {kind.split()[0] for kind, _ in whole} == set(pictures.FORMS)
    for kind, data in whole:
        form = kind.split()[0]
        if form in pictures.MODES and " F " not in kind:
            assert pictures.read_picture(data).format == form
        else:
            with pytest.raises(Unreadable):
                pictures.read_picture(data)


@pytest.mark.parametrize("answer", [ZeroDivisionError(), Unreadable("two\nlines"), Unreadable(""), (9, 9, 1), (300, 10, 3)])
def test_what_counts_as_escaped(pictures, monkeypatch, answer):
    def read(data, limits):
        if isinstance(answer, Exception):
            raise answer
        return Picture(np.zeros(answer, np.uint8), answer[1], answer[0], "PNG")

    monkeypatch.setattr(pictures, "read_picture", read)
    assert len(pictures.tally(3).escaped) == 3


def test_a_server_fault_is_lost_where_its_file_is_wrong(load, monkeypatch):
    servers = load("hostile_servers")
    for way in ("endless_chunks", "lie_long", "circle", "429_long", "ok"):
        assert servers._try(way) == ""
    monkeypatch.setattr(servers, "FULL", 10)
    assert servers._try("ok") == "too much on the disk"
