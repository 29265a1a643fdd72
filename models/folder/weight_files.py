"""Which files the weights of a model folder are read from: safetensors inside the folder alone."""

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
    """The safetensors files of a folder: the one, or those that its index names.

    Raises:
        CheckpointError: if the index is damaged, or names anything but safetensors files that lie
            in the folder.
    """
    if (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file():
        return [folder / WEIGHTS]
    index = folder / INDEX
    named = read_json_object(index, CheckpointError).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise CheckpointError("holds no weight_map", where=str(index))
    for key, name in named.items():
        problem = _problem(folder, name)
        if problem:
            raise CheckpointError(
                f"names {shown(name)} for {shown(key)}, {problem}",
                where=str(index),
                remedy="only .safetensors files in the folder of the model are read",
            )
    return [folder / name for name in sorted(set(named.values()))]


def _problem(folder: Path, name: object) -> str:
    """What is wrong with a file that an index names; empty where nothing is."""
    if not isinstance(name, str) or not name.endswith(".safetensors"):
        return "which is not the name of a safetensors file"
    path = folder / name
    if Path(name).name != name or not path.is_file():
        return "which is not a file in the folder"
    target = path.resolve()
    if target.parent != folder.resolve() and target.parent not in _hub_blobs(folder):
        return "which is a link out of the folder"
    return ""


def _hub_blobs(folder: Path) -> list[Path]:
    """Where the hub's own cache keeps what a folder in it links to: beside `snapshots/ID`."""
    place = folder.resolve()
    return [place.parent.parent / "blobs"] if place.parent.name == "snapshots" else []


def stored_parameters(paths: list[Path]) -> int:
    """Numbers in safetensors files, by their headers.

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
