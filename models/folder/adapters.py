"""Merge LoRA and other `peft` adapters, with or without stored base weights, or reject them."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

from safetensors import safe_open

from ...data.errors import CheckpointError
from ...data.files.json_text import read_json_object
from ...data.files.reading import reading
from .sources import ModelSource, resolve_model

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."


def has_adapter(folder: Path) -> bool:
    """Whether a folder contains an adapter."""
    return (folder / CONFIG).is_file()


def base_of(source: ModelSource, folder: Path) -> ModelSource:
    """The base model of an adapter: the weights in its folder, else the model that it names.

    Raises:
        CheckpointError: if it names none, or the named one is not found.
    """
    if (folder / "config.json").is_file():
        return source
    named = _settings(folder).get("base_model_name_or_path")
    try:
        return resolve_model(str(named or ""))
    except CheckpointError as error:
        raise CheckpointError(
            f"is only an adapter, and its base model cannot be found ({error.problem}: {named!r})",
            where=source.name,
            remedy="merge it with its base (merge_and_unload of peft) and save the full model",
        ) from None


def adapter_weights(folder: Path, where: str) -> dict[str, int]:
    """Number of rows of each of an adapter's weights, by name in the full model.

    Raises:
        CheckpointError: if they are pickled or damaged.
    """
    if not (folder / WEIGHTS).is_file():
        raise CheckpointError(
            f"its adapter has no {WEIGHTS}",
            where=where,
            remedy="save it again with save_pretrained of peft, which writes safetensors",
        )
    with (
        reading(where, CheckpointError, problem="the adapter's weights are damaged"),
        safe_open(folder / WEIGHTS, framework="pt") as stored,
    ):
        return {
            name.removeprefix(_PREFIX): int(stored.get_slice(name).get_shape()[0])
            for name in stored.keys()  # noqa: SIM118
        }


def adapter_outputs(folder: Path, where: str) -> int:
    """Number of outputs of a text head that an adapter stores completely; 0 if there is none.

    Raises:
        CheckpointError: as in `adapter_weights`.
    """
    if _settings(folder).get("task_type") not in ("SEQ_CLS", None):
        return 0
    rows = [
        count
        for name, count in adapter_weights(folder, where).items()
        if name.startswith("classifier.") and "lora_" not in name
    ]
    return min(rows, default=0)


def check_peft(folder: Path, where: str) -> None:
    """Raise unless the adapter in a folder is a peft adapter, and peft is installed.

    Raises:
        CheckpointError: if it is not, or peft is missing; the message names the package to install.
    """
    kind = _settings(folder).get("peft_type")
    if not kind:
        raise CheckpointError(
            f"{CONFIG} has no peft_type, so it is not a peft adapter",
            where=where,
            remedy="merge the adapter with the library that made it, and save the full model",
        )
    if importlib.util.find_spec("peft") is None:
        raise CheckpointError(
            f"contains a {kind} adapter, which is part of the model",
            where=where,
            remedy="run pip install peft, so that the adapter can be merged",
        )


def merged(model: Any, folder: Path, where: str) -> Any:
    """Merge an adapter into the weights of its base model.

    Args:
        model: the base model, with a head if the adapter was trained with one; it is modified.
        folder: the folder of the adapter.
        where: the checkpoint, for messages.

    Raises:
        CheckpointError: if the adapter does not fit, or its type cannot be merged.
    """
    import peft

    with (
        reading(where, CheckpointError, problem="its adapter does not fit"),
        warnings.catch_warnings(),
    ):
        # caused by peft's use of transformers, which users cannot change
        warnings.simplefilter("ignore", FutureWarning)
        changed = peft.PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    if not hasattr(changed.base_model, "merge_and_unload"):
        raise CheckpointError(
            f"an adapter of type {_settings(folder)['peft_type']} cannot be merged into weights",
            where=where,
            remedy="train a LoRA adapter or the full model",
        )
    return changed.merge_and_unload()


def _settings(folder: Path) -> dict[str, Any]:
    return read_json_object(folder / CONFIG, CheckpointError)
