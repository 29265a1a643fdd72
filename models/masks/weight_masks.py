"""Prune single weights temporarily, permanently or during training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch

from ...data.errors import MaskError
from .subnetwork import Subnetwork


def _pruned(model: Any, subnetwork: Subnetwork) -> list[tuple[torch.nn.Parameter, torch.Tensor]]:
    """Each masked weight with its pruned positions, bool in the shape of the weight.

    Raises:
        MaskError: if the model does not have a module, or its weight has another shape.
    """
    found = []
    for path, mask in subnetwork.weight_masks.items():
        try:
            weight = model.base_model.get_submodule(path).weight
        except AttributeError:
            raise MaskError(
                f"the model does not have the module {path} of the mask",
                remedy="use the model on which the mask was found",
            ) from None
        if tuple(weight.shape) != mask.shape:
            raise MaskError(
                f"the mask of {path} has the shape {list(mask.shape)}, but its weight has "
                f"{list(weight.shape)}",
                remedy="use the model on which the mask was found",
            )
        found.append((weight, torch.from_numpy(~mask).to(weight.device)))
    return found


@torch.no_grad()
def zero_weights(model: Any, subnetwork: Subnetwork | None) -> None:
    """Set the pruned weights of `subnetwork` to zero permanently.

    Raises:
        MaskError: if the mask does not fit the model; no weight is then changed.
    """
    for weight, dead in _pruned(model, subnetwork) if subnetwork else ():
        weight.masked_fill_(dead, 0)


@contextmanager
def without_weights(model: Any, subnetwork: Subnetwork) -> Iterator[None]:
    """Set the pruned weights of `subnetwork` to zero inside the context, then restore them.

    Only their old values are stored, not a copy of the model.

    Raises:
        MaskError: if the mask does not fit the model.
    """
    pruned = _pruned(model, subnetwork)
    kept = [weight.detach()[dead].clone() for weight, dead in pruned]
    zero_weights(model, subnetwork)
    try:
        yield
    finally:
        with torch.no_grad():
            for (weight, dead), values in zip(pruned, kept, strict=True):
                weight[dead] = values


class WeightHold:
    """Keeps the pruned weights of a subnetwork at zero during training.

    Their gradient is zero, so that the moments of AdamW stay zero, and weight decay multiplies
    zeros. They therefore stay exactly zero after any number of steps.

    Raises:
        MaskError: if the mask does not fit the model.
    """

    def __init__(self, model: Any, subnetwork: Subnetwork | None):
        self._model, self._subnetwork = model, subnetwork
        self._pruned = _pruned(model, subnetwork) if subnetwork else []
        self._hooks = ExitStack()

    @torch.no_grad()
    def begin(self, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Set pruned weights, and their state in an optimiser that has already run, to zero."""
        zero_weights(self._model, self._subnetwork)
        for weight, dead in self._pruned:
            mask_gradient = partial(torch.Tensor.masked_fill, mask=dead, value=0)
            hook = weight.register_hook(mask_gradient)  # type: ignore[no-untyped-call]
            self._hooks.callback(hook.remove)
            memory = optimizer.state.get(weight, {}) if optimizer else {}
            for value in memory.values():
                if isinstance(value, torch.Tensor) and value.shape == weight.shape:
                    value.masked_fill_(dead, 0)

    def end(self) -> None:
        """Remove the hooks; pruned weights stay zero."""
        self._hooks.close()


@contextmanager
def held_at_zero(model: Any, subnetwork: Subnetwork | None) -> Iterator[None]:
    """Context for training in which pruned weights stay zero (see `WeightHold`).

    Raises:
        MaskError: if the mask does not fit the model.
    """
    hold = WeightHold(model, subnetwork)
    hold.begin()
    try:
        yield
    finally:
        hold.end()
