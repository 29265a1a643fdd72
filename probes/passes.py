"""How many forward passes probes take per text, for estimates of cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

BACKWARD = 2
"""Cost of a full backward pass, in forward passes; without gradients of weights it is one."""

WITH_GRADIENTS = 1 + BACKWARD / 2
"""A forward pass and the backward pass for gradients of its input, in forward passes."""


@dataclass(frozen=True)
class Reading:
    """What the cost of reading a text depends on.

    Attributes:
        length: mean number of subwords per text.
        heads: attention heads of all layers.
        mlps: MLPs of all layers.
    """

    length: float
    heads: int
    mlps: int

    @property
    def units(self) -> int:
        """Heads and MLPs."""
        return self.heads + self.mlps


Passes = Callable[[Mapping[str, Any], Reading], float]
"""Forward passes per text under the options of a probe."""
