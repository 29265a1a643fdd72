"""Compute the last layer only for the first token, if nothing else reads the other tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from .anatomy import anatomy_of
from .layer_hooks import LayerHooks


@contextmanager
def classified_token_alone(model: Any) -> Iterator[None]:
    """Skip computations of the last layer for tokens that the task head does not read.

    The logits stay the same within 1e-5. Models whose head reads more than the first token are not
    changed.

    Args:
        model: a transformers encoder with a task head; its hooks are removed at the end.
    """
    classifier = type(model).__name__.endswith("ForSequenceClassification")
    with ExitStack() as stack:
        if classifier and _is_own(model) and anatomy_of(model).row.head_reads_first:
            stack.enter_context(first_token_alone(model))
        yield


@contextmanager
def first_token_alone(model: Any) -> Iterator[None]:
    """Skip computations of the last layer, after its attention maps, for all but the first token.

    The first token still attends to all tokens, and no attention map changes. The output
    projection, the LayerNorms and the MLP that follow work on each token separately, so that their
    cost for the first token alone is negligible. The last hidden state is [B, 1, D] inside the
    context. Families that do not normalise after attention are not changed.

    Args:
        model: a transformers encoder, with or without a task head; its hooks are removed at the
            end.
    """
    anatomy, last = anatomy_of(model), anatomy_of(model).num_layers - 1
    chunked = getattr(model.config, "chunk_size_feed_forward", 0)  # slices along the tokens
    with ExitStack() as stack:
        if anatomy.row.attention_norm and not chunked and _is_own(model.base_model):
            hooks = LayerHooks(model, anatomy, stack)
            hooks.before(last, anatomy.attention_projection(model, last), _first)
            # its input is the sum with the residual, which still has all tokens
            hooks.before(last, anatomy.attention_norm(model, last), _first)
        yield


def _first(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Reduce the first argument [B, S, ...] to its first token [B, 1, ...]."""
    return (args[0][:, :1], *args[1:])


def _is_own(model: Any) -> bool:
    """Whether the class is one of transformers, for which the tokens that it reads are known."""
    return type(model).__module__.startswith("transformers.models.")
