"""Attribution of a logit to gates by Captum, from no unit (all gates 0) to all of them (1)."""

from __future__ import annotations

import torch

from .game import GateGame


def integrated_gradients(
    game: GateGame, target: torch.Tensor, *, n_steps: int, internal_batch_size: int
) -> torch.Tensor:
    """Integrated gradients along the straight path of gates (Sundararajan et al. 2017).

    Args:
        game: B texts and U units.
        target: the class of each text [B].
        n_steps: points of the Gauss-Legendre integration.
        internal_batch_size: texts a forward and backward pass; the texts of the batch at least.

    Returns:
        attributions in logits [B, U].
    """
    from captum.attr import IntegratedGradients

    full = game.ones()
    found: torch.Tensor = IntegratedGradients(game).attribute(
        full,
        baselines=torch.zeros_like(full),
        target=target,
        additional_forward_args=game.inputs,
        n_steps=n_steps,
        internal_batch_size=max(internal_batch_size, len(full)),
    )
    return found.detach()


def ablation(game: GateGame, target: torch.Tensor, *, internal_batch_size: int) -> torch.Tensor:
    """What the logit loses when a single unit is ablated [B, U]; the values need not sum up.

    Args:
        game: B texts and U units.
        target: the class of each text [B].
        internal_batch_size: texts a forward pass.
    """
    from captum.attr import FeatureAblation

    full = game.ones()
    with torch.no_grad():
        found: torch.Tensor = FeatureAblation(game).attribute(
            full,
            baselines=torch.zeros_like(full),
            target=target,
            additional_forward_args=game.inputs,
            perturbations_per_eval=max(1, internal_batch_size // len(full)),
        )
    return found


def shapley_sampling(
    game: GateGame, target: torch.Tensor, *, n_samples: int, internal_batch_size: int, seed: int
) -> torch.Tensor:
    """Mean contribution of each unit over random orders (Castro et al. 2009) [B, U].

    All batches use the same orders, so that attributions do not depend on batching. The global
    random state is restored.

    Args:
        game: B texts and U units.
        target: the class of each text [B].
        n_samples: orders.
        internal_batch_size: texts a forward pass.
        seed: of the orders.
    """
    from captum.attr import ShapleyValueSampling

    full = game.ones()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found: torch.Tensor = ShapleyValueSampling(game).attribute(
            full,
            baselines=torch.zeros_like(full),
            target=target,
            additional_forward_args=game.inputs,
            n_samples=n_samples,
            perturbations_per_eval=max(1, internal_batch_size // len(full)),
        )
    return found
