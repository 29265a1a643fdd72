"""What `subprobe.json` may hold: every reader of it trusts these types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...data.errors import CheckpointError
from ...data.files.json_text import read_json_object
from ...data.files.reading import shown
from ...data.seeds import SEEDS, is_seed

_TEXTS = ("cell_id", "flag", "fingerprint", "form", "made_from", "model", "retrained_mask",
          "route", "selection", "task")  # fmt: skip
_SEEDS = ("seed_init", "seed_order")
_COUNTS = ("batch_size", "max_length")
_LONGEST = 2**20


def read_record(path: Path) -> dict[str, Any]:
    """The record beside the weights of a model that subprobe wrote.

    Raises:
        CheckpointError: if it is not a JSON object, or a field that is read has another type.
    """
    record = read_json_object(path, CheckpointError)
    for name in _TEXTS:
        _check(path, name, record.get(name, ""), isinstance(record.get(name, ""), str), "text")
    for name in _SEEDS:
        seed = record.get(name, 0)
        _check(path, name, seed, is_seed(seed), f"a whole number from 0 to {SEEDS - 1}")
    recipe = record.get("recipe", {})
    _check(path, "recipe", recipe, isinstance(recipe, dict), "an object")
    for name in _COUNTS:
        count = recipe.get(name, 1)
        fine = type(count) is int and 0 < count <= _LONGEST
        _check(path, f"recipe.{name}", count, fine, f"a whole number from 1 to {_LONGEST}")
    return record


def _check(path: Path, name: str, value: object, fine: bool, wanted: str) -> None:
    if not fine:
        raise CheckpointError(
            f"{name} is {shown(value)}, not {wanted}",
            where=str(path),
            remedy="remove the file if another program wrote it",
        )
