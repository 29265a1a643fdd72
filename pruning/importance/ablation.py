"""Exact leave-one-out importance: the increase of the loss when one unit is pruned.

Layers below that of the unit do not change, so their hidden states are computed once and replayed.
Ablating each head in turn costs about half as many full passes.
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
    and needs no threshold. The score is negative if the model is better without the unit.
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
        """Process a batch: one full pass, then the upper part of a pass for each kept unit."""
        inputs, labels = labelled(self._model, batch)
        # gates are read at each call, so that changing an entry in place prunes a unit
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
        """The mean increase of the loss."""
        return Units(*(total / self._examples for total in self._sums))


def _living(gates: torch.Tensor) -> list[int]:
    """Indices of the kept units of a layer."""
    return [int(unit) for unit in torch.nonzero(gates.reshape(-1)).ravel()]
