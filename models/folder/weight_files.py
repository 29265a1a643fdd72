"""Find the files with the weights of a model folder: only safetensors files inside the folder."""

from __future__ import annotations

import math
from pathlib import Path

from safetensors import safe_open

from ...data.errors import CheckpointError
from ...data.files.json_text import read_json_object
from ...data.files.reading import reading, shown

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder: a single file, or those that its index names.

    Raises:
        CheckpointError: if the index is damaged, or names other files than safetensors files in the
            folder.
    """
    if (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file():
        return [folder / WEIGHTS]
    index = folder / INDEX
    named = read_json_object(index, CheckpointError).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise CheckpointError("contains no weight_map", where=str(index))
    for key, name in named.items():
        problem = _problem(folder, name)
        if problem:
            raise CheckpointError(
                f"names {shown(name)} as the file of {shown(key)}, {problem}",
                where=str(index),
                remedy="name .safetensors files in the folder of the model",
            )
    return [folder / name for name in sorted(set(named.values()))]


def _problem(folder: Path, name: object) -> str:
    """The problem with a file that an index names; empty if there is none."""
    if not isinstance(name, str) or not name.endswith(".safetensors"):
        return "which is not the name of a safetensors file"
    path = folder / name
    if Path(name).name != name or not path.is_file():
        return "which is not a file in the folder"
    target = path.resolve()
    if target.parent != folder.resolve() and target.parent not in _hub_blobs(folder):
        return "which is a link that leads out of the folder"
    return ""


def _hub_blobs(folder: Path) -> list[Path]:
    """The folder next to `snapshots/ID` that contains the link targets in the cache of the hub."""
    place = folder.resolve()
    return [place.parent.parent / "blobs"] if place.parent.name == "snapshots" else []


def stored_parameters(paths: list[Path]) -> int:
    """Number of parameters in safetensors files, according to their headers.

    Raises:
        CheckpointError: if a header cannot be read.
    """
    total = 0
    for path in paths:
        with (
            reading(path, CheckpointError, problem="weights are damaged"),
            safe_open(path, framework="np") as stored,
        ):
            slices = [stored.get_slice(name) for name in stored.keys()]  # noqa: SIM118
            total += sum(math.prod(one.get_shape()) for one in slices)
    return total
