"""An importance score: the largest gate gradient of any example."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from subprobe.data.encoding.collate import Batch
from subprobe.pruning.importance.gate_gradients import Units, gate_gradients
from subprobe.pruning.importance.methods import ImportanceEntry


class LargestGradient:
    """max_x |dL(x)/dgate| of every head, MLP and neuron."""

    def __init__(self, model: Any, masks: Units, seed: int):
        self._model, self._masks = model, masks
        self._largest = [np.zeros(np.shape(one)) for one in vars(masks).values() if one is not None]

    def add(self, batch: Batch) -> torch.Tensor:
        """Take in a batch; its logits [B, K]."""
        masks = self._masks
        found = gate_gradients(self._model, batch, masks.head, masks.mlp, masks.neuron)
        signed = [one for one in (found.head, found.mlp, found.neuron) if one is not None]
        for largest, one in zip(self._largest, signed, strict=True):
            np.maximum(largest, one.abs().amax(0).double().cpu().numpy(), out=largest)
        return found.logits

    def result(self) -> Units:
        """The scores."""
        return Units(*self._largest)


ENTRY = ImportanceEntry(
    "gate-largest", "max_x |dL(x)/dgate|: the largest gate gradient of any example", LargestGradient
)
