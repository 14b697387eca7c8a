"""What a training is said to need: images by hand, memory beside what runs have taken, loaders by cores and shared memory."""

import dataclasses
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

import needs
from aesthetic_pretraining.config import leaf, leaf_keys, load, resolve
from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.distortions.batched.geometry import Recipe
from aesthetic_pretraining.distortions.batched.parcel import pack
from aesthetic_pretraining.training.pretext import TASKS


@pytest.fixture
def values():
    params = load(Path(__file__).parents[2] / "params.yaml")

    def of(scale):
        cfg = resolve(params | {"scale": scale})
        return {key: leaf(cfg, key) for section in cfg for key in leaf_keys(cfg, section)}

    return of


@pytest.fixture
def machine(monkeypatch):
    """machine(cores, shared_mb): has so many cores, and so many free MB of shared memory."""

    def of(cores, shared_mb):
        monkeypatch.setattr(needs.os, "sched_getaffinity", lambda _: range(cores))
        monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
        usage = namedtuple("usage", "free")
        monkeypatch.setattr(needs.shutil, "disk_usage", lambda _: usage(shared_mb * 1_000_000))

    return of


def test_the_papers_batches_by_hand(values):
    paper = values("paper")
    variants = TASKS["ranking"].views
    assert needs.pretraining_images(paper, "ranking") == (8 * variants, 8 * variants)
    assert needs.pretraining_images(paper, "rotnet") == (512 * 4, 512 * 4)
    assert needs.pretraining_images(paper, "simclr") == (512 * 2, 512 * 2)
    assert needs.finetuning_images(paper) == (450, 450)
    assert {task: TASKS[task].views for task in needs.VIEWS} == needs.VIEWS


@pytest.mark.parametrize(("micro_batch", "kept", "stored"), [(0, 0, 174), (50, 0, 50), (50, 2, 100), (50, 9, 174)])
def test_micro_batches_store_fewer_activations(values, micro_batch, kept, stored):
    demo = values("demo") | {"pretrain.micro_batch": micro_batch, "pretrain.kept_micro_batches": kept}
    assert needs.pretraining_images(demo, "ranking") == (174, stored)


def test_memory_covers_what_runs_took_and_is_not_thrice_as_much(values):
    # the demo's joint batch of 174 images of 64 px took 1.63 GB at its peak (ranking + classification), fine-tuning 1.05 GB
    demo = values("demo")
    assert 1630 <= needs.memory_mb(demo, (174, 174), needs.sent_bytes(demo, "ranking"), False, 0) <= 3 * 1630
    assert 1046 <= needs.memory_mb(demo, needs.finetuning_images(demo), needs.sent_bytes(demo), False, 0) <= 3 * 1046


def test_on_a_gpu_activations_are_elsewhere_and_loaders_count(values):
    paper = values("paper")
    images, sent = needs.pretraining_images(paper, "ranking"), needs.sent_bytes(paper, "ranking")
    alone, fed = (needs.memory_mb(paper, images, sent, True, count) for count in (0, 12))
    assert alone < 5000 < 60_000 < needs.memory_mb(paper, images, sent, False, 0)
    assert fed - alone == pytest.approx(12 * (700 + 2 * 1392 * 3 * 224**2 / 1e6), abs=100)


def test_what_loaders_send_by_hand(values):
    paper = values("paper")
    assert needs.sent_bytes(paper, "ranking") == 8 * 174 * 3 * 224 * 224 == 209_534_976
    assert needs.sent_bytes(paper) == 450 * 150_528
    device = paper | {"distortions.engine": "device"}
    # a photo of 504 x 336, five JPEG images of 224 x 224, and four words of 8 bytes for each of ten levels of noise
    assert needs.parcel_bytes(device) == 508_032 + 752_640 + 320
    assert needs.sent_bytes(device, "ranking_regression") == 8 * 1_260_992 == 10_087_936
    # their images are not rendered on the card
    assert needs.sent_bytes(device, "rotnet") == needs.sent_bytes(paper, "rotnet") == 2048 * 150_528
    assert needs.sent_bytes(device) == needs.sent_bytes(paper)


def test_a_parcel_is_as_large_as_the_one_that_a_loader_packs(values, monkeypatch):
    photo = np.zeros((96, 144, 3), np.uint8)  # 3 : 2, its short side 1.5 times 64
    demo = values("demo")
    assert needs.parcel_bytes(demo) == pack(photo, "photo", 0, Recipe(64)).nbytes
    own = dataclasses.replace(DISTORTIONS["tint"], make=lambda photo, base, value, rng: base)  # ten levels of one's own
    monkeypatch.setitem(DISTORTIONS, "tint", own)
    assert needs.parcel_bytes(demo) == pack(photo, "photo", 0, Recipe(64)).nbytes


def test_memory_follows_the_engine(values):
    paper = values("paper")
    images = needs.pretraining_images(paper, "ranking")
    native, device = (needs.sent_bytes(paper | {"distortions.engine": name}, "ranking") for name in ("native", "device"))
    # 1200 + 2500 MB, the batch twice, and seven loaders of 700 MB with two batches each: 3700 + 419 + 4900 + 2933.5, and
    # 3700 + 20.2 + 4900 + 141.2
    assert needs.memory_mb(paper, images, native, True, 7) == 12_000
    assert needs.memory_mb(paper, images, device, True, 7) == 8_800
    # without a GPU the images are made here, whatever makes them
    assert needs.memory_mb(paper, images, native, False, 0) == needs.memory_mb(paper, images, device, False, 0)


@pytest.mark.parametrize(
    ("cards", "cores", "shared_mb", "expected"),
    [
        (0, 16, 10_000, 0),
        (1, 16, 100_000, 14),
        (1, 8, 100_000, 7),  # one core is the training's
        (8, 64, 100_000, 7),
        (1, 16, 64, 0),  # a container's shared memory: images are made between the steps
        (1, 16, 2000, 5),  # half of it for two batches of 100 MB each
    ],
)
def test_loaders(machine, cards, cores, shared_mb, expected):
    machine(cores, shared_mb)
    assert needs.loaders(cards, 100_000_000) == expected


@pytest.mark.parametrize(("engine", "expected"), [("native", 1), ("device", 14)])
def test_parcels_need_little_shared_memory(machine, values, engine, expected):
    """Half of 1 GB holds one loader's two batches of 210 MB, and 24 loaders' two of 10.1 MB, of which a card's cores bear 14."""
    machine(16, 1000)
    paper = values("paper") | {"distortions.engine": engine}
    assert needs.loaders(1, needs.sent_bytes(paper, "ranking")) == expected


@pytest.mark.parametrize(("visible", "expected"), [(None, 1), ("", 0), ("0", 1), ("2,5", 2)])
def test_cards(monkeypatch, visible, expected):
    monkeypatch.setattr(needs.shutil, "which", lambda _: None)
    assert needs.gpus() == 0
    monkeypatch.setattr(needs.shutil, "which", lambda _: "nvidia-smi")
    monkeypatch.setattr(needs.Path, "glob", lambda *_: iter([]))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert needs.gpus() == expected


def test_cores_are_those_that_slurm_granted_where_a_job_is_not_bound_to_them(monkeypatch):
    monkeypatch.setattr(needs.os, "sched_getaffinity", lambda _: range(64))
    assert needs.cores() == 64
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "8")
    assert needs.cores() == 8


def test_time_covers_what_the_demo_took_and_the_papers_days(values):
    # the demo's longest pretraining took 127 s and its longest fine-tuning 62 s on a core of two
    demo, paper = values("demo"), values("paper")
    assert 127 < 60 * needs.runtime_min(demo, needs.pretraining_work(demo, "ranking"), 1, 0) < 10 * 3600
    # 20 epochs of 130,000 photos in 174 variants, by hand: at 2500 images a second 50 hours, three times that
    hours = needs.runtime_min(paper, needs.pretraining_work(paper, "ranking"), 4, 1) / 60
    assert hours == pytest.approx(3 * 20 * 130_000 * 174 / 2500 / 3600, abs=0.5)
    two = needs.runtime_min(paper, needs.pretraining_work(paper, "ranking"), 8, 2) / 60
    assert two == pytest.approx(hours / 2, abs=1)
    assert needs.pretraining_work(paper, "rotnet") == 20 * 130_000 * 4
    assert needs.runtime_min(values("smoke"), needs.pretraining_work(values("smoke"), "rotnet"), 1, 0) == needs.LEAST_MINUTES
    assert needs.finetuning_work(values("oasis"), 3) == 900 * 60 * 3
