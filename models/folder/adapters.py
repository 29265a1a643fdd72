"""LoRA and other adapters of `peft` beside or without their base weights: merged, or refused."""

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
    """Whether a folder holds an adapter."""
    return (folder / CONFIG).is_file()


def base_of(source: ModelSource, folder: Path) -> ModelSource:
    """The model that an adapter changes: what lies beside it, else what it names.

    Raises:
        CheckpointError: if it names none, or one that is not there.
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
            remedy="merge it with its base (merge_and_unload of peft) and save the whole model",
        ) from None


def adapter_weights(folder: Path, where: str) -> dict[str, int]:
    """Rows of an adapter's weights by their name in the whole model.

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
    """Outputs of the head of texts that an adapter brings whole; 0 if it brings none.

    Raises:
        CheckpointError: as `adapter_weights`.
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
    """Raise unless the adapter of a folder is one of peft, and peft is installed.

    Raises:
        CheckpointError: with what to install.
    """
    kind = _settings(folder).get("peft_type")
    if not kind:
        raise CheckpointError(
            f"{CONFIG} names no peft_type: it is not a peft adapter",
            where=where,
            remedy="merge the adapter with the library that made it, and save the whole model",
        )
    if importlib.util.find_spec("peft") is None:
        raise CheckpointError(
            f"holds a {kind} adapter, without which its weights are another model",
            where=where,
            remedy="pip install peft, which merges them",
        )


def merged(model: Any, folder: Path, where: str) -> Any:
    """The model with an adapter's changes written into its weights.

    Args:
        model: the base model, with a head where the adapter was trained with one; changed.
        folder: where the adapter lies.
        where: the checkpoint, for messages.

    Raises:
        CheckpointError: if the adapter does not fit, or is of a kind that cannot be merged.
    """
    import peft

    with (
        reading(where, CheckpointError, problem="its adapter does not fit"),
        warnings.catch_warnings(),
    ):
        # of peft's own use of transformers, which no user can change
        warnings.simplefilter("ignore", FutureWarning)
        changed = peft.PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    if not hasattr(changed.base_model, "merge_and_unload"):
        raise CheckpointError(
            f"an adapter of type {_settings(folder)['peft_type']} cannot be merged into weights",
            where=where,
            remedy="train a LoRA adapter, or the whole model",
        )
    return changed.merge_and_unload()


def _settings(folder: Path) -> dict[str, Any]:
    return read_json_object(folder / CONFIG, CheckpointError)
