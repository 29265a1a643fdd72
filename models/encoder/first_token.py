"""A last layer that is computed for the first token alone, where nobody reads more of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from .anatomy import anatomy_of
from .layer_hooks import LayerHooks


@contextmanager
def classified_token_alone(model: Any) -> Iterator[None]:
    """Leave out what the last layer computes for tokens that the task head does not read.

    The logits stay, within 1e-5. Models whose head reads more than the first token run as ever.

    Args:
        model: a transformers encoder with a task head; hooks are taken off at the end.
    """
    classifier = type(model).__name__.endswith("ForSequenceClassification")
    with ExitStack() as stack:
        if classifier and _is_own(model) and anatomy_of(model).row.head_reads_first:
            stack.enter_context(first_token_alone(model))
        yield


@contextmanager
def first_token_alone(model: Any) -> Iterator[None]:
    """Leave out what the last layer computes for other tokens than the first, after its maps.

    The first token still attends to all of them, and no attention map changes. What comes after,
    the output projection, the LayerNorms and the MLP, works token by token: of the first token
    alone it costs next to nothing. The last hidden state is [B, 1, D] meanwhile. Families that do
    not normalise after attention run as ever.

    Args:
        model: a transformers encoder, with or without a task head; hooks are taken off at the end.
    """
    anatomy, last = anatomy_of(model), anatomy_of(model).num_layers - 1
    chunked = getattr(model.config, "chunk_size_feed_forward", 0)  # cuts along the tokens
    with ExitStack() as stack:
        if anatomy.row.attention_norm and not chunked and _is_own(model.base_model):
            hooks = LayerHooks(model, anatomy, stack)
            hooks.before(last, anatomy.attention_projection(model, last), _first)
            # its input is the sum with the residual, which still has every token
            hooks.before(last, anatomy.attention_norm(model, last), _first)
        yield


def _first(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first token [B, 1, ...] of the first argument [B, S, ...]."""
    return (args[0][:, :1], *args[1:])


def _is_own(model: Any) -> bool:
    """Whether the class is transformers' own, of which it is known what it reads."""
    return type(model).__module__.startswith("transformers.models.")
