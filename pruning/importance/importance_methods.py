"""The published definitions of importance, accumulated over batches.

Every class is called with (model, masks, seed), gets batches by `add`, which returns the logits [B,
K], and returns the scores at the end. The model is frozen and in eval mode.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.collate import Batch
from ...models.language.answers import answers, losses
from ...models.masks.gates import Gates
from .gate_gradients import GateGradients, Units, gate_gradients, labelled
from .token_gates import TokenGates

Floats = npt.NDArray[np.float64]


class Method(Protocol):
    """One definition of importance, as `importance_pass` uses it."""

    def add(self, batch: Batch) -> torch.Tensor:
        """Take in a batch; its logits [B, K]."""

    def result(self) -> Units:
        """The scores, float64."""


class _OfGateGradients:
    """Adds a function of the signed gate gradients of single examples, and divides by N."""

    def __init__(self, model: Any, masks: Units, seed: int):
        self._model, self._masks = model, masks
        self._sums = [np.zeros(np.shape(m)) for m in vars(masks).values() if m is not None]
        self._examples = 0

    def add(self, batch: Batch) -> torch.Tensor:
        """Take in a batch; its logits [B, K]."""
        masks = self._masks
        found = gate_gradients(self._model, batch, masks.head, masks.mlp, masks.neuron)
        for total, signed in zip(self._sums, _signed(found), strict=True):
            total += self._of(signed).sum(0, dtype=torch.float64).cpu().numpy()
        self._examples += len(found.loss)
        return found.logits

    def _of(self, signed: torch.Tensor) -> torch.Tensor:
        """The function of gradients [B, ...] that is averaged over examples."""
        raise NotImplementedError

    def result(self) -> Units:
        """The scores, float64."""
        return Units(*(total / self._examples for total in self._sums))


def _signed(found: GateGradients) -> list[torch.Tensor]:
    return [one for one in (found.head, found.mlp, found.neuron) if one is not None]


class GateExample(_OfGateGradients):
    """E_x |dL(x)/dgate|: the expected sensitivity that Michel et al. (2019), eq. 2, define."""

    def _of(self, signed: torch.Tensor) -> torch.Tensor:
        return signed.abs()


class Fisher(_OfGateGradients):
    """E_x (dL(x)/dgate)^2: the diagonal of the empirical Fisher information of the mask.

    Kwon et al. (2022), "A Fast Post-Training Pruning Framework for Transformers", eq. 7; computed
    per example, whereas their code squares the gradient of a batch.
    """

    def _of(self, signed: torch.Tensor) -> torch.Tensor:
        return signed.square()


class BatchAccumulated:
    """Sum over batches of |g_1 + ... + g_k|: what the code of Prasanna et al. (2020) computes.

    g_k is the gradient of the mean loss of batch k at one mask for all examples, which their code
    never clears. The score depends on the order and the size of the batches (64 in the paper); it
    is provided for comparison.
    """

    def __init__(self, model: Any, masks: Units, seed: int):
        self._model, self._masks = model, masks
        self._running = [np.zeros(np.shape(m)) for m in vars(masks).values() if m is not None]
        self._sums = [np.zeros_like(one) for one in self._running]

    def add(self, batch: Batch) -> torch.Tensor:
        """Take in a batch; its logits [B, K]."""
        masks = self._masks
        found = gate_gradients(self._model, batch, masks.head, masks.mlp, masks.neuron)
        for total, running, signed in zip(self._sums, self._running, _signed(found), strict=True):
            running += signed.mean(0, dtype=torch.float64).cpu().numpy()
            total += np.abs(running)
        return found.logits

    def result(self) -> Units:
        """The scores, float64."""
        return Units(*self._sums)


class GateToken:
    """E_t |dL/dgate_t|: one gate a token, as the code of Michel et al. (2019) does it.

    |grad(context) . context| is summed over positions and divided by the number of tokens; in the
    last layer by the number of examples, because only the output of the first token reaches the
    task head. If a task head reads the mean of all positions, the last layer is divided like the
    others.
    """

    def __init__(self, model: Any, masks: Units, seed: int):
        self._model, self._masks = model, masks
        self._sums = [np.zeros(np.shape(m)) for m in vars(masks).values() if m is not None]
        self._tokens = self._examples = 0
        self._read_everywhere = False

    def add(self, batch: Batch) -> torch.Tensor:
        """Take in a batch; its logits [B, K]."""
        inputs, labels = labelled(self._model, batch)
        with torch.enable_grad(), TokenGates(self._model, self._masks) as gates:
            logits = answers(self._model, inputs, labels)
            leaves = gates.leaves()
            found = torch.autograd.grad(losses(logits, labels).sum(), leaves)
        for total, of_unit in zip(self._sums, gates.by_unit(found), strict=True):
            total += of_unit
        self._read_everywhere |= gates.read_everywhere(found)
        self._tokens += int(batch.attention_mask.sum())
        # a question has one first token for each of its options
        self._examples += batch.input_ids.shape[:-1].numel()
        answered: torch.Tensor = logits.detach()
        return answered

    def result(self) -> Units:
        """The scores, float64."""
        layers = len(self._masks.mlp)
        count = np.full(layers, self._tokens, dtype=np.float64)
        if not self._read_everywhere:
            count[-1] = self._examples
        return Units(*(total / count.reshape(-1, *[1] * (total.ndim - 1)) for total in self._sums))


class DataFree:
    """Scores that do not depend on examples; the pass only collects the logits."""

    def __init__(self, model: Any, masks: Units, seed: int):
        self._model, self._masks, self._seed = model, masks, seed
        self._gates = [torch.tensor(m) for m in vars(masks).values() if m is not None]

    def add(self, batch: Batch) -> torch.Tensor:
        """Take in a batch; its logits [B, K]."""
        inputs, labels = labelled(self._model, batch)
        with torch.no_grad(), Gates(self._model, *self._gates):
            logits = answers(self._model, inputs, labels)
        return logits


class RandomScores(DataFree):
    """Uniform numbers, the same ones for the same seed whatever the mask: the null of a ranking."""

    def result(self) -> Units:
        """The scores, float64."""
        generator = np.random.default_rng((3, self._seed))
        shapes = [np.shape(m) for m in vars(self._masks).values() if m is not None]
        return Units(*(generator.random(shape) for shape in shapes))
