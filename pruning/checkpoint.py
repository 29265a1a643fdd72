"""Loading and saving models, with nothing initialised behind the user's back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError

from ..data.atomic import atomic_folder
from ..data.errors import CheckpointError
from ..data.task import TaskSpec
from .checkpoint_files import (
    META_FILE,
    attention_for,
    check_files,
    check_task,
    load_options,
    quiet_library,
    read_config,
    read_meta,
    refuse_missing,
    unreachable,
)
from .compact_files import load_compact
from .living import living_of
from .sources import MASK_FILE, ModelSource, is_compact, resolve_model
from .subnetwork import Subnetwork


def load_encoder(name: str, *, attention: str = "sdpa") -> Any:
    """Load an encoder without a task head, in eval mode.

    Args:
        name: see `resolve_model`; a folder of `subprobe compact` too.
        attention: `sdpa` or `eager`; a family without sdpa always gets eager.

    Raises:
        CheckpointError: if weights are missing, pickled or unreadable.
        UnknownNameError: if the family is not supported.
    """
    source = resolve_model(name)
    if is_compact(source):
        return load_compact(source.location, attention=attention).base_model
    model, info = _load(transformers.AutoModel, source, attention)
    # the pooler feeds task heads alone, and many encoders are published without one
    refuse_missing(source, [key for key in info["missing_keys"] if not key.startswith("pooler.")])
    return model.eval()


def load_classifier(
    name: str,
    spec: TaskSpec,
    *,
    attention: str = "sdpa",
    new_head: bool = False,
    seed: int = 0,
) -> Any:
    """Load a model with the head of a task, in eval mode.

    Args:
        name: see `resolve_model`; without `new_head`, a folder of `subprobe compact` too.
        spec: the task; decides the number of outputs.
        attention: as in `load_encoder`.
        new_head: give the encoder a new head, initialised by `seed`; else the checkpoint must
            bring one for this task.
        seed: the init seed.

    Raises:
        CheckpointError: if weights are missing, pickled or unreadable, or the head is another's.
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
        return load_compact(source.location, spec, attention=attention)
    if not new_head:
        check_task(source, spec)
    names = spec.labels or ("value",)
    options = {
        "num_labels": spec.num_labels,
        "id2label": dict(enumerate(names)),
        "label2id": {label: index for index, label in enumerate(names)},
        "problem_type": "regression" if spec.regression else "single_label_classification",
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, info = _load(
            transformers.AutoModelForSequenceClassification, source, attention, **options
        )
    missing = info["missing_keys"]
    if new_head:
        prefix = f"{model.base_model_prefix}."
        missing = [k for k in missing if k.startswith(prefix) and ".pooler." not in k]
    refuse_missing(source, missing, head=not new_head)
    return model.eval()


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
    if not architecture.endswith("ForSequenceClassification"):
        return load_encoder(name, attention=attention)
    model, info = _load(transformers.AutoModelForSequenceClassification, source, attention)
    refuse_missing(source, info["missing_keys"])
    return model.eval()


def load_tokenizer(name: str) -> Any:
    """Load a model's fast tokenizer.

    Raises:
        CheckpointError: if there is none.
    """
    source = resolve_model(name)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            source.location, **load_options(source)
        )
    except (OSError, ValueError, KeyError, HfHubHTTPError) as error:
        raise unreachable(source, error, "tokenizer") from error
    if not tokenizer.is_fast:
        raise CheckpointError("has no fast tokenizer", where=name)
    # without tokenizer files transformers makes one that knows nothing but its special tokens
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise CheckpointError(
            "no tokenizer could be read",
            where=name,
            remedy="save the tokenizer beside the model with save_pretrained",
        )
    return tokenizer


def load_untrained(name: str, spec: TaskSpec | None, *, seed: int, attention: str = "sdpa") -> Any:
    """The same architecture with random weights, with the head of a task or none: a baseline."""
    source = resolve_model(name)
    config = read_config(source)
    kind = transformers.AutoModel
    if spec is not None:
        kind = transformers.AutoModelForSequenceClassification
        config.num_labels = spec.num_labels
        config.problem_type = "regression" if spec.regression else "single_label_classification"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind.from_config(config, attn_implementation=attention_for(config, attention))
    return model.eval()


def save_classifier(
    model: Any,
    tokenizer: Any,
    folder: Path | str,
    meta: Mapping[str, Any],
    mask: Subnetwork | None = None,
) -> None:
    """Save a folder that stock `from_pretrained` reads, with `subprobe.json` beside the weights.

    The folder is whole or absent, and holds no pickle.

    Args:
        model: a whole model, with or without a task head.
        tokenizer: its tokenizer.
        folder: where to.
        meta: goes into `subprobe.json`.
        mask: a mask that travels along.

    Raises:
        CheckpointError: for a smaller model, which stock transformers cannot build.
    """
    if living_of(model) is not None:
        raise CheckpointError(
            "a smaller model is no ordinary checkpoint", remedy="save it with save_compact"
        )
    with atomic_folder(folder) as temporary, quiet_library():
        model.save_pretrained(temporary, safe_serialization=True)
        tokenizer.save_pretrained(temporary)
        (temporary / META_FILE).write_text(json.dumps(dict(meta), indent=2) + "\n", "utf-8")
        if mask is not None:
            (temporary / MASK_FILE).write_bytes(mask.to_bytes())


# -- one load, checked --------------------------------------------------------------------------


def _load(
    factory: Any, source: ModelSource, attention: str, **options: Any
) -> tuple[Any, dict[str, Any]]:
    config = read_config(source)
    if source.kind != "hub":
        check_files(Path(source.location))
    try:
        with quiet_library():
            model, info = factory.from_pretrained(
                source.location,
                attn_implementation=attention_for(config, attention),
                use_safetensors=True,
                output_loading_info=True,
                dtype=torch.float32,
                **load_options(source),
                **options,
            )
    except SafetensorError as error:
        raise CheckpointError(f"weights are damaged ({error})", where=source.name) from error
    except RuntimeError as error:
        raise CheckpointError(
            "weights do not fit the configuration or the task's number of labels",
            where=source.name,
            remedy="name the model and task that belong together",
        ) from error
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise unreachable(source, error, "weights in safetensors form") from error
    return model, info


__all__ = [
    "ModelSource",
    "load_classifier",
    "load_encoder",
    "load_saved",
    "load_tokenizer",
    "load_untrained",
    "read_meta",
    "resolve_model",
    "save_classifier",
]
