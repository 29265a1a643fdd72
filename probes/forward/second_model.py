"""A second model for comparison: its maps of the same batch, layer by layer.

An optional delivery of the shared pass, for probes that compare a model with the one that it was
made from. The reference runs a batch first and its L maps are held; the model then runs the same
batch, and each map of the reference is dropped once its layer has been compared. What is held at a
time is therefore one batch's maps of one model, and batches of long texts are made smaller so that
these take at most `HELD_BYTES`, or one text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from ...data.errors import ConfigError, SubprobeError
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.evaluating import evaluating
from ...models.encoder.first_token import first_token_alone
from ...models.encoder.kept_units import kept_units_of
from ...models.encoder.layer_hooks import LayerHooks
from .base import BatchView, Context, Probe
from .eval_mode import eager_attention, forward

HELD_BYTES = 2**26
"""Memory limit for the maps of the reference: 64 MiB."""


def padded_length(probes: Sequence[Probe]) -> int:
    """The length in subwords that some probe pads every text to; 0 = the longest of its batch."""
    return max((probe.padded_to for probe in probes), default=0)


def batch_limit(context: Context, length: int) -> int:
    """Number of texts of this length whose maps of all layers fit into `HELD_BYTES`, at least 1."""
    anatomy = context.anatomy
    text = anatomy.num_layers * anatomy.num_heads * length**2 * context.model.dtype.itemsize
    return max(1, HELD_BYTES // int(text))


def check_reference(context: Context) -> None:
    """Raise unless the reference can be compared with the model head by head.

    Raises:
        ConfigError: saying what differs.
    """
    model, reference = context.model, context.reference
    if reference is None:
        raise ConfigError("no reference model", remedy="add a reference model to the context")
    if reference.base_model is model.base_model:
        raise ConfigError(
            "the reference and the model are the same object",
            remedy="load it a second time: a mask applies only to one of them",
        )
    if kept_units_of(reference) is not None:
        raise ConfigError(
            "the reference is a compact model from which heads were removed",
            remedy="compare with the full model that it was made from",
        )
    ours, theirs = context.anatomy, anatomy_of(reference)
    facts = {
        "family": (ours.family, theirs.family),
        "layers": (ours.num_layers, theirs.num_layers),
        "heads": (ours.num_heads, theirs.num_heads),
        "subwords in the vocabulary": (model.config.vocab_size, reference.config.vocab_size),
    }
    for name, (mine, other) in facts.items():
        if mine != other:
            raise ConfigError(
                f"{name}: the model has {mine}, the reference {other}",
                remedy="compare with the encoder that the model was fine-tuned from",
            )


class ReferencePass:
    """Runs the reference on a batch and holds its maps until they are taken.

    Args:
        context: the model and its reference.
        stack: takes the hooks off the reference when it is closed.
    """

    def __init__(self, context: Context, stack: ExitStack):
        self._model: Any = context.reference
        self._anatomy = context.anatomy
        self._held: dict[int, torch.Tensor] = {}
        stack.callback(self._held.clear)
        hooks = LayerHooks(self._model, self._anatomy, stack)
        for layer in range(self._anatomy.num_layers):
            module = self._anatomy.attention_module(self._model, layer)
            hooks.after(layer, module, self._holder(layer))

    def run(self, batch: BatchView) -> None:
        """Store the maps of one batch.

        Raises:
            SubprobeError: if a layer gave none.
        """
        self._held.clear()
        forward(self._model, self._anatomy, batch, maps=True)
        missing = sorted(set(range(self._anatomy.num_layers)) - set(self._held))
        if missing:
            raise SubprobeError(
                f"layer {missing[0]} of the reference model delivered no attention",
                remedy="compare with a model of a supported family under eager attention",
            )

    def take(self, layer: int) -> torch.Tensor:
        """Return the maps [B, H, S, S] of one layer and release them."""
        return self._held.pop(layer)

    def _holder(self, layer: int) -> Callable[..., Any]:
        def hook(_module: Any, _args: Any, output: Any) -> Any:
            if not isinstance(output, tuple) or len(output) < 2 or output[1] is None:
                return None
            self._held[layer] = output[1]
            return (output[0], None, *output[2:])

        return hook


@contextmanager
def reference_pass(context: Context, probes: Sequence[Probe]) -> Iterator[ReferencePass | None]:
    """The pass of the reference if a probe compares, else None; hooks are always taken off.

    Raises:
        ConfigError: as `check_reference`.
    """
    if not any(probe.needs_reference for probe in probes):
        yield None
        return
    check_reference(context)
    with ExitStack() as stack:
        stack.enter_context(evaluating(context.reference))
        stack.enter_context(eager_attention(context.reference))
        stack.enter_context(first_token_alone(context.reference))
        yield ReferencePass(context, stack)
