"""Interaction of two heads as the second derivative of a logit at their gates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from .game import Asked, GateGame


def second_derivatives(game: GateGame, asked: Asked) -> npt.NDArray[np.float64]:
    """d2 logit / dgate_i dgate_j of each two heads where all gates are 1, [B, pairs].

    The logit is smooth in the gates, so this is how the effect of one head changes as another is
    turned up. One backward pass per head.

    Args:
        game: B texts and U units.
        asked: whose logit.
    """
    gates, heads = game.ones().requires_grad_(), game.players.heads
    # the fused kernels have no second derivative
    with torch.enable_grad(), sdpa_kernel([SDPBackend.MATH]):
        chosen = game(gates, *game.inputs).gather(1, asked.target[:, None])
        # the sum keeps texts apart: a text's gates reach its own logit alone
        (first,) = torch.autograd.grad(chosen.sum(), gates, create_graph=True)
        lines = [
            torch.autograd.grad(first[:, head].sum(), gates, retain_graph=True)[0]
            for head in heads[:-1].tolist()
        ]
    pairs = [line[:, heads[place + 1 :]] for place, line in enumerate(lines)]
    return np.asarray(torch.cat(pairs, dim=1).detach().double().cpu().numpy())
