"""Check the sizes in a configuration before memory is allocated for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...data.errors import CheckpointError
from ...data.files.reading import shown

_LAYERS, _HEADS, _WIDTH, _MANY = 1024, 4096, 2**17, 2**24

BOUNDS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(
        ("num_hidden_layers", "n_layers", "num_hidden_groups", "inner_group_num"), (1, _LAYERS)
    ),
    **dict.fromkeys(("num_attention_heads", "n_heads"), (1, _HEADS)),
    **dict.fromkeys(
        ("hidden_size", "dim", "embedding_size", "head_dim", "attention_head_size"), (1, _WIDTH)
    ),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "pooler_hidden_size"), (1, 2**20)),
    **dict.fromkeys(("vocab_size", "max_position_embeddings"), (1, _MANY)),
    **dict.fromkeys(("type_vocab_size", "conv_kernel_size"), (0, 2**16)),
    **dict.fromkeys(("num_labels", "local_attention", "global_attn_every_n_layers"), (1, 2**16)),
    "relative_attention_num_buckets": (1, 2**16),
    **dict.fromkeys(("max_relative_positions", "position_buckets"), (-1, _MANY)),
    "chunk_size_feed_forward": (0, _MANY),
}
"""Field of a configuration -> its minimum and maximum."""

_ACTIVATIONS = (
    "hidden_act",
    "pooler_hidden_act",
    "activation",
    "hidden_activation",
    "classifier_activation",
)
"""Fields that name an activation function."""

_SHARE = 2
"""Maximum ratio of the parameters in a configuration to those in the files."""

_SPARE = 2**24
"""Number of parameters that is always allowed; 64 MB in single precision."""

MOST_PARAMETERS = 2**35
"""Maximum number of parameters in a configuration without weights to compare with."""


def check_fields(raw: Any, where: str) -> None:
    """Raise unless the sizes in a raw configuration are integers within bounds.

    Fields that are missing or null are not checked; transformers sets them.

    Args:
        raw: the content of `config.json`.
        where: the model, for the message.

    Raises:
        CheckpointError: if a field is out of bounds; the message names it.
    """
    if not isinstance(raw, dict):
        raise CheckpointError("its configuration is not a JSON object", where=where)
    for name, (least, most) in BOUNDS.items():
        value = raw.get(name)
        if value is None:
            continue
        if type(value) is not int or not least <= value <= most:
            raise CheckpointError(
                f"{name} in its configuration must be an integer from {least} to {most}, "
                f"got {shown(value)}",
                where=where,
            )
    for name in ("id2label", "label2id"):
        labels = raw.get(name)
        if labels is not None and not isinstance(labels, dict):
            raise CheckpointError(
                f"{name} in its configuration must be an object, got {shown(labels)}", where=where
            )
    classes = raw.get("architectures")
    if classes is not None and not (
        isinstance(classes, list) and all(isinstance(one, str) for one in classes)
    ):
        raise CheckpointError(
            "architectures in its configuration must be a list of class names, "
            f"got {shown(classes)}",
            where=where,
        )
    _check_activations(raw, where)
    if raw.get("transformers_weights") is not None:
        raise CheckpointError(
            f"its configuration names {shown(raw['transformers_weights'])} as the weights file",
            where=where,
            remedy="rename the file to model.safetensors and remove transformers_weights",
        )


def _check_activations(raw: Mapping[str, Any], where: str) -> None:
    from transformers.activations import ACT2FN

    for name in _ACTIVATIONS:
        value = raw.get(name)
        if value is not None and (not isinstance(value, str) or value not in ACT2FN):
            raise CheckpointError(
                f"{name} in its configuration must be an activation that transformers knows, "
                f"got {shown(value)}",
                where=where,
                remedy="name the activation that the model was trained with, such as gelu",
            )


def check_shape(config: Any, where: str) -> None:
    """Raise unless the number of heads divides the hidden size, and the model fits into memory.

    Raises:
        CheckpointError: if not; the message states the sizes.
    """
    width, heads = config.hidden_size, config.num_attention_heads
    if width % heads:
        raise CheckpointError(
            f"the number of heads in its configuration must divide the hidden size {width}, "
            f"got {heads}",
            where=where,
        )
    _compare(config, MOST_PARAMETERS, where, "can be allocated")


def check_against_files(config: Any, stored: int, where: str) -> None:
    """Raise if a configuration implies far more parameters than the files contain.

    Args:
        config: the configuration.
        stored: number of parameters in the files of weights.
        where: the model, for the message.

    Raises:
        CheckpointError: if it does; the message states both numbers.
    """
    _compare(config, _SHARE * stored + _SPARE, where, f"its files contain ({stored:,})")


def _compare(config: Any, most: int, where: str, than: str) -> None:
    asked = parameters_asked(config)
    if asked > most:
        raise CheckpointError(
            f"its configuration implies at least {asked:,} parameters, more than {than}",
            where=where,
            remedy="use the configuration that was saved with the weights",
        )


def parameters_asked(config: Any) -> int:
    """Approximate number of parameters of a configuration: its matrices without biases."""
    width = config.hidden_size
    inner = getattr(config, "intermediate_size", None) or getattr(config, "hidden_dim", 0)
    layers = config.num_hidden_layers
    if getattr(config, "num_hidden_groups", None):
        layers = config.num_hidden_groups * config.inner_group_num
    narrow = getattr(config, "embedding_size", None) or width
    relative = max(
        0, getattr(config, "max_relative_positions", 0), getattr(config, "position_buckets", 0)
    )
    tables = config.vocab_size + config.max_position_embeddings + 2 * relative
    tables += getattr(config, "type_vocab_size", 0)
    return int(layers * (4 * width**2 + 2 * width * inner) + tables * narrow)
