"""What the model of a task answers to a batch: of whole examples, or of the masked pieces alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from ...data.errors import InputError
from ...data.masking.choice import IGNORED
from .head import language_head


def answers(model: Any, inputs: Mapping[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
    """The logits that a batch asks for.

    Args:
        model: a classifier, a regressor, or a masked language model.
        inputs: tensors [B, S] of the forward pass.
        labels: [B], or of masked texts [B, S], `IGNORED` where nothing is asked.

    Returns:
        Logits [B, K]; of masked texts [P, V], one row for each of the P masked pieces, text after
        text. Only their states go through the head.
    """
    if labels.dim() == 1:
        logits: torch.Tensor = model(**inputs).logits
        return logits
    states = model.base_model(**inputs).last_hidden_state
    return language_head(model)(states[labels != IGNORED])


def losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Loss of each example [B]: squared error of a regression (K = 1), else cross-entropy in nats.

    The loss of a masked text is the mean over its masked pieces; 0 where none is masked. In double
    precision: of a class with probability 1 - p, both the loss and its derivative are p, of which
    float32 leaves nothing below 1e-7.

    Args:
        logits: [B, K], or [P, V] of masked texts, as `answers` gives them.
        labels: [B], or [B, S].
    """
    logits = logits.double()
    if labels.dim() == 2:
        asked = labels != IGNORED
        of_piece = F.cross_entropy(logits, labels[asked], reduction="none")
        return _by_text(of_piece, asked)
    # decided by K: whole-numbered targets come as integers, and one class has no cross-entropy
    if logits.shape[-1] == 1:
        return (logits.squeeze(-1) - labels.to(logits)).square()
    return F.cross_entropy(logits, labels, reduction="none")


def divergences(
    logits: torch.Tensor, reference: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """KL(reference || logits) of each example [B], in nats; of a regression the squared difference.

    The divergence of a masked text is the mean over its masked pieces; 0 where none is masked. In
    double precision, as `losses`.

    Args:
        logits: [B, K], or [P, V] of masked texts, as `answers` gives them.
        reference: logits of the reference, in the same shape.
        labels: [B], or [B, S]; only their shape and `IGNORED` are read.
    """
    if logits.shape[-1] == 1 and labels.dim() == 1:
        return (logits.double() - reference.double()).squeeze(-1).square()
    theirs = torch.log_softmax(reference.double(), dim=-1)
    ours = torch.log_softmax(logits.double(), dim=-1)
    found = (theirs.exp() * (theirs - ours)).sum(-1)
    return found if labels.dim() == 1 else _by_text(found, labels != IGNORED)


def _by_text(of_piece: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """Means over the masked pieces [P] of each text [B]; 0 where none is masked."""
    text = torch.nonzero(asked)[:, 0]
    total = of_piece.new_zeros(len(asked)).index_add(0, text, of_piece)
    return total / asked.sum(dim=1).clamp(min=1)


def piece_loss(
    model: Any, inputs: Mapping[str, torch.Tensor], labels: torch.Tensor
) -> torch.Tensor:
    """Mean cross-entropy of all masked pieces of a batch, in nats; 0 where none is masked.

    Args:
        model: a masked language model.
        inputs: tensors [B, S] of the forward pass.
        labels: [B, S], `IGNORED` where nothing is asked.
    """
    gold = labels[labels != IGNORED]
    logits = answers(model, inputs, labels).float()
    return F.cross_entropy(logits, gold, reduction="sum") / max(len(gold), 1)


def piece_scores(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of each masked piece, whether it is the most probable one, and log2 of its probability.

    Args:
        logits: [P, V], as `answers` gives them.
        labels: [B, S], `IGNORED` where nothing is asked.

    Returns:
        [P, 2] in double precision; log-softmax in float32 or better.
    """
    gold = labels[labels != IGNORED]
    nats = torch.log_softmax(logits.float(), dim=-1).gather(1, gold[:, None])[:, 0]
    right = logits.argmax(dim=-1) == gold
    return torch.stack([right.double(), nats.double() / math.log(2)], 1)


def answered(
    logits: torch.Tensor, labels: torch.Tensor | None, index: Sequence[int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any], npt.NDArray[np.int64]]:
    """What is kept of the answers to a batch.

    Args:
        logits: as `answers` gives them.
        labels: [B] or [B, S].
        index: number of each example [B].

    Returns:
        Logits [B, K], labels [B] and numbers of the examples [B]; of masked texts the scores of the
        pieces [P, 2], ones [P], since a piece is right or not, and the number of each one's text.
    """
    if labels is None:
        raise InputError("the examples have no labels")
    numbers = np.asarray(index, dtype=np.int64)
    if labels.dim() == 1:
        return logits.double().cpu().numpy(), labels.cpu().numpy(), numbers
    texts = torch.nonzero(labels != IGNORED)[:, 0].cpu().numpy()
    scores = piece_scores(logits, labels.to(logits.device)).cpu().numpy()
    return scores, np.ones(len(texts), dtype=np.int64), numbers[texts]
