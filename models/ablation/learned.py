"""Constants that replace pruned units at the lowest loss.

Li and Janson (2024), "Optimal Ablation for Interpretability", section 2.2: among all constants, the
one with the lowest expected loss measures what a unit computes, whereas zero and the mean also take
the model out of its distribution. One set of constants is learnt for all units that a mask prunes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.collate import Batch, to_inputs
from ...data.errors import ConfigError, InputError
from ..encoder.evaluating import evaluating, frozen
from ..language.answers import answers, losses
from ..masks.gates import Gates
from ..masks.replacement import FixedOutputs
from ..masks.subnetwork import Subnetwork

Constants = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Learned:
    """Learnt constants, and what they gain.

    Attributes:
        constants: float32 arrays in the form of those of the mean; units that the mask keeps have
            the constant that training started from.
        start: `mean` or `zero`, whichever had the lower loss before training.
        zero: mean loss per example if pruned units output zero, in nats, or squared error.
        mean: the same with their means.
        loss: the same with the learnt constants; never above the other two.
        history: the loss after each pass over the examples.
    """

    constants: dict[str, npt.NDArray[Any]]
    start: str
    zero: float
    mean: float
    loss: float
    history: tuple[float, ...]


def learned_constants(
    model: Any,
    mask: Subnetwork,
    means: Constants,
    batches: Sequence[Batch],
    *,
    epochs: int = 10,
    learning_rate: float = 0.01,
) -> Learned:
    """Learn the constants of the pruned units of a mask; the model itself is not trained.

    Training starts from zeros or from the means, whichever has the lower loss, and the constants
    of the best pass are kept. Nothing is random.

    Args:
        model: a classifier, regressor or masked language model; it is not modified.
        mask: the mask of heads, MLPs and neurons; its own ablation is not used.
        means: constants to compare with, `head` [L, H, d], `mlp` [L, D], `neuron` [L, F].
        batches: labelled examples.
        epochs: passes over the examples.
        learning_rate: step size of Adam, in units of the activations.

    Raises:
        ConfigError: if there is no pass, or the learning rate is not above 0.
        InputError: if there is no example, or an example has no label.
    """
    if epochs < 1 or not learning_rate > 0:
        raise ConfigError(
            f"constants need at least one pass and a learning rate above 0, got {epochs} and "
            f"{learning_rate}"
        )
    gates = _gates(mask, model.device)
    zeros = {name: np.zeros_like(array) for name, array in means.items()}
    with evaluating(model), frozen(model):
        first = {
            name: _loss(model, gates, _tensors(one, model), batches)
            for name, one in (("mean", means), ("zero", zeros))
        }
        start = min(first, key=lambda name: first[name])
        tensors = _tensors(means if start == "mean" else zeros, model)
        best, loss = {name: one.clone() for name, one in tensors.items()}, first[start]
        for one in tensors.values():
            one.requires_grad_(True)
        optimizer = torch.optim.Adam(tensors.values(), lr=learning_rate)
        history = []
        for _ in range(epochs):
            for batch in batches:
                optimizer.zero_grad()
                with torch.enable_grad():
                    one = _losses(model, gates, tensors, batch).mean()
                if not one.requires_grad:  # nothing is pruned
                    break
                one.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            history.append(_loss(model, gates, tensors, batches))
            # a loss of NaN is never the best
            if history[-1] < loss:
                loss = history[-1]
                best = {name: one.detach().clone() for name, one in tensors.items()}
    constants = {name: one.cpu().numpy() for name, one in best.items()}
    return Learned(constants, start, first["zero"], first["mean"], loss, tuple(history))


def _gates(mask: Subnetwork, device: Any) -> tuple[torch.Tensor | None, ...]:
    """The gates of a mask; None where it keeps all units."""
    return tuple(
        None if array is None or array.all() else torch.tensor(array, device=device)
        for array in (mask.head_mask, mask.mlp_mask, mask.neuron_mask)
    )


def _tensors(constants: Constants, model: Any) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(one, device=model.device) for name, one in constants.items()}


def _losses(
    model: Any,
    gates: tuple[torch.Tensor | None, ...],
    constants: dict[str, torch.Tensor],
    batch: Batch,
) -> torch.Tensor:
    """The loss of each example [B] with constants in the place of pruned units."""
    if batch.labels is None:
        raise InputError("constants are learnt from labelled examples")
    inputs, labels = to_inputs(batch, model.device), batch.labels.to(model.device)
    with Gates(model, *gates, instead=FixedOutputs(constants)):
        return losses(answers(model, inputs, labels), labels)


@torch.no_grad()
def _loss(
    model: Any,
    gates: tuple[torch.Tensor | None, ...],
    constants: dict[str, torch.Tensor],
    batches: Sequence[Batch],
) -> float:
    """The mean loss of all examples."""
    total, count = 0.0, 0
    for batch in batches:
        found = _losses(model, gates, constants, batch)
        total, count = total + float(found.sum()), count + len(found)
    if not count:
        raise InputError("no examples to learn constants from", remedy="name a selection part")
    return total / count
