"""Predictions of a task model while a property is erased from one of its hidden states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...models.encoder.evaluating import evaluating
from ...models.encoder.layer_hooks import LayerHooks
from ...models.masks.gates import gated
from ..forward.base import Context
from ..forward.batch import batch_view
from ..forward.texts import Texts
from .eraser import Eraser


def erased_logits(
    context: Context,
    texts: Texts,
    erasers: Callable[[], Iterator[tuple[int, Eraser] | None]],
    *,
    words_alone: bool = False,
    batch_size: int = 32,
    advance: Callable[[int], None] = lambda _: None,
) -> list[npt.NDArray[np.float64]]:
    """Logits under each of several erasures.

    The model is run as its mask has it; from the erased state on, each layer reads what the erasure
    has left.

    Args:
        context: a model with a task head, and its mask.
        texts: what it reads, the N texts.
        erasers: gives each erasure, a state and its eraser; None = nothing is erased.
        words_alone: whether special tokens are left as they are.
        batch_size: texts per forward pass.
        advance: called with the number of texts done under one erasure.

    Returns:
        of each erasure [N, K]; NaN and infinity become 0, which amounts to guessing.
    """
    model, encoded = context.model, texts.encoded
    order = sorted(range(len(encoded)), key=lambda i: -len(encoded[i].input_ids))
    found: list[npt.NDArray[np.float64]] = [np.zeros((len(order), 0)) for _ in erasers()]
    with ExitStack() as stack:
        stack.enter_context(evaluating(model))
        stack.enter_context(gated(model, context.subnetwork))
        stack.enter_context(torch.inference_mode())
        for start in range(0, len(order), batch_size):
            chosen = np.array(order[start : start + batch_size])
            batch = batch_view(context, texts.examples, encoded, texts.words, chosen)
            where = batch.real & ~batch.special if words_alone else batch.real
            for place, erasure in enumerate(erasers()):
                with _erasing(context, erasure, where):
                    logits = model(**batch.inputs).logits.double().cpu().numpy()
                if not found[place].size:
                    found[place] = np.zeros((len(order), logits.shape[1]))
                found[place][chosen] = np.where(np.isfinite(logits), logits, 0.0)
                advance(len(chosen))
    return found


@contextmanager
def _erasing(
    context: Context, erasure: tuple[int, Eraser] | None, where: torch.Tensor
) -> Iterator[None]:
    """Erase one state of a batch at some tokens.

    Args:
        context: the model.
        erasure: the state, 0 = embeddings, and the eraser; None = nothing.
        where: at which tokens [B, S].
    """
    if erasure is None:
        yield
        return
    layer, eraser = erasure

    def changed(states: torch.Tensor) -> torch.Tensor:
        return torch.where(where[..., None], eraser(states), states)

    def after(_module: Any, _args: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (changed(output[0]), *output[1:])
        return changed(output)

    def before(_module: Any, args: Any, kwargs: Any) -> Any:
        if args:
            return (changed(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": changed(kwargs["hidden_states"])}

    model, anatomy = context.model, context.anatomy
    with ExitStack() as stack:
        hooks = LayerHooks(model, anatomy, stack)
        if layer:
            hooks.after(layer - 1, anatomy.states_module(model, layer - 1), after)
        else:
            hooks.before_with_kwargs(0, anatomy.block(model, 0), before)
        yield
