"""A last layer that is computed for the first token alone, where a task head reads nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from .anatomy import anatomy_of
from .layer_hooks import LayerHooks


@contextmanager
def first_token_alone(model: Any) -> Iterator[None]:
    """Leave out what the last layer computes for other tokens than the first; the logits stay.

    The first token still attends to all of them. What comes after it, the output projection, the
    LayerNorms and the MLP, works token by token: of the first token alone it costs next to nothing.
    The last hidden state is [B, 1, D] meanwhile. Models whose head reads more tokens run as ever.

    Args:
        model: a transformers encoder with a task head; hooks are taken off at the end.
    """
    if not _reads_first_token(model):
        yield
        return
    anatomy = anatomy_of(model)
    last = anatomy.num_layers - 1
    with ExitStack() as stack:
        hooks = LayerHooks(model, anatomy, stack)
        hooks.before(last, anatomy.attention_projection(model, last), _first)
        # its input is the sum with the residual, which still has every token
        hooks.before(last, anatomy.attention_norm(model, last), _first)
        yield


def _first(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first token [B, 1, ...] of the first argument [B, S, ...]."""
    return (args[0][:, :1], *args[1:])


def _reads_first_token(model: Any) -> bool:
    """Whether this is the family's own classifier, and it reads the first token alone."""
    own = type(model).__module__.startswith("transformers.models.")
    whole = not getattr(model.config, "chunk_size_feed_forward", 0)  # else cut along the tokens
    classifier = type(model).__name__.endswith("ForSequenceClassification")
    return own and whole and classifier and anatomy_of(model).row.head_reads_first
