"""Read the safetensors files of a folder, with weights named as in transformers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from ...data.errors import CheckpointError
from ...data.files.reading import reading
from ..encoder.families import FAMILIES

_WRAPPERS = re.compile(
    r"(?<![^.])(?:module|_orig_mod|_fsdp_wrapped_module|_forward_module|_checkpoint_wrapped_module)\."
)
"""Prefixes that training loops add to names: DataParallel, torch.compile, FSDP, DeepSpeed, and
activation checkpointing, which may wrap inner modules too."""

_FLOATS = ("F64", "F32", "F16", "BF16")


def stored_types(files: list[Path], where: str) -> dict[str, str]:
    """Name -> type of every stored tensor, from the headers of the files.

    Raises:
        CheckpointError: if a file is missing or damaged, or contains weights that are not floats.
    """
    found: dict[str, str] = {}
    for path in files:
        with (
            reading(where, CheckpointError, problem="weights are damaged"),
            safe_open(path, framework="pt") as stored,
        ):
            found |= {name: str(stored.get_slice(name).get_dtype()) for name in stored.keys()}  # noqa: SIM118
    packed = [
        name for name, kind in found.items() if name.endswith("weight") and kind not in _FLOATS
    ]
    if packed:
        raise CheckpointError(
            f"its weights are quantised: {packed[0]} is stored as {found[packed[0]]}",
            where=where,
            remedy="name the checkpoint that it was quantised from",
        )
    return found


def read_tensors(files: list[Path], names: Mapping[str, str], where: str) -> dict[str, Any]:
    """Read all stored tensors, under new names.

    Args:
        files: the result of `weight_files`.
        names: stored name -> new name.
        where: the model, for messages.

    Raises:
        CheckpointError: if a file is damaged.
    """
    found: dict[str, torch.Tensor] = {}
    for path in files:
        with (
            reading(where, CheckpointError, problem="weights are damaged"),
            safe_open(path, framework="pt") as stored,
        ):
            found |= {names[name]: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    return found


def plain_names(stored: Mapping[str, Any], config: Any, base: str, where: str) -> dict[str, str]:
    """Stored name -> name in transformers, without the prefixes of training loops.

    Args:
        stored: the stored names.
        config: the configuration.
        base: prefix of the encoder's weights in a model with a head, such as `bert`.
        where: the model, for messages.

    Raises:
        CheckpointError: if the encoder's names have another prefix, or two names become equal.
    """
    names = {name: _WRAPPERS.sub("", name) for name in stored}
    layers = re.escape(FAMILIES[config.model_type].layers)
    block = re.compile(rf"(.*?)(?:{re.escape(base)}\.)?{layers}\.\d+\.")
    before = {found[1] for name in names.values() if (found := block.match(name))}
    if before == {"model."}:
        names = {name: new.removeprefix("model.") for name, new in names.items()}
    elif before - {""}:
        listed = ", ".join(f"`{prefix}`" for prefix in sorted(before - {""}))
        raise CheckpointError(
            f"the names of its weights begin with {listed}, unlike those of a "
            f"{config.model_type} model",
            where=where,
            remedy="load it with the code that saved it, and save its encoder with save_pretrained",
        )
    if len(set(names.values())) < len(names):
        raise CheckpointError(
            "some of its weights are stored twice, with and without the prefix `module.`",
            where=where,
            remedy="keep one set of them",
        )
    return names
