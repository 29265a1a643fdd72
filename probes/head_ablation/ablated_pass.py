"""One hidden state of some texts, from the intact model and with each head ablated in turn.

The layers below a head do not depend on it: they are computed once per batch and reused, which
saves about half of the computation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

from ...data.errors import InputError
from ...models.encoder.evaluating import evaluating
from ...models.encoder.kept_units import kept_units_of
from ...models.encoder.layer_hooks import LayerHooks
from ...models.encoder.replay import Replay
from ...models.masks.gates import Gates, gated
from ..forward.base import BatchView, Context
from ..forward.batch import batch_view
from ..forward.eval_mode import forward
from ..forward.texts import Texts
from .readers import Floats, Reader

Head = tuple[int, int]


def acting_heads(context: Context, state: int) -> list[Head]:
    """(layer, head) of the kept heads below a state, 0 = embeddings."""
    alive = context.alive.copy()
    if present := kept_units_of(context.model):
        for layer, heads in enumerate(present.heads):
            alive[layer, np.setdiff1d(np.arange(alive.shape[1]), heads)] = False
    return [(int(layer), int(head)) for layer, head in np.argwhere(alive[:state])]


def ablated_totals(
    context: Context,
    texts: Texts,
    state: int,
    readers: Sequence[Reader],
    *,
    batch_size: int = 32,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Floats]:
    """The score of each reader on a hidden state of every text.

    Args:
        context: the model with its mask.
        texts: the N texts.
        state: which is read, 1..L.
        readers: what reads it.
        batch_size: texts per forward pass.
        advance: called with the number of texts done.

    Returns:
        of each reader [1 + A, N]: as the model is, then without each of its A acting heads.

    Raises:
        InputError: if states contain NaN or infinity.
    """
    model, anatomy, encoded = context.model, context.anatomy, texts.encoded
    heads = acting_heads(context, state)
    found = [np.zeros((1 + len(heads), len(encoded))) for _ in readers]
    order = sorted(range(len(encoded)), key=lambda i: -len(encoded[i].input_ids))
    with ExitStack() as stack:
        stack.enter_context(evaluating(model))
        stack.enter_context(gated(model, context.subnetwork))
        # gates are read at each call, so that an entry changed in place switches a head off
        gates = torch.ones(anatomy.num_layers, anatomy.num_heads)
        stack.enter_context(Gates(model, gates))
        seen = stack.enter_context(_state(context, state))
        stack.enter_context(torch.inference_mode())
        for start in range(0, len(order), batch_size):
            chosen = np.array(order[start : start + batch_size])
            batch = batch_view(context, texts.examples, encoded, texts.words, chosen)

            def note(place: int, batch: BatchView = batch) -> None:
                forward(model, anatomy, batch, maps=False)
                words = _words(batch, seen.pop(), state)
                for table, reader in zip(found, readers, strict=True):
                    table[place, batch.position] = reader.right(batch.position, words)

            with Replay(model, anatomy) as replay:
                note(0)
                for place, (layer, head) in enumerate(heads, start=1):
                    with replay.up_to(layer):
                        gates[layer, head] = 0
                        note(place)
                        gates[layer, head] = 1
            advance(len(chosen))
    return found


def _words(batch: BatchView, states: torch.Tensor, number: int) -> torch.Tensor:
    """The mean over each word's pieces [B, W, D], as fine as states are gathered.

    Raises:
        InputError: if they contain NaN or infinity.
    """
    words: torch.Tensor = batch.source.float() @ states.float()
    if not bool(words.isfinite().all()):
        raise InputError(
            f"hidden state {number} contains NaN or infinity", remedy="check the model's weights"
        )
    return words


@contextmanager
def _state(context: Context, state: int) -> Iterator[list[torch.Tensor]]:
    """A list that takes one state [B, S, D] of each pass inside."""
    seen: list[torch.Tensor] = []

    def look(_module: Any, _args: Any, output: Any) -> None:
        seen[:] = [output[0] if isinstance(output, tuple) else output]

    model, anatomy = context.model, context.anatomy
    with ExitStack() as stack:
        hooks = LayerHooks(model, anatomy, stack)
        hooks.after(state - 1, anatomy.states_module(model, state - 1), look)
        yield seen
