"""What a configuration may ask for, checked before anything of that size is allocated."""

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
"""Field of a configuration -> the least and the most that it may ask for."""

_ACTIVATIONS = (
    "hidden_act",
    "pooler_hidden_act",
    "activation",
    "hidden_activation",
    "classifier_activation",
)
"""Fields that name an activation function."""

_SHARE = 2
"""How many times the parameters of its files a configuration may ask for: heads and poolers."""

_SPARE = 2**24
"""Parameters that are allowed whatever the files hold; 64 MB in single precision."""

MOST_PARAMETERS = 2**35
"""Parameters that a configuration may ask for without weights to compare with."""


def check_fields(raw: Any, where: str) -> None:
    """Raise unless the sizes in a configuration as it was written are whole numbers in bounds.

    A field that is missing or null is left to the library.

    Args:
        raw: what `config.json` holds.
        where: the model, for the message.

    Raises:
        CheckpointError: naming the field.
    """
    if not isinstance(raw, dict):
        raise CheckpointError("its configuration is not a JSON object", where=where)
    for name, (least, most) in BOUNDS.items():
        value = raw.get(name)
        if value is None:
            continue
        if type(value) is not int or not least <= value <= most:
            raise CheckpointError(
                f"its configuration asks for {name} = {shown(value)}, not a whole number from "
                f"{least} to {most}",
                where=where,
            )
    for name in ("id2label", "label2id"):
        labels = raw.get(name)
        if labels is not None and not isinstance(labels, dict):
            raise CheckpointError(
                f"its configuration holds {shown(labels)} as {name}, not an object", where=where
            )
    classes = raw.get("architectures")
    if classes is not None and not (
        isinstance(classes, list) and all(isinstance(one, str) for one in classes)
    ):
        raise CheckpointError(
            f"its configuration holds {shown(classes)} as architectures, not a list of class names",
            where=where,
        )
    _check_activations(raw, where)
    if raw.get("transformers_weights") is not None:
        raise CheckpointError(
            f"its configuration names {shown(raw['transformers_weights'])} as the file of weights",
            where=where,
            remedy="name the file model.safetensors and remove transformers_weights",
        )


def _check_activations(raw: Mapping[str, Any], where: str) -> None:
    from transformers.activations import ACT2FN

    for name in _ACTIVATIONS:
        value = raw.get(name)
        if value is not None and (not isinstance(value, str) or value not in ACT2FN):
            raise CheckpointError(
                f"its configuration asks for {name} = {shown(value)}, no activation that "
                "transformers knows",
                where=where,
                remedy="give the name that the model was trained with, such as gelu",
            )


def check_shape(config: Any, where: str) -> None:
    """Raise unless the heads of a configuration share its width, and it can be allocated at all.

    Raises:
        CheckpointError: with the sizes.
    """
    width, heads = config.hidden_size, config.num_attention_heads
    if width % heads:
        raise CheckpointError(
            f"its configuration asks for {heads} heads, which do not divide the hidden size of "
            f"{width}",
            where=where,
        )
    _compare(config, MOST_PARAMETERS, where, "can be allocated")


def check_against_files(config: Any, stored: int, where: str) -> None:
    """Raise if a configuration asks for far more parameters than its files hold.

    Args:
        config: the configuration.
        stored: numbers in the files of weights.
        where: the model, for the message.

    Raises:
        CheckpointError: with both numbers.
    """
    _compare(config, _SHARE * stored + _SPARE, where, f"its weights hold ({stored:,})")


def _compare(config: Any, most: int, where: str, than: str) -> None:
    asked = parameters_asked(config)
    if asked > most:
        raise CheckpointError(
            f"its configuration asks for {asked:,} parameters or more, more than {than}",
            where=where,
            remedy="give the configuration that the weights were saved with",
        )


def parameters_asked(config: Any) -> int:
    """About how many parameters a configuration asks for: its matrices, biases left out."""
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
