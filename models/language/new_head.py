"""A new masked-LM head, trained alone on the encoder as it is before anything else is trained.

A random head pulls the encoder in a random direction (Kumar et al. 2022, ICLR). The decoder of the
head is tied to the word embeddings, which stay as they are: what is trained is the transformation
before it and the bias of the decoder.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import get_linear_schedule_with_warmup

from ...data.encoding.collate import to_inputs
from ...data.masking.masked_batches import MaskedBatches
from ..encoder.device import device_of
from ..masks.gates import gated
from ..masks.subnetwork import Subnetwork
from .answers import piece_loss

LEARNING_RATE = 1e-3
"""Peak rate of AdamW; it rises over the first tenth of the steps and falls linearly to 0."""

EPOCHS = 1
"""Passes over the training texts."""

_WARMUP = 0.1


def train_head(
    model: Any,
    encoded: MaskedBatches,
    *,
    seed: int,
    subnetwork: Subnetwork | None = None,
    device: str = "auto",
) -> float:
    """Train the masked-LM head alone for one epoch, in place; the encoder does not change.

    Args:
        model: a masked language model with a new head, on the processor.
        encoded: the training texts, in batches of the recipe's size.
        seed: orders the texts.
        subnetwork: mask under which the head is trained.
        device: where it is trained, see `device_of`.

    Returns:
        The mean loss of the epoch, in nats per masked piece.
    """
    before = model.device
    generator = torch.Generator().manual_seed(seed)
    # drawn from the end of all draws, which no epoch of the training reaches
    texts = encoded.drawn(_DRAW)
    steps = EPOCHS * len(texts)
    losses = []
    try:
        # before the mask, whose old weights are put back where they were read
        model.to(device_of(device))
        with _head_alone(model) as parameters, gated(model, subnetwork):
            optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.0)
            schedule = get_linear_schedule_with_warmup(optimizer, math.ceil(_WARMUP * steps), steps)
            order = torch.randperm(texts.n_examples, generator=generator).tolist()
            for start in range(0, len(order), texts.largest):
                batch = texts.batch(tuple(order[start : start + texts.largest]))
                assert batch.labels is not None
                loss = piece_loss(
                    model, to_inputs(batch, model.device), batch.labels.to(model.device)
                )
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
                losses.append(loss.detach())
    finally:
        model.to(before)
    return torch.stack(losses).mean().item()


_DRAW = 2**31 - 1


@contextmanager
def _head_alone(model: Any) -> Iterator[list[torch.nn.Parameter]]:
    """The parameters outside the encoder, which alone have gradients inside; in eval mode."""
    encoder = {id(parameter) for parameter in model.base_model.parameters()}
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    own = [parameter for parameter, _ in wanted if id(parameter) not in encoder]
    was_training = model.training
    model.eval()
    try:
        for parameter, _ in wanted:
            parameter.requires_grad_(id(parameter) not in encoder)
        yield own
    finally:
        for parameter, before in wanted:
            parameter.requires_grad_(before)
        model.train(was_training)
