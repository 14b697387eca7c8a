"""What the models of the sections are built from: closed sections, described values, lists without repeats, and mistakes in words."""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.config import JsonDict
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

T = TypeVar("T")
OURS = "ours, the paper gives none"


class Section(BaseModel):
    """A section of params.yaml: no other keys, no conversions (1.0 is no integer, true no number), no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def value(text: str, source: str = OURS, unit: str = "", **bounds: Any) -> Any:
    """A required value.

    Args:
        text: what it is. source: where the value of params.yaml comes from: a part of the paper, a row of docs/fidelity.md, or OURS.
        unit: what it is counted in, where the text does not say it.
        bounds: of a number ge, gt, le, lt, multiple_of; of a list or text min_length, max_length; of a text pattern.
    """
    shown: JsonDict = {"source": source, "unit": unit} if unit else {"source": source}
    return Field(description=text, json_schema_extra=shown, **bounds)


def wrong(key: str, said: str) -> PydanticCustomError:
    """A mistake for a validator to raise.

    Args:
        key: below the section or value that is validated ("shares.train"), "" for itself. said: the rest of the sentence.
    """
    return PydanticCustomError("wrong", "{key} {said}", {"key": key, "said": said})


class Distinct:
    """Of a list: no entry may stand twice."""

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(kind))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict:
        return handler(schema) | {"uniqueItems": True}

    @staticmethod
    def check(entries: list) -> list:
        if any(entry in entries[:k] for k, entry in enumerate(entries)):
            raise wrong("", f"is {entries!r}, but no entry may stand twice")
        return entries


class Shares(Section):
    """Shares of a whole, cut in the order written; they add up to 1."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(dict(self).values())
        if not abs(total - 1) <= 1e-6:
            raise wrong("", f"add up to {total:g}, but must add up to 1")
        return self


Set = Annotated[list[T], Distinct()]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0, le=10)]
Trainable = Literal["all", "released"]
