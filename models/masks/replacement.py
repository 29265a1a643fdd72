"""What replaces the outputs of pruned units in the pass that runs now.

`replacement_of` is the one place that knows the ablations. A replacement is entered before the
gates are attached, so that it may read the inputs of each pass in hooks of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch

from ...data.errors import MaskError
from ..encoder.anatomy import anatomy_of
from ..partners.replaced_states import PartnerStates
from .constants import CONSTANT
from .subnetwork import Subnetwork


class Replacement(Protocol):
    """The outputs that replace those of pruned units; None = zeros.

    An axis S of positions may be 1 (the same at all positions) or of any length: longer ones are
    cut to the length of the input, and in shorter ones the last row holds for all later positions.
    """

    def head(self, layer: int) -> torch.Tensor | None:
        """Inputs of the output projection, [H, d], [S, H, d] or [B, S, H, d]."""

    def mlp(self, layer: int) -> torch.Tensor | None:
        """Outputs of the second dense layer of the MLP, [D], [S, D] or [B, S, D]."""

    def neuron(self, layer: int) -> torch.Tensor | None:
        """Inputs of the second dense layer of the MLP, [F], [S, F] or [B, S, F]."""


class Zeros:
    """Nothing: the ablation of the study."""

    def __enter__(self) -> Zeros:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def head(self, _layer: int) -> None:
        """Zeros."""

    mlp = neuron = head


class FixedOutputs:
    """Constants that do not depend on the input, from a mapping by type of unit.

    Args:
        constants: `head` [L, H, d], `mlp` [L, D] and `neuron` [L, F], or with a leading axis P of
            positions; tensors may require grad, and missing types are zeros.
        by_position: whether the axis P is there.
    """

    def __init__(self, constants: dict[str, torch.Tensor], *, by_position: bool = False):
        # [P, L, ...] -> [L, P, ...]
        self._rows = {
            name: one.transpose(0, 1) if by_position else one for name, one in constants.items()
        }

    def __enter__(self) -> FixedOutputs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def _of(self, name: str, layer: int) -> torch.Tensor | None:
        rows = self._rows.get(name)
        return None if rows is None else rows[layer]

    def head(self, layer: int) -> torch.Tensor | None:
        """Constants of heads, [H, d] or [P, H, d]."""
        return self._of("head", layer)

    def mlp(self, layer: int) -> torch.Tensor | None:
        """Constants of the MLP, [D] or [P, D]."""
        return self._of("mlp", layer)

    def neuron(self, layer: int) -> torch.Tensor | None:
        """Constants of neurons, [F] or [P, F]."""
        return self._of("neuron", layer)


def replacement_of(model: Any, subnetwork: Subnetwork) -> AbstractContextManager[Replacement]:
    """What replaces the outputs of the units that a mask prunes, for one model.

    Args:
        model: a transformers encoder, with or without a task head.
        subnetwork: the mask.

    Raises:
        MaskError: if the ablation cannot be used with this model.
    """
    if subnetwork.ablation == "zero":
        return Zeros()
    if subnetwork.ablation in CONSTANT:
        by_position = subnetwork.ablation == "mean-by-position"
        if by_position and getattr(model.config, "chunk_size_feed_forward", None):
            raise MaskError(
                "the model computes its MLPs in chunks of tokens, whose positions are unknown",
                remedy="set chunk_size_feed_forward to 0 in its configuration",
            )
        # a copy, because the arrays of a mask are read-only
        constants = {
            name: torch.tensor(array, device=model.device)
            for name, array in subnetwork.constants.items()
        }
        return FixedOutputs(constants, by_position=by_position)
    return PartnerStates(model, subnetwork.ablation, subnetwork.constants)


_ACTIVE: WeakKeyDictionary[Any, list[Replacement]] = WeakKeyDictionary()
"""Encoder -> the replacements that apply to its gates, the innermost last."""


@contextmanager
def replacing(model: Any, subnetwork: Subnetwork | None) -> Iterator[None]:
    """Within the context, all gates on `model` replace units as the mask's ablation says.

    Measures that attach gates of their own, such as definitions of importance, then honour the
    ablation without knowing of it.

    Args:
        model: a transformers encoder, with or without a task head.
        subnetwork: a mask, of which only the ablation and its constants are used; None = zeros.

    Raises:
        MaskError: as in `replacement_of`; or if the constants do not fit the model.
    """
    if subnetwork is None:
        with using(model, Zeros()):
            yield
        return
    subnetwork.check_fits(anatomy_of(model))
    with replacement_of(model, subnetwork) as instead, using(model, instead):
        yield


@contextmanager
def using(model: Any, instead: Replacement) -> Iterator[None]:
    """Within the context, all gates on `model` replace units by `instead`."""
    stack = _ACTIVE.setdefault(model.base_model, [])
    stack.append(instead)
    try:
        yield
    finally:
        stack.pop()


def active(model: Any) -> Replacement:
    """The replacement that applies to new gates on `model`: that of the innermost context."""
    stack = _ACTIVE.get(model.base_model)
    return stack[-1] if stack else Zeros()
