"""Importance of heads and MLPs: the expected size of the loss's gradient at their gates.

Michel et al. (2019), "Are Sixteen Heads Really Better than One?": I = E_x |dL(x)/d gate|. Each
example has gates of its own, so that one backward pass gives the gradient of every example, and the
absolute value is taken before the mean. Model parameters are frozen: no weight gradient is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from ..data.collate import Batch, TextBatches, to_inputs
from ..data.errors import InputError, SubprobeError
from .gates import Gates


@dataclass(frozen=True)
class GateGradients:
    """What one backward pass says about the gates of B examples.

    Attributes:
        head: signed dL/dgate [B, L, H], in units of the loss.
        mlp: signed dL/dgate [B, L].
        logits: the model's output under the gates [B, K].
        loss: cross-entropy (nats) or squared error of each example [B].
    """

    head: torch.Tensor
    mlp: torch.Tensor
    logits: torch.Tensor
    loss: torch.Tensor


@dataclass(frozen=True)
class ImportancePass:
    """Importance under one mask, and what the masked model answered on the way.

    Attributes:
        head: importance of each head [L, H], living or dead.
        mlp: importance of each MLP [L].
        logits: output for each example [N, K], in the order of the examples.
        labels: their labels [N], int64 or float64.
    """

    head: npt.NDArray[np.float64]
    mlp: npt.NDArray[np.float64]
    logits: npt.NDArray[np.float64]
    labels: npt.NDArray[Any]


@contextmanager
def frozen(model: Any) -> Iterator[None]:
    """Switch off dropout and the gradients of all parameters; put both back afterwards."""
    training = model.training
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.eval()
    try:
        for parameter, _ in wanted:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter, before in wanted:
            parameter.requires_grad_(before)
        model.train(training)


def losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Loss of each example [B]: squared error of a regression (K = 1), else cross-entropy.

    Args:
        logits: [B, K].
        labels: [B].
    """
    # decided by K: whole-numbered targets come as integers, and one class has no cross-entropy
    if logits.shape[-1] == 1:
        return (logits.squeeze(-1) - labels.to(logits)).square()
    return F.cross_entropy(logits, labels, reduction="none")


def gate_gradients(model: Any, batch: Batch, head: Any, mlp: Any) -> GateGradients:
    """Signed gradient of each example's loss at its own gates.

    Args:
        model: a frozen classifier in eval mode (see `frozen`).
        batch: B labelled examples.
        head: the point where the gradient is taken, [L, H]: 1 = living, 0 = dead.
        mlp: the same for MLPs, [L].

    Raises:
        InputError: if the batch has no labels.
    """
    if batch.labels is None:
        raise InputError("importance needs labelled examples")
    inputs = to_inputs(batch, model.device)
    labels = batch.labels.to(model.device)
    head_gate = _example_gates(model, head, len(labels))
    mlp_gate = _example_gates(model, mlp, len(labels))
    with torch.enable_grad(), Gates(model, head_gate, mlp_gate):
        logits = model(**inputs).logits
        loss = losses(logits, labels)
        # the sum keeps the examples apart: gate b reaches loss b alone
        head_gradient, mlp_gradient = torch.autograd.grad(loss.sum(), (head_gate, mlp_gate))
    return GateGradients(head_gradient, mlp_gradient, logits.detach(), loss.detach())


def _example_gates(model: Any, mask: Any, examples: int) -> torch.Tensor:
    """A leaf [B, *mask] with the mask's values for every example, in the model's precision."""
    # half precision would round the gradients that are summed over tokens
    dtype = torch.promote_types(model.dtype, torch.float32)
    one = torch.tensor(np.asarray(mask), dtype=dtype, device=model.device)
    return one.expand(examples, *one.shape).clone().requires_grad_()


def layer_norms(
    head: npt.NDArray[np.float64], counted: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.float64]:
    """Heads of each layer divided by the L2 norm over that layer (Molchanov et al. 2017).

    Args:
        head: importance [L, H].
        counted: heads that enter the norm [L, H]; the others become 0. None counts all.
    """
    kept = head if counted is None else np.where(counted, head, 0.0)
    norms = np.linalg.norm(kept, axis=1, keepdims=True)
    shares: npt.NDArray[np.float64] = np.zeros_like(kept)
    np.divide(kept, norms, out=shares, where=norms > 0)
    return shares


def importance_pass(
    model: Any,
    batches: TextBatches | Sequence[Batch],
    head: Any,
    mlp: Any,
    *,
    normalise: str | None = "l2",
    progress: Callable[[int, int], None] | None = None,
) -> ImportancePass:
    """Score every head and MLP of a masked classifier, and collect its answers, in one pass.

    The result does not depend on batch size, order or padding beyond 1e-5.

    Args:
        model: a classifier; frozen inside, as it was afterwards.
        batches: N labelled examples; their `index` says which.
        head: mask of heads [L, H], 1 = living. Dead heads get an importance too.
        mlp: mask of MLPs [L].
        normalise: "l2" divides the heads of a layer by their L2 norm; None leaves the plain
            mean of |dL/dgate|. MLPs are never normalised.
        progress: called with (batches done, batches) after each.

    Raises:
        InputError: if there is no example or one without a label.
        SubprobeError: if a gradient is not finite, or the batches do not hold each example once.
    """
    if not len(batches):
        raise InputError("no examples to score heads on")
    head_sum: npt.NDArray[np.float64] = np.zeros(np.shape(head))
    mlp_sum: npt.NDArray[np.float64] = np.zeros(np.shape(mlp))
    logits: list[npt.NDArray[np.float64]] = []
    labels: list[npt.NDArray[Any]] = []
    index: list[int] = []
    with frozen(model):
        for done, batch in enumerate(batches, start=1):
            found = gate_gradients(model, batch, head, mlp)
            head_sum += found.head.abs().sum(0, dtype=torch.float64).cpu().numpy()
            mlp_sum += found.mlp.abs().sum(0, dtype=torch.float64).cpu().numpy()
            logits.append(found.logits.double().cpu().numpy())
            labels.append(batch.labels.cpu().numpy())  # type: ignore[union-attr]
            index.extend(batch.index)
            if progress is not None:
                progress(done, len(batches))
    if not (np.isfinite(head_sum).all() and np.isfinite(mlp_sum).all()):
        raise SubprobeError(
            "a gradient at the gates is not finite", remedy="check that the fine-tuning converged"
        )
    order = np.argsort(index, kind="stable")
    if not np.array_equal(np.asarray(index)[order], np.arange(len(index))):
        raise SubprobeError("the batches do not hold each example exactly once")
    mean_head = head_sum / len(index)
    return ImportancePass(
        head=layer_norms(mean_head) if normalise == "l2" else mean_head,
        mlp=mlp_sum / len(index),
        logits=np.concatenate(logits)[order],
        labels=np.concatenate(labels)[order],
    )
