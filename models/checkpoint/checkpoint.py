"""Loading and saving models, with nothing initialised behind the user's back."""

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
    attention_for,
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
from .compact_files import load_compact
from .contract import (
    HEAD,
    check_plain_head,
    class_names,
    contract,
    head_options,
    named_classes,
    put_in_order,
)
from .loading import CLASSIFIERS, ENCODERS, load
from .pruned_heads import take_pruned
from .trial import check_encodes, check_finite, check_runs


def load_encoder(name: str, *, attention: str = "sdpa") -> Any:
    """Load an encoder without a task head, in eval mode.

    Args:
        name: see `resolve_model`; a folder of `subprobe compact` too.
        attention: `sdpa` or `eager`; a family without sdpa always gets eager.

    Raises:
        CheckpointError: if weights are missing, pickled, unreadable or no finite numbers.
        UnknownNameError: if the family is not supported.
    """
    source = resolve_model(name)
    if is_compact(source):
        return load_compact(source.location, attention=attention).base_model
    model, missing = load(source, attention, classes=ENCODERS)
    # the pooler feeds task heads alone, and many encoders are published without one
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

    Its outputs are the classes of the task in the task's order, whatever order the checkpoint has
    them in: see `contract`.

    Args:
        name: see `resolve_model`; without `new_head`, a folder of `subprobe compact` too.
        spec: the task; decides the outputs.
        attention: as in `load_encoder`.
        new_head: give the encoder a new head, initialised by `seed`, in place of one that the
            checkpoint may have; else the checkpoint must bring one for this task.
        seed: the init seed.
        labels: which classes of the model mean which of the task, where names do not say it.
        any_task: take the head of a model that was fine-tuned on another task of these classes.

    Raises:
        CheckpointError: if weights are missing, pickled or unreadable, or the head is another's.
        ConfigError: if `labels` do not cover the classes of both.
        UnknownNameError: if the family is not supported.
    """
    source = resolve_model(name)
    if is_compact(source):
        if new_head:
            raise CheckpointError(
                "is a smaller model, which has the head that it was made with",
                where=name,
                remedy="fine-tune the whole model",
            )
        return load_compact(source.location, spec, attention=attention, labels=labels)
    if not new_head:
        order = contract(source, spec, labels, any_task=any_task)
        model = _with_own_head(source, attention)
        put_in_order(model, spec, order)
        return model
    options = head_options(spec.labels, regression=spec.regression)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, missing = load(source, attention, classes=CLASSIFIERS, new_head=True, **options)
    prefix = f"{model.base_model_prefix}."
    refuse_missing(source, [k for k in missing if k.startswith(prefix) and ".pooler." not in k])
    return check_finite(check_runs(model.eval(), name), name)


def load_saved(name: str, *, attention: str = "sdpa") -> Any:
    """Load a model with the task head that it was saved with, or none, in eval mode.

    Args:
        name: see `resolve_model`; a folder of `subprobe compact` too.
        attention: as in `load_encoder`.

    Raises:
        CheckpointError, UnknownNameError: as `load_encoder`.
    """
    source = resolve_model(name)
    if is_compact(source):
        return load_compact(source.location, attention=attention)
    architecture = (read_config(source).architectures or [""])[0]
    if not architecture.endswith(HEAD):
        return load_encoder(name, attention=attention)
    return _with_own_head(source, attention)


def _with_own_head(source: ModelSource, attention: str) -> Any:
    """A classifier with the head, and the names of its classes, that it was saved with."""
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
        CheckpointError: if there is none.
    """
    source = resolve_model(name)
    folder = tokenizer_folder(source)
    check_tokenizer_files(Path(folder))
    with loading(source, "tokenizer"), stderr_on_success(), quiet_library():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **LOAD)
    if not getattr(tokenizer, "is_fast", False):
        raise CheckpointError("has no fast tokenizer", where=name)
    # without tokenizer files transformers makes one that knows nothing but its special tokens
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise CheckpointError(
            "no tokenizer could be read",
            where=name,
            remedy="save the tokenizer beside the model with save_pretrained",
        )
    return check_encodes(tokenizer, name)


def load_untrained(name: str, spec: TaskSpec | None, *, seed: int, attention: str = "sdpa") -> Any:
    """The same architecture with random weights, with the head of a task or none: a baseline."""
    source = resolve_model(name)
    config = read_config(source)
    take_pruned(config)
    kind = transformers.AutoModel
    if spec is not None and spec.masked:
        kind = transformers.AutoModelForMaskedLM
    elif spec is not None:
        kind = transformers.AutoModelForSequenceClassification
        for field, value in head_options(spec.labels, regression=spec.regression).items():
            setattr(config, field, value)
    with loading(source, "model"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind.from_config(config, attn_implementation=attention_for(config, attention))
    return check_runs(model.eval(), name)


def save_classifier(
    model: Any,
    tokenizer: Any,
    folder: Path | str,
    meta: Mapping[str, Any],
    mask: Subnetwork | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Save a folder that stock `from_pretrained` reads, with `subprobe.json` beside the weights.

    The folder is whole or absent, and holds no pickle.

    Args:
        model: a whole model, with or without a task head.
        tokenizer: its tokenizer.
        folder: where to.
        meta: goes into `subprobe.json`.
        mask: a mask that travels along.
        overwrite: write although the folder holds files that subprobe did not write; they stay.

    Raises:
        ConfigError: for a folder with such files.
        CheckpointError: for a smaller model, which stock transformers cannot build, or a head some
            of whose outputs count as one class.
    """
    if kept_units_of(model) is not None:
        raise CheckpointError(
            "a smaller model is no ordinary checkpoint", remedy="save it with save_compact"
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
