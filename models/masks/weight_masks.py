"""Single weights under a mask: switched off for a while, or held at zero while training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch

from ...data.errors import MaskError
from .subnetwork import Subnetwork


def _pruned(model: Any, subnetwork: Subnetwork) -> list[tuple[torch.nn.Parameter, torch.Tensor]]:
    """Each masked weight with the places where it is dead, bool of the weight's shape.

    Raises:
        MaskError: if the model has no such module, or one of another shape.
    """
    found = []
    for path, mask in subnetwork.weight_masks.items():
        try:
            weight = model.base_model.get_submodule(path).weight
        except AttributeError:
            raise MaskError(
                f"the mask is for {path}, which the model does not have",
                remedy="use the model that the mask was found on",
            ) from None
        if tuple(weight.shape) != mask.shape:
            raise MaskError(
                f"the mask of {path} is {list(mask.shape)}, its weight {list(weight.shape)}",
                remedy="use the model that the mask was found on",
            )
        found.append((weight, torch.from_numpy(~mask).to(weight.device)))
    return found


@torch.no_grad()
def zero_weights(model: Any, subnetwork: Subnetwork | None) -> None:
    """Set the pruned weights of `subnetwork` to zero for good.

    Raises:
        MaskError: if the mask does not fit the model; no weight is changed then.
    """
    for weight, dead in _pruned(model, subnetwork) if subnetwork else ():
        weight.masked_fill_(dead, 0)


@contextmanager
def without_weights(model: Any, subnetwork: Subnetwork) -> Iterator[None]:
    """Inside, the pruned weights of `subnetwork` are zero; afterwards they are what they were.

    Only their old values are kept meanwhile, no copy of the model.

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
    """Keeps the pruned weights of a subnetwork at zero while a model trains.

    Their gradient is zero, so AdamW's moments stay zero, and weight decay takes a share of zero:
    they are exactly zero after any number of steps.

    Raises:
        MaskError: if the mask does not fit the model.
    """

    def __init__(self, model: Any, subnetwork: Subnetwork | None):
        self._model, self._subnetwork = model, subnetwork
        self._pruned = _pruned(model, subnetwork) if subnetwork else []
        self._hooks = ExitStack()

    @torch.no_grad()
    def begin(self, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Set pruned weights to zero, and what an optimiser that already ran remembers of them."""
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
        """Take the hooks off again; pruned weights stay zero."""
        self._hooks.close()


@contextmanager
def held_at_zero(model: Any, subnetwork: Subnetwork | None) -> Iterator[None]:
    """Train inside: pruned weights are zero, and no step moves them (see `WeightHold`).

    Raises:
        MaskError: if the mask does not fit the model.
    """
    hold = WeightHold(model, subnetwork)
    hold.begin()
    try:
        yield
    finally:
        hold.end()
