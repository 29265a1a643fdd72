"""What the manifest of a run must hold for a report to be written from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...data.checked_values import rule_of
from ...data.errors import DataFileError
from ...data.files.json_text import read_json_object


class _Part(BaseModel):
    """What else is there is not looked at: other versions record more or less."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class _Prune(_Part):
    methods: list[str] = []
    importance: str = ""
    selection: str = ""
    rule: str = ""
    threshold: float = 0.9
    keep: float = 0.0


class _Controls(_Part):
    draws: int = 0
    untrained: bool = True


class _Probe(_Part):
    names: list[str] = []
    states: list[str] = []
    draws: int = 1


class _Config(_Part):
    model: str = ""
    tasks: list[str] = []
    seeds: list[int] = []
    seeds_init: list[int] = []
    seeds_order: list[int] = []
    prune: _Prune = _Prune()
    controls: _Controls = _Controls()
    probe: _Probe = _Probe()


class _Model(_Part):
    name: str = ""
    fingerprint: str = ""


class _Corpus(_Part):
    name: str
    sentences: int


class _Learning(_Part):
    learnt_from: str = ""
    scored_on: str = ""
    sentences: dict[str, int] = {}


class _Run(_Part):
    task: str = ""
    examples: dict[str, int] = {}


class _Missing(_Part):
    cell: str = ""
    why: str = ""
    log: str = ""


class _Size(_Part):
    heads: int = Field(gt=0)
    mlps: int = Field(gt=0)
    neurons: int = Field(gt=0)
    parameters: int = Field(gt=0)
    head_parameters: int = Field(ge=0)
    neuron_parameters: int = Field(ge=0)
    mlp_parameters: int = Field(ge=0)
    flops: int = Field(gt=0)
    head_flops: int = Field(ge=0)
    neuron_flops: int = Field(ge=0)
    separable: bool


class _Manifest(_Part):
    config: _Config = Field(_Config())
    model: _Model = Field(_Model())
    corpus: _Corpus | None = None
    learning: _Learning | None = None
    runs: list[_Run] = []
    missing: list[_Missing] = []
    sizes: dict[str, _Size] = {}
    cells: list[dict[str, Any]] = []


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest in a file, with the types that its readers expect.

    Raises:
        DataFileError: if it is not a JSON object, or an entry that is read has another type.
    """
    manifest = read_json_object(path)
    try:
        _Manifest.model_validate(manifest)
    except (ValidationError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise DataFileError("is nested too deeply", where=str(path)) from None
        first = error.errors()[0]
        entry = ".".join(map(str, first["loc"]))
        raise DataFileError(
            f"entry {entry!r} {rule_of(first)}",
            where=str(path),
            remedy="copy the manifest again, or run the folder again",
        ) from None
    return manifest
