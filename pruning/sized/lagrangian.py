"""A target for the size of gates: Lagrange multipliers that are raised while it is missed.

Wang, Wohlwend and Lei (2020), "Structured Pruning of Large Language Models", in the form of
Bhaskar, Friedman and Chen (2024), "The Heuristic Core": lambda1 (t - s) + lambda2 (t - s)^2, for
the expected sparsity s and its target t, which rises linearly. The gates minimise it, the
multipliers maximise it.
"""

from __future__ import annotations

from typing import Any

import torch


def target_at(step: int, steps: int, ramp: float, final: float, first: float = 0.0) -> float:
    """The target sparsity of a step, counted from 0: linear from `first` to `final`, then constant.

    Args:
        step: the step.
        steps: number of all steps.
        ramp: share of the steps during which the target moves; 0 = `final` from the start.
        final: share of gates to close.
        first: sparsity of the gates at the start.
    """
    done = min(1.0, (step + 1) / (ramp * steps)) if ramp else 1.0
    return first + (final - first) * done


class Multipliers:
    """The two multipliers, which start at 0 and take steps of Adam uphill.

    Args:
        rate: learning rate.
        device: device of the gates.
    """

    def __init__(self, rate: float, device: Any = "cpu"):
        self._both = torch.zeros(2, device=device, dtype=torch.float64, requires_grad=True)
        self._optimizer = torch.optim.Adam([self._both], lr=rate, maximize=True)

    @property
    def values(self) -> tuple[float, float]:
        """lambda1 and lambda2."""
        linear, quadratic = self._both.detach().tolist()
        return linear, quadratic

    def penalty(self, sparsity: torch.Tensor, target: float) -> torch.Tensor:
        """The term to add to the loss, with a gradient for the gates and the multipliers."""
        missing = target - sparsity.double()
        return self._both[0] * missing + self._both[1] * missing.square()

    def clear(self) -> None:
        """Forget the gradients."""
        self._optimizer.zero_grad()

    def step(self) -> None:
        """Raise both along their gradient."""
        self._optimizer.step()
