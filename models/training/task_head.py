"""A task head fitted to the encoder as it is, before anything is fine-tuned.

Linear probing, then fine-tuning (Kumar et al. 2022, ICLR). A random head pulls the encoder in a
random direction; on small data a small encoder may stay at chance for most of its steps before it
turns. A head that reads what the features already hold spares it that.
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
"""Share of the training examples that the head is fitted to; which ones, the init seed draws."""

INVERSE_PENALTY = 0.01
"""scikit-learn's C on standardised features; tuned on seed 9001 with `acceptability`."""

LEAST_SCALE = 0.1
"""Least standard deviation that a feature is divided by, as a share of the mean one."""

_BATCH = 64


def probe_head(
    model: Any,
    parts: TaskParts,
    encoded: TextBatches,
    *,
    seed: int,
    subnetwork: Subnetwork | None = None,
) -> None:
    """Fit the last linear layer of the task head, in place; nothing else changes.

    Args:
        model: a classifier with a new head.
        parts: the task; its training labels.
        encoded: the training examples.
        seed: draws the examples that the head is fitted to.
        subnetwork: mask under which the features are read.

    Raises:
        InputError: if all examples have one class.
    """
    # scikit-learn takes a second to import, and few recipes probe the head first
    from sklearn.linear_model import LogisticRegression, Ridge

    _, layer = output_layer(model, parts.spec.num_labels)
    _check_labels(parts)
    chosen = _drawn(parts, seed)
    features = _features(model, layer, encoded, chosen, subnetwork)
    centre, scale = features.mean(axis=0), features.std(axis=0)
    # a feature that hardly varies must not get a weight that dropout turns into noise
    scale = np.maximum(scale, LEAST_SCALE * scale.mean() or 1.0)
    standard = (features - centre) / scale
    labels = np.array([parts.train[place].label for place in chosen])
    weight = np.zeros((parts.spec.num_labels, features.shape[1]))
    bias = np.zeros(parts.spec.num_labels)
    if parts.spec.regression:
        fitted = Ridge(alpha=1 / INVERSE_PENALTY).fit(standard, labels)
        weight[0], bias[0] = fitted.coef_, fitted.intercept_
    else:
        fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit(standard, labels)
        coefficients, intercepts = fitted.coef_, fitted.intercept_
        if len(fitted.classes_) == 2:
            # scikit-learn keeps one row for two classes; a softmax needs both
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercepts = np.concatenate([-intercepts, intercepts]) / 2
        weight[fitted.classes_], bias[fitted.classes_] = coefficients, intercepts
    weight = weight / scale
    bias = bias - weight @ centre
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(weight))
        layer.bias.copy_(torch.as_tensor(bias))


def _check_labels(parts: TaskParts) -> None:
    labels = {example.label for example in parts.train}
    if not parts.spec.regression and len(labels) < 2:
        raise InputError(
            f"all {len(parts.train)} training examples have one class: there is nothing to learn",
            where=parts.spec.name,
            remedy="train on more examples, or on examples of at least two classes",
        )


def _drawn(parts: TaskParts, seed: int) -> tuple[int, ...]:
    """Places of the examples to fit to, in order; all of them where half lacks a label."""
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
    """What the output layer reads for each chosen example: [N, D], without dropout."""
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
