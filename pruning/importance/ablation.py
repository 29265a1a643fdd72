"""Exact leave-one-out: how much the loss rises when one unit is switched off.

What lies below the unit's layer does not change, so its hidden states are computed once and
replayed: leaving out each head in turn costs about half of as many full passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...data.encoding.collate import Batch
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.replay import Replay
from ...models.language.answers import answers, losses
from ...models.masks.gates import Gates
from .gate_gradients import Units, labelled


class Ablation:
    """E_x [L(x) without the unit - L(x)], in units of the loss; pruned units score 0.

    Michel et al. (2019), section 3.2, ablate single heads and report the metric; the loss is finer
    and needs no threshold. Negative where the model is better off without the unit.
    """

    def __init__(self, model: Any, masks: Units, seed: int):
        self._model, self._masks, self._anatomy = model, masks, anatomy_of(model)
        self._sums = [np.zeros(np.shape(m)) for m in vars(masks).values() if m is not None]
        self._gates = [
            torch.tensor(m, dtype=torch.float32) for m in vars(masks).values() if m is not None
        ]
        self._examples = 0

    @torch.no_grad()
    def add(self, batch: Batch) -> torch.Tensor:
        """Take in a batch: one full pass, then the upper part of one for each kept unit."""
        inputs, labels = labelled(self._model, batch)
        # gates are read at each call, so that flipping an entry in place switches a unit off
        with Gates(self._model, *self._gates), Replay(self._model, self._anatomy) as replay:
            logits = answers(self._model, inputs, labels)
            whole = losses(logits, labels)
            for layer in range(self._anatomy.num_layers):
                with replay.up_to(layer):
                    for gates, sums in zip(self._gates, self._sums, strict=True):
                        for unit in _living(gates[layer]):
                            gate = gates[layer].view(-1)
                            gate[unit] = 0
                            without = answers(self._model, inputs, labels)
                            rise = losses(without, labels) - whole
                            gate[unit] = 1
                            sums.reshape(len(sums), -1)[layer, unit] += float(rise.double().sum())
        self._examples += len(labels)
        return logits

    def result(self) -> Units:
        """The mean rise of the loss."""
        return Units(*(total / self._examples for total in self._sums))


def _living(gates: torch.Tensor) -> list[int]:
    """Numbers of the units of a layer that are on."""
    return [int(unit) for unit in torch.nonzero(gates.reshape(-1)).ravel()]
