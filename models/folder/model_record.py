"""Check the types of the fields in `subprobe.json`, on which all readers rely."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...data.errors import CheckpointError
from ...data.files.json_text import read_json_object
from ...data.files.reading import shown
from ...data.seeds import SEEDS, is_seed

_TEXTS = ("cell_id", "flag", "fingerprint", "form", "made_from", "model", "retrained_mask",
          "route", "selection", "task")  # fmt: skip
_SEEDS = ("seed_init", "seed_order", "seed_split")
_COUNTS = ("batch_size", "max_length")
_LONGEST = 2**20


def read_record(path: Path) -> dict[str, Any]:
    """Read the record in the folder of a model that subprobe wrote.

    Raises:
        CheckpointError: if it is not a JSON object, or a field has the wrong type.
    """
    record = read_json_object(path, CheckpointError)
    for name in _TEXTS:
        _check(path, name, record.get(name, ""), isinstance(record.get(name, ""), str), "text")
    for name in _SEEDS:
        seed = record.get(name, 0)
        _check(path, name, seed, is_seed(seed), f"an integer from 0 to {SEEDS - 1}")
    recipe = record.get("recipe", {})
    _check(path, "recipe", recipe, isinstance(recipe, dict), "an object")
    for name in _COUNTS:
        count = recipe.get(name, 1)
        fine = type(count) is int and 0 < count <= _LONGEST
        _check(path, f"recipe.{name}", count, fine, f"an integer from 1 to {_LONGEST}")
    return record


def _check(path: Path, name: str, value: object, fine: bool, wanted: str) -> None:
    if not fine:
        raise CheckpointError(
            f"{name} must be {wanted}, got {shown(value)}",
            where=str(path),
            remedy="remove the file if another program wrote it",
        )
