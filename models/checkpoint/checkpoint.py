"""Load and save models; missing weights are an error and never initialised silently."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from ...data.errors import CheckpointError
from ...data.output.folders import atomic_folder
from ...data.quiet_stderr import stderr_on_success
from ...data.tasks.class_order import Pairs
from ...data.tasks.task import TaskSpec
from ..encoder.kept_units import kept_units_of
from ..folder.checkpoint_files import (
    LOAD,
    META_FILE,
    loading,
    meta_of,
    quiet_library,
    read_config,
    read_meta,
    refuse_missing,
)
from ..folder.sources import MASK_FILE, MODEL, WEIGHTS, ModelSource, is_compact, resolve_model
from ..folder.tokenizer_files import tokenizer_folder
from ..folder.tokenizer_ids import check_tokenizer_files
from ..masks.subnetwork import Subnetwork
from .choice_models import load_saved_choices, untrained_choice_model
from .compact_files import load_compact
from .contract import (
    CHOICE_HEAD,
    HEAD,
    check_plain_head,
    class_names,
    contract,
    head_options,
    named_classes,
    put_in_order,
)
from .fresh_heads import load_new_head
from .loading import CLASSIFIERS, ENCODERS, load, with_random_weights
from .trial import check_encodes, check_finite, check_runs


def load_encoder(name: str, *, attention: str = "sdpa") -> Any:
    """Load an encoder without a task head, in eval mode.

    Args:
        name: see `resolve_model`; may be a folder of `subprobe compact`.
        attention: `sdpa` or `eager`; a family without sdpa always gets eager.

    Raises:
        CheckpointError: if weights are missing, pickled or unreadable, or contain NaN or infinity.
        UnknownNameError: if the family is not supported.
    """
    source = resolve_model(name)
    if is_compact(source):
        return load_compact(source.location, attention=attention).base_model
    model, missing = load(source, attention, classes=ENCODERS)
    # only task heads read the pooler, and many encoders are published without one
    refuse_missing(source, [key for key in missing if not key.startswith("pooler.")])
    return check_finite(check_runs(model.eval(), name), name)


def load_classifier(
    name: str,
    spec: TaskSpec,
    *,
    attention: str = "sdpa",
    new_head: bool = False,
    seed: int = 0,
    labels: Pairs = (),
    any_task: bool = False,
) -> Any:
    """Load a model with the head of a task, in eval mode.

    Its outputs are the classes of the task in the order of the task, even if the order in the
    checkpoint differs (see `contract`).

    Args:
        name: see `resolve_model`; without `new_head`, may be a folder of `subprobe compact`.
        spec: the task, which determines the outputs.
        attention: as in `load_encoder`.
        new_head: add a new head, initialised with `seed`, and ignore any stored one; otherwise the
            checkpoint must contain a head for this task.
        seed: seed of the initialisation.
        labels: pairs of matching classes of the task and the model, for different names.
        any_task: accept the head of a model that was fine-tuned on another task with these classes.

    Raises:
        CheckpointError: if weights are missing, pickled or unreadable, or the head belongs to
            another task.
        ConfigError: if `labels` do not cover the classes of task and model.
        UnknownNameError: if the family is not supported.
    """
    source = resolve_model(name)
    if is_compact(source):
        if new_head:
            raise CheckpointError(
                "is a smaller model and cannot get a new head",
                where=name,
                remedy="fine-tune the full model",
            )
        return load_compact(source.location, spec, attention=attention, labels=labels)
    if not new_head:
        order = contract(source, spec, labels, any_task=any_task)
        model = _with_own_head(source, attention)
        put_in_order(model, spec, order)
        return model
    options = head_options(spec.labels, regression=spec.regression)
    return load_new_head(source, attention, classes=CLASSIFIERS, seed=seed, **options)


def load_saved(name: str, *, attention: str = "sdpa") -> Any:
    """Load a model with its saved task head, or without one if it has none, in eval mode.

    Args:
        name: see `resolve_model`; may be a folder of `subprobe compact`.
        attention: as in `load_encoder`.

    Raises:
        CheckpointError, UnknownNameError: as in `load_encoder`.
    """
    source = resolve_model(name)
    if is_compact(source):
        return load_compact(source.location, attention=attention)
    architecture = (read_config(source).architectures or [""])[0]
    if architecture.endswith(CHOICE_HEAD):
        return load_saved_choices(source, attention)
    if not architecture.endswith(HEAD):
        return load_encoder(name, attention=attention)
    return _with_own_head(source, attention)


def _with_own_head(source: ModelSource, attention: str) -> Any:
    """Load a classifier with its saved head and class names."""
    names = class_names(source)
    with torch.random.fork_rng(devices=[]):
        model, missing = load(source, attention, classes=CLASSIFIERS, **named_classes(names))
    prefix = f"{model.base_model_prefix}."
    head = all(not key.startswith(prefix) or ".pooler." in key for key in missing)
    refuse_missing(source, missing, head=head)
    return check_runs(model.eval(), source.name)


def load_tokenizer(name: str) -> Any:
    """Load a model's fast tokenizer.

    Raises:
        CheckpointError: if it has no fast tokenizer, or the tokenizer cannot be read.
    """
    source = resolve_model(name)
    folder = tokenizer_folder(source)
    check_tokenizer_files(Path(folder))
    with loading(source, "tokenizer"), stderr_on_success(), quiet_library():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **LOAD)
    if not getattr(tokenizer, "is_fast", False):
        raise CheckpointError("has no fast tokenizer", where=name)
    # without tokenizer files, transformers creates a tokenizer that has only special tokens
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise CheckpointError(
            "no tokenizer could be read",
            where=name,
            remedy="save the tokenizer into the folder of the model with save_pretrained",
        )
    return check_encodes(tokenizer, name)


def load_untrained(name: str, spec: TaskSpec | None, *, seed: int, attention: str = "sdpa") -> Any:
    """The same architecture with random weights: the baseline of untrained encoders."""
    if spec is not None and spec.choices:
        return untrained_choice_model(name, seed=seed, attention=attention)
    source = resolve_model(name)
    config = read_config(source)
    kind = transformers.AutoModel
    if spec is not None and spec.masked:
        kind = transformers.AutoModelForMaskedLM
    elif spec is not None:
        kind = transformers.AutoModelForSequenceClassification
        for field, value in head_options(spec.labels, regression=spec.regression).items():
            setattr(config, field, value)
    return with_random_weights(kind, source, config, seed=seed, attention=attention)


def save_classifier(
    model: Any,
    tokenizer: Any,
    folder: Path | str,
    meta: Mapping[str, Any],
    mask: Subnetwork | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Save a folder that plain `from_pretrained` can load, together with `subprobe.json`.

    The folder is written atomically and contains no pickles.

    Args:
        model: a full model, with or without a task head.
        tokenizer: its tokenizer.
        folder: the output folder.
        meta: facts to store in `subprobe.json`.
        mask: a mask to store with the model.
        overwrite: write even if the folder contains files that subprobe did not write; they are
            kept.

    Raises:
        ConfigError: if the folder contains such files.
        CheckpointError: if the model is a smaller one, which plain transformers cannot build, or
            several outputs of its head are one class.
    """
    if kept_units_of(model) is not None:
        raise CheckpointError(
            "a smaller model cannot be saved as an ordinary checkpoint",
            remedy="save it with save_compact",
        )
    check_plain_head(model, "")
    with (
        atomic_folder(folder, MODEL, overwrite=overwrite, alone=WEIGHTS) as temporary,
        quiet_library(),
    ):
        model.save_pretrained(temporary, safe_serialization=True)
        tokenizer.save_pretrained(temporary)
        (temporary / META_FILE).write_text(json.dumps(dict(meta), indent=2) + "\n", "utf-8")
        if mask is not None:
            (temporary / MASK_FILE).write_bytes(mask.to_bytes())


__all__ = [
    "ModelSource",
    "load_classifier",
    "load_encoder",
    "load_saved",
    "load_tokenizer",
    "load_untrained",
    "meta_of",
    "read_meta",
    "resolve_model",
    "save_classifier",
]
