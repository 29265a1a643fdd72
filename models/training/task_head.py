"""Fit a task head to the frozen encoder before fine-tuning.

This is linear probing followed by fine-tuning (Kumar et al. 2022, ICLR). Gradients of a random head
change the encoder in a random direction; with few data, a small encoder may stay at chance level
for most steps. A head that is fitted to the pretrained features avoids this.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ...data.encoding.collate import TextBatches, to_inputs
from ...data.errors import InputError
from ...data.tasks.task import TaskParts
from ..checkpoint.contract import output_layer
from ..masks.gates import gated
from ..masks.subnetwork import Subnetwork

SHARE = 0.5
"""Share of the training examples to which the head is fitted, drawn with the init seed."""

INVERSE_PENALTY = 0.01
"""The C of scikit-learn for standardised features; tuned on seed 9001 with `acceptability`."""

LEAST_SCALE = 0.1
"""Minimum standard deviation by which a feature is divided, as a share of the mean one."""

_BATCH = 64


def probe_head(
    model: Any,
    parts: TaskParts,
    encoded: TextBatches,
    *,
    seed: int,
    subnetwork: Subnetwork | None = None,
) -> None:
    """Fit the last linear layer of the task head in place; all other weights are unchanged.

    Args:
        model: a classifier with a new head.
        parts: the task with its training labels.
        encoded: the training examples.
        seed: seed of the draw of examples.
        subnetwork: mask under which the features are computed.

    Raises:
        InputError: if all examples have the same class.
    """
    # importing scikit-learn takes a second, and few recipes need it
    from sklearn.linear_model import LogisticRegression, Ridge

    _, layer = output_layer(model, 1 if parts.spec.choices else parts.spec.num_labels)
    _check_labels(parts)
    chosen = _drawn(parts, seed)
    features = _features(model, layer, encoded, chosen, subnetwork)
    centre, scale = features.mean(axis=0), features.std(axis=0)
    # a nearly constant feature must not get a large weight, which dropout would turn into noise
    scale = np.maximum(scale, LEAST_SCALE * scale.mean() or 1.0)
    standard = (features - centre) / scale
    labels = np.array([parts.train[place].label for place in chosen])
    if parts.spec.choices:
        by_option = standard.reshape(len(chosen), parts.spec.choices, -1)
        _set(layer, (conditional_logit(by_option, labels) / scale)[None], np.zeros(1))
        return
    weight = np.zeros((parts.spec.num_labels, features.shape[1]))
    bias = np.zeros(parts.spec.num_labels)
    if parts.spec.regression:
        fitted = Ridge(alpha=1 / INVERSE_PENALTY).fit(standard, labels)
        weight[0], bias[0] = fitted.coef_, fitted.intercept_
    else:
        fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit(standard, labels)
        coefficients, intercepts = fitted.coef_, fitted.intercept_
        if len(fitted.classes_) == 2:
            # scikit-learn has one row for two classes, but a softmax needs both
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercepts = np.concatenate([-intercepts, intercepts]) / 2
        weight[fitted.classes_], bias[fitted.classes_] = coefficients, intercepts
    weight = weight / scale
    _set(layer, weight, bias - weight @ centre)


@torch.no_grad()
def _set(layer: nn.Linear, weight: np.ndarray, bias: np.ndarray) -> None:
    layer.weight.copy_(torch.as_tensor(weight))
    layer.bias.copy_(torch.as_tensor(bias))


def conditional_logit(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Weights [D] of the penalised conditional logit model (McFadden 1974) of a choice.

    The probability of option k is the softmax over the K options of weights x features; the sum of
    losses times `INVERSE_PENALTY` plus half the squared norm of the weights is minimised.

    Args:
        features: of each option [N, K, D].
        labels: numbers of the options that were chosen [N].
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    rows = np.arange(len(labels))

    def loss(weight: np.ndarray) -> tuple[float, np.ndarray]:
        likely = log_softmax(features @ weight, axis=1)
        error = np.exp(likely)
        error[rows, labels] -= 1
        slope = np.einsum("nk,nkd->d", error, features)
        value = weight @ weight / 2 - INVERSE_PENALTY * likely[rows, labels].sum()
        return value, weight + INVERSE_PENALTY * slope

    found = minimize(loss, np.zeros(features.shape[-1]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x)


def _check_labels(parts: TaskParts) -> None:
    labels = {example.label for example in parts.train}
    if not parts.spec.regression and len(labels) < 2:
        raise InputError(
            f"all {len(parts.train)} training examples have one class: there is nothing to learn",
            where=parts.spec.name,
            remedy="train on more examples, or on examples of at least two classes",
        )


def _drawn(parts: TaskParts, seed: int) -> tuple[int, ...]:
    """Sorted positions of the examples for fitting; all examples if half of them lacks a label."""
    count = len(parts.train)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(count)[: max(1, round(count * SHARE))])
    if not parts.spec.regression:
        labels = [example.label for example in parts.train]
        if len({labels[place] for place in chosen}) < len(set(labels)):
            return tuple(range(count))
    return tuple(chosen.tolist())


def _features(
    model: Any,
    layer: nn.Linear,
    encoded: TextBatches,
    chosen: tuple[int, ...],
    subnetwork: Subnetwork | None,
) -> np.ndarray:
    """Input of the output layer for each chosen example [N, D], without dropout."""
    seen: list[torch.Tensor] = []

    def keep(_module: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        seen.append(args[0].detach().float().cpu())

    was_training = model.training
    model.eval()
    hook = layer.register_forward_pre_hook(keep)
    try:
        with torch.inference_mode(), gated(model, subnetwork):
            for start in range(0, len(chosen), _BATCH):
                batch = encoded.batch(chosen[start : start + _BATCH])
                inputs = {name: value.to(model.device) for name, value in to_inputs(batch).items()}
                model(**inputs)
    finally:
        hook.remove()
        model.train(was_training)
    return torch.cat(seen).numpy().astype(np.float64)
