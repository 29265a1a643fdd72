"""Losses of examples that a model is sure of, and their derivatives, keep their digits."""

from __future__ import annotations

import pytest
import torch
from subprobe.models.language.answers import losses
from torch.nn import functional as F

LOGITS = torch.tensor([[20.0, 0.0], [-3.0, 27.0], [0.5, 9.0], [1.0, 0.5]])
LABELS = torch.tensor([0, 1, 1, 0])
MARGINS = torch.tensor([20.0, 30.0, 8.5, 0.5], dtype=torch.float64)


def off(found, exact):
    return ((found.double() - exact).abs() / exact.abs()).max()


def test_losses_and_derivatives_of_sure_examples():
    # of two classes the loss is log(1 + exp(-margin)), its derivative -1 / (1 + exp(margin))
    exact = torch.log1p(torch.exp(-MARGINS))
    slope = -torch.sigmoid(-MARGINS)
    assert off(losses(LOGITS, LABELS), exact) < 2e-3
    logits = LOGITS.clone().requires_grad_()
    losses(logits, LABELS).sum().backward()
    # a double rounds 1 - p to 2e-16, which is 2e-3 of the smallest p here, 9e-14
    assert off(logits.grad[range(4), LABELS], slope) < 3e-3
    assert off(logits.grad[range(4), 1 - LABELS], -slope) < 3e-3
    assert off(logits.grad[2:, :][range(2), LABELS[2:]], slope[2:]) < 1e-6
    # cross-entropy in float32 leaves nothing of either
    plain = LOGITS.clone().requires_grad_()
    F.cross_entropy(plain, LABELS, reduction="none").sum().backward()
    assert off(F.cross_entropy(LOGITS, LABELS, reduction="none"), exact) == 1
    assert off(plain.grad[range(4), LABELS], slope) > 0.5


def test_squared_errors_of_near_answers():
    found = losses(torch.tensor([[1.0], [2.5]]), torch.tensor([1, 3]))
    assert found.tolist() == pytest.approx([0.0, 0.25])
    assert found.dtype == torch.float64
