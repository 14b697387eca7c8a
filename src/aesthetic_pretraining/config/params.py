"""The values of one scale as a whole, and what one section asks of another."""

from typing import Self

from pydantic import model_validator

from aesthetic_pretraining.config.comparisons import ComparisonParams, Row
from aesthetic_pretraining.config.evaluation import PhotoCheckParams, PremiseParams, ProbeParams, ReportParams
from aesthetic_pretraining.config.fields import Section, value, wrong
from aesthetic_pretraining.config.images import (
    DownloadParams,
    ImageParams,
    PexelsParams,
    PhotosParams,
    SimulateParams,
)
from aesthetic_pretraining.config.labelled import RESERVED, LabelsParams, Name, SetParams
from aesthetic_pretraining.config.training import (
    BackboneParams,
    ComputeParams,
    DistortionsParams,
    FinetuneParams,
    PretrainParams,
    SearchParams,
)
from aesthetic_pretraining.data.download.pexels import require_terms
from aesthetic_pretraining.initialisations import BASELINE, LABELS

TAKEN = (*LABELS, "constant", f"{BASELINE}_ridge")  # initialisations, and references of metrics/references.csv


class Params(Section):
    """Every value that changes a result, and how politely files are fetched."""

    scale: str = value("Which of the sizes in `scales` is run.", pattern="^[a-z][a-z0-9_]*$")
    seed: int = value("Root of every random choice but those of trainings, which have seeds of their own.", ge=0)
    image: ImageParams
    photos: PhotosParams
    pexels: PexelsParams
    download: DownloadParams
    labels: LabelsParams
    sets: dict[Name, SetParams] = value("The labelled sets by their name in paths and columns.", min_length=1)
    simulate: SimulateParams
    distortions: DistortionsParams
    backbone: BackboneParams
    pretrain: PretrainParams
    compute: ComputeParams
    search: SearchParams
    comparisons: dict[Row, ComparisonParams] = value(
        "Comparison rows by their name in paths and columns; pretrain.comparisons chooses.", "ours, the paper has none"
    )
    finetune: FinetuneParams
    probe: ProbeParams
    report: ReportParams
    premise: PremiseParams
    photo_check: PhotoCheckParams

    @model_validator(mode="after")
    def _compared_are_trained(self) -> Self:
        known = [BASELINE, *self.pretrain.tasks, *self.pretrain.ablations, *self.comparisons]
        for name in self.finetune.compared:
            if name not in known:
                raise wrong(
                    "finetune.compared",
                    f"names {name!r}, but pretrain.tasks, pretrain.ablations and comparisons have only {', '.join(known)}",
                )
        return self

    @model_validator(mode="after")
    def _comparisons_are_described(self) -> Self:
        if taken := [name for name in self.comparisons if name in TAKEN]:
            raise wrong(f"comparisons.{taken[0]}", "has a name that is taken; choose another")
        for name in self.pretrain.comparisons:
            if name not in self.comparisons:
                said = (
                    f"the section comparisons has only {', '.join(self.comparisons)}"
                    if self.comparisons
                    else "the section comparisons is empty"
                )
                raise wrong("pretrain.comparisons", f"names {name!r}, but {said}")
        return self

    @model_validator(mode="after")
    def _sets_are_described(self) -> Self:
        if taken := [name for name in self.sets if name in RESERVED]:
            raise wrong(f"sets.{taken[0]}", "has a name that is taken; choose another")
        for key in ("test_on", "crosscheck"):
            for name in getattr(self.labels, key):
                if name not in self.sets:
                    raise wrong(f"labels.{key}", f"names {name!r}, but the section sets has only {', '.join(self.sets)}")
        return self

    @model_validator(mode="after")
    def _photos_fit_the_labels(self) -> Self:
        simulated = self.labels.source == "simulated"
        if "pexels" in self.photos.sources:
            require_terms(self.pexels.accept_terms)
            if simulated and len(self.photos.sources) == 1:
                raise wrong(
                    "photos.sources",
                    "is pexels alone, whose published split leaves no photos for simulated labels; set labels.source to 'real'",
                )
        for role in ("train", "val", "test"):
            if getattr(self.photos.shares, role) == 0:
                raise wrong(f"photos.shares.{role}", f"is 0, but pretraining needs photos for {role!r}; raise it")
        for role, share in dict(self.simulate.shares).items():
            if simulated and share == 0 and (role != "tid2013" or "tid2013" in self.labels.test_on):
                raise wrong(f"simulate.shares.{role}", "is 0, but labels are simulated, which needs photos for it; raise it")
        if simulated and self.photos.shares.labels == 0:
            raise wrong("photos.shares.labels", "is 0, but labels.source is 'simulated', which needs photos")
        if not simulated and self.photos.shares.labels > 0:
            raise wrong(
                "photos.shares.labels",
                "is above 0, but labels.source is 'real', so nothing would use these photos; set it to 0",
            )
        if simulated and self.photos.apart:
            raise wrong(
                "photos.apart",
                "is true, but labels.source is 'simulated', whose images are made from the photos; set it to false",
            )
        return self

    @model_validator(mode="after")
    def _training_set_has_roles(self) -> Self:
        if self.labels.source == "real":
            trained = self.sets[self.labels.train_on]
            needed = {"random": ("train", "val", "test"), "folds": ("val",)}.get(trained.split, ())
            for role in needed:
                if getattr(trained.shares, role) == 0:
                    raise wrong(
                        f"sets.{self.labels.train_on}.shares.{role}",
                        f"is 0, but networks are fine-tuned on this set, which needs {role!r}",
                    )
        return self
