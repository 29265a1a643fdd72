"""Attribution of a logit to gates by Captum, from no unit (all gates 0) to all of them (1)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ...models.training.randomness import own_randomness
from ..attribution.seeded import seed_example
from ..attribution.word_scores import MOST_STEPS
from .game import Asked, GateGame

Numbers = npt.NDArray[np.float64]
Values = tuple[Numbers, Numbers]
"""Attributions in logits [B, U], and the steps or draws that each text took [B]; 0 = none."""


def integrated_gradients(
    game: GateGame, asked: Asked, *, n_steps: int, tolerance: float, internal_batch_size: int
) -> Values:
    """Integrated gradients along the straight path of gates (Sundararajan et al. 2017).

    Args:
        game: B texts and U units.
        asked: what is attributed.
        n_steps: points of the Gauss-Legendre integration.
        tolerance: how far the attributions of a text may miss what its logit gains before its steps
            are doubled, up to `MOST_STEPS`; 0 = `n_steps` for all.
        internal_batch_size: texts per forward and backward pass; the texts of the batch at least.
    """
    from captum.attr import IntegratedGradients

    values = np.zeros((len(asked.ids), len(game.players)))
    taken = np.zeros(len(asked.ids))
    rows, steps = list(range(len(asked.ids))), n_steps
    while rows:
        some, of = (game, asked) if len(rows) == len(values) else (game.rows(rows),
                                                                   asked.rows(rows))  # fmt: skip
        full = some.ones()
        found = IntegratedGradients(some).attribute(
            full,
            baselines=torch.zeros_like(full),
            target=of.target,
            additional_forward_args=some.inputs,
            n_steps=steps,
            internal_batch_size=max(internal_batch_size, len(full)),
        )
        values[rows], taken[rows] = _numbers(found), steps
        missed = np.abs(values[rows].sum(axis=1) - of.gained) > tolerance
        again = tolerance > 0 and 2 * steps <= MOST_STEPS
        rows = [row for row, more in zip(rows, missed, strict=True) if more and again]
        steps *= 2
    return values, taken


def ablation(game: GateGame, asked: Asked, *, internal_batch_size: int) -> Values:
    """What the logit loses when a single unit is ablated; the values need not sum up.

    Args:
        game: B texts and U units.
        asked: what is attributed.
        internal_batch_size: texts per forward pass.
    """
    from captum.attr import FeatureAblation

    full = game.ones()
    with torch.no_grad():
        found = FeatureAblation(game).attribute(
            full,
            baselines=torch.zeros_like(full),
            target=asked.target,
            additional_forward_args=game.inputs,
            perturbations_per_eval=max(1, internal_batch_size // len(full)),
        )
    return _numbers(found), np.zeros(len(full))


def shapley_sampling(
    game: GateGame, asked: Asked, *, n_samples: int, internal_batch_size: int, seed: int
) -> Values:
    """Mean contribution of each unit over random orders (Castro et al. 2009).

    Each text is run alone and has orders of its own, seeded by its id: the errors of sampling
    differ between texts and average out over them, and none depends on batches. The global random
    state is restored.

    Args:
        game: B texts and U units.
        asked: what is attributed.
        n_samples: orders.
        internal_batch_size: texts per forward pass.
        seed: of the orders, with the id of the text.
    """
    from captum.attr import ShapleyValueSampling

    values = []
    for row, name in enumerate(asked.ids):
        one = game.rows([row])
        full = one.ones()
        with torch.no_grad(), own_randomness():
            seed_example(seed, name)
            found = ShapleyValueSampling(one).attribute(
                full,
                baselines=torch.zeros_like(full),
                target=asked.target[[row]],
                additional_forward_args=one.inputs,
                n_samples=n_samples,
                perturbations_per_eval=internal_batch_size,
            )
        values.append(_numbers(found))
    return np.concatenate(values), np.full(len(values), float(n_samples))


def _numbers(found: torch.Tensor) -> Numbers:
    return np.asarray(found.detach().double().cpu().numpy())
