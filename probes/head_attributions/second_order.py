"""Interaction of two heads as the second derivative of a logit at their gates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from .game import GateGame


def second_derivatives(game: GateGame, target: torch.Tensor) -> npt.NDArray[np.float64]:
    """d2 logit / dgate_i dgate_j where all gates are 1 [B, U, U]; symmetric.

    The logit is smooth in the gates, so this is how the effect of one unit changes as another is
    turned up. One backward pass per unit.

    Args:
        game: B texts and U units.
        target: the class of each text [B].
    """
    gates = game.ones().requires_grad_()
    # the fused kernels have no second derivative
    with torch.enable_grad(), sdpa_kernel([SDPBackend.MATH]):
        chosen = game(gates, *game.inputs).gather(1, target[:, None])
        # the sum keeps texts apart: a text's gates reach its own logit alone
        (first,) = torch.autograd.grad(chosen.sum(), gates, create_graph=True)
        lines = [
            torch.autograd.grad(first[:, unit].sum(), gates, retain_graph=True)[0]
            for unit in range(gates.shape[1])
        ]
    return np.asarray(torch.stack(lines, dim=1).detach().double().cpu().numpy())
