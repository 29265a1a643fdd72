"""Load a checkpoint from any supported form of weights, and report missing ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from ...data.errors import CheckpointError
from ..folder.adapters import adapter_weights, base_of, check_peft, has_adapter, merged
from ..folder.asked_sizes import check_against_files
from ..folder.checkpoint_files import (
    LOAD,
    attention_for,
    check_files,
    folder_of,
    loading,
    quiet_library,
    read_config,
)
from ..folder.sources import ModelSource
from ..folder.stored_weights import plain_names, read_tensors, stored_types
from ..folder.weight_files import stored_parameters, weight_files
from .pruned_heads import lose_heads, pruned_mask, take_pruned, whole_again
from .trial import check_runs

ENCODERS = transformers.MODEL_MAPPING
"""Configuration -> class without a head."""

CLASSIFIERS = transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
"""Configuration -> class with a head for complete texts."""

LANGUAGE_MODELS = transformers.MODEL_FOR_MASKED_LM_MAPPING
"""Configuration -> class with a head that predicts masked pieces."""

State = dict[str, torch.Tensor]

_HEADS = ("classifier.", "qa_outputs.")
"""Name prefixes of the weights of task heads in all families; language-model heads have others."""


def load(
    source: ModelSource,
    attention: str,
    *,
    classes: Any,
    new_head: bool = False,
    **options: Any,
) -> tuple[Any, list[str]]:
    """Build a model from a checkpoint; missing weights are drawn from the current random state.

    Args:
        source: the checkpoint.
        attention: see `load_encoder`.
        classes: `ENCODERS`, `CLASSIFIERS` or `LANGUAGE_MODELS`.
        new_head: ignore a stored head.
        options: fields of the configuration to override.

    Returns:
        The model, and the names of the weights that the checkpoint lacks.

    Raises:
        CheckpointError: if weights are pickled, quantised or damaged, do not fit, or belong to an
            adapter that cannot be merged.
        UnknownNameError: if the family is not supported.
    """
    config = read_config(source, **options)
    kind = classes[type(config)]
    folder, state = _stored(source, config, kind)
    if new_head:
        state = _without_head(source, folder, state, config, kind)
    pruned, mask = take_pruned(config), None
    if any(pruned.values()):
        frame = skeleton(kind, config)
        mask = pruned_mask(pruned, frame, source.name)
        state = whole_again(_read(source, folder, state, config), frame, mask)
    model, missing = _built(kind, source, attention, config, None if state else folder, state)
    if mask is not None:
        lose_heads(model, mask)
    return model, missing


def with_random_weights(
    kind: Any, source: ModelSource, config: Any, *, seed: int, attention: str
) -> Any:
    """Build a model without reading its weights, in eval mode; pruned heads are there again.

    Args:
        kind: an `AutoModel` class, which decides the head.
        source: the checkpoint.
        config: its configuration.
        seed: the init seed.
        attention: see `load_encoder`.

    Raises:
        CheckpointError: if the model cannot be built or does not run.
    """
    take_pruned(config)
    with loading(source, "model"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind.from_config(config, attn_implementation=attention_for(config, attention))
    return check_runs(model.eval(), source.name)


def skeleton(kind: Any, config: Any) -> Any:
    """A model with only the names and shapes of its weights, without memory for them."""
    with torch.device("meta"):
        return kind._from_config(config)


def has_head(source: ModelSource) -> bool:
    """Whether a checkpoint contains a task head; a language-model head does not count.

    Raises:
        CheckpointError: as in `load`.
    """
    return any(name.startswith(_HEADS) for name in weight_names(source))


def weight_names(source: ModelSource) -> set[str]:
    """The names of the weights that a checkpoint holds, its adapter's included.

    Raises:
        CheckpointError: as `load`.
    """
    folder = Path(folder_of(source, "weights in safetensors form"))
    names: set[str] = set()
    if has_adapter(folder):
        names |= {*adapter_weights(folder, source.name)}
        folder = Path(folder_of(base_of(source, folder), "weights in safetensors form"))
    check_files(folder, source.name)
    return names | {*_names(source, folder, read_config(source)).values()}


# -- what is stored --------------------------------------------------------------------------------


def _stored(source: ModelSource, config: Any, kind: Any) -> tuple[Path, State | None]:
    """The folder of a checkpoint's weights, and the weights themselves if they must be converted.

    Raises:
        CheckpointError: as in `load`.
    """
    folder = Path(folder_of(source, "weights in safetensors form"))
    if not has_adapter(folder):
        check_files(folder, source.name)
        check_against_files(config, stored_parameters(weight_files(folder)), source.name)
        names = _names(source, folder, config)
        changed = any(name != new for name, new in names.items())
        return folder, _read(source, folder, None, config) if changed else None
    check_peft(folder, source.name)
    base = base_of(source, folder)
    beside = Path(folder_of(base, "weights in safetensors form"))
    check_files(beside, source.name)
    check_against_files(config, stored_parameters(weight_files(beside)), source.name)
    if beside != folder and has_adapter(beside):
        raise CheckpointError(
            f"the base of its adapter, {base.name}, contains an adapter too",
            where=source.name,
            remedy="merge that one first and save the full model",
        )
    brought = adapter_weights(folder, source.name)
    own = read_config(source)
    prefix = f"{kind.base_model_prefix}."
    outside = any(name.startswith((prefix, *_HEADS)) for name in brought)
    classified = any(name.startswith(_HEADS) for name in brought)
    language = kind is LANGUAGE_MODELS.get(type(config), None)
    whole = (CLASSIFIERS if outside else ENCODERS)[type(own)]
    if language and outside and not classified:
        whole = kind
    state = _read(source, beside, None, own)
    model, missing = _built(whole, source, "eager", own, None, state)
    merged_state = merged(model, folder, source.name).state_dict()
    random = {name for name in missing if name not in brought}
    found = {name: value for name, value in merged_state.items() if name not in random}
    if language:
        if not outside:
            found = {f"{prefix}{name}": value for name, value in found.items()}
        # the base may have a masked-LM head, which the adapted model was built without
        found |= {name: state[name] for name in _outside(kind, config) & {*state} - {*found}}
    return beside, found


def _outside(kind: Any, config: Any) -> set[str]:
    """The names of the weights outside the encoder."""
    prefix = f"{kind.base_model_prefix}."
    names = (name for name, _ in skeleton(kind, config).named_parameters())
    return {name for name in names if not name.startswith(prefix)}


def _names(source: ModelSource, folder: Path, config: Any) -> dict[str, str]:
    base = transformers.MODEL_MAPPING[type(config)].base_model_prefix
    stored = stored_types(weight_files(folder), source.name)
    return plain_names(stored, config, base, source.name)


def _read(source: ModelSource, folder: Path, state: State | None, config: Any) -> State:
    """The converted weights if there are any, else those of the folder under their plain names."""
    if state is not None:
        return state
    names = _names(source, folder, config)
    return read_tensors(weight_files(folder), names, source.name)


def _without_head(
    source: ModelSource, folder: Path, state: State | None, config: Any, kind: Any
) -> State | None:
    """The weights without those of a task head; None if there is no task head in the folder."""
    stored = set(state) if state else set(_names(source, folder, config).values())
    if not any(name.startswith(_HEADS) for name in stored):
        return state
    outside = _outside(kind, config)
    found = _read(source, folder, state, config)
    return {name: tensor for name, tensor in found.items() if name not in outside}


def _built(
    kind: Any,
    source: ModelSource,
    attention: str,
    config: Any,
    folder: Path | None,
    state: State | None,
) -> tuple[Any, list[str]]:
    """Build the model from a folder or from weights; also return the names of missing weights."""
    with loading(source, "weights in safetensors form"), quiet_library():
        try:
            model, info = kind.from_pretrained(
                folder,
                config=config,
                state_dict=state,
                attn_implementation=attention_for(config, attention),
                use_safetensors=True,
                output_loading_info=True,
                dtype=torch.float32,
                **LOAD,
            )
        except SafetensorError as error:
            raise CheckpointError(f"weights are damaged ({error})", where=source.name) from error
        except RuntimeError as error:
            raise CheckpointError(
                "weights do not fit the configuration or the task's number of labels",
                where=source.name,
                remedy="name the model and task that belong together",
            ) from error
    return model, sorted(info["missing_keys"])
