"""Learn a mask for one property of words (Cao, Sanh & Rush 2021, "subnetwork probing").

The encoder is frozen. Gates and a linear read-out of its last hidden states are trained together:
mean cross-entropy of the words' classes + lambda x expected share of open gates. A word is read at
its last subword. The result is a subnetwork of the pretrained weights that predicts the property
without any changed weight. Its interpretation needs controls, because masks learnt in random
networks predict properties as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from ...data.encoding.collate import to_inputs
from ...data.encoding.labelled_words import LabelledWords, WordBatch
from ...models.encoder.fingerprint import weights_fingerprint
from ...models.masks.gates import gated
from ...models.masks.subnetwork import Subnetwork
from ..importance.gate_gradients import frozen
from .hard_concrete import location, sample
from .property_options import START, TEMPERATURE, PropertyOptions
from .unit_gates import (
    Tensors,
    expected_open,
    expected_share,
    first_gates,
    hardened,
    states_under,
    without_noise,
)

DROPOUT = 0.1
"""Of the states that the read-out reads in training, as published."""


@dataclass(frozen=True)
class Readout:
    """A linear classifier on last hidden states.

    Attributes:
        weight: [K, D].
        bias: [K].
        classes: label of each of the K classes.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    classes: tuple[str, ...]

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        """Scores [R, K] of states [R, D]."""
        return F.linear(states, self.weight.to(states), self.bias.to(states))


@dataclass(frozen=True)
class PropertyMask:
    """The result of learning.

    Attributes:
        subnetwork: the units whose gate without noise is above the threshold.
        log_a: location of each gate, by gate tensor.
        readout: the read-out that was trained with the gates.
        options: the options for learning.
        expected: expected number of open gates.
        share: mean over gate tensors of the expected share of open gates.
        flag: `diverged` if the loss or a gradient was not finite (all is as before that step),
            `degenerate` if no unit is kept, else empty.
    """

    subnetwork: Subnetwork
    log_a: Tensors
    readout: Readout
    options: PropertyOptions
    expected: float
    share: float
    flag: str


def learn_property(
    model: Any,
    words: LabelledWords,
    options: PropertyOptions,
    *,
    model_name: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> PropertyMask:
    """Learn which units of a frozen encoder suffice to predict a property of words.

    The model is bitwise unchanged afterwards. The same seed gives the same mask on the same
    machine.

    Args:
        model: a transformers encoder, with or without a task head, which is not used.
        words: the labelled words for training.
        options: the gated units, the penalty, and the options for training.
        model_name: name of the encoder, for the metadata of the mask.
        progress: called with (completed steps, total steps).

    Returns:
        A mask of kind `good` and method `l0` whose task is the property, chosen on `train`. Its
        history has one record an epoch: `loss`, the mean of its steps in nats (null if not
        finite); at its end `penalty`, the cost of the open gates, `expected_open`, the expected
        number of open gates, `open`, gates above the threshold without noise, and `partly`, gates
        that are neither 0 nor 1. The first one also says `lambda` and the other options.
    """
    with _training(model, options):
        training = _Training(model, words, options)
        history = training.run(progress)
    masks = hardened(model, training.log_a, options.threshold)
    subnetwork = Subnetwork(
        **masks,
        kind="good",
        method="l0",
        importance="l0",
        task=words.property_name,
        model=model_name,
        selection="train",
        fingerprint=weights_fingerprint(model),
        history=history,
    )
    nothing = not any(one.any() for one in _kept(masks, training.log_a))
    return PropertyMask(
        subnetwork=subnetwork,
        log_a=training.log_a,
        readout=training.readout(),
        options=options,
        expected=expected_open(training.log_a, TEMPERATURE),
        share=float(expected_share(training.log_a, TEMPERATURE)),
        flag="diverged" if training.diverged else "degenerate" if nothing else "",
    )


def _kept(masks: Mapping[str, Any], log_a: Tensors) -> Iterator[npt.NDArray[np.bool_]]:
    """The masks of the gated units."""
    named = {"heads": "head_mask", "mlps": "mlp_mask", "neurons": "neuron_mask"}
    for name in log_a:
        yield masks[named[name]] if name in named else masks["weight_masks"][name]


@torch.no_grad()
def predict_soft(
    model: Any, found: PropertyMask, words: LabelledWords, batch_size: int = 64
) -> list[npt.NDArray[np.int64]]:
    """Class of each word [N][W] under the gates without noise, as the published code scores."""
    gates = without_noise(found.log_a)
    return _predicted(
        words, batch_size, found.readout, model, lambda inputs: states_under(model, gates, inputs)
    )


@torch.no_grad()
def predict_hard(
    model: Any, found: PropertyMask, words: LabelledWords, batch_size: int = 64
) -> list[npt.NDArray[np.int64]]:
    """Class of each word [N][W] under the mask, with the read-out that was trained with gates."""
    with gated(model, found.subnetwork):
        return _predicted(
            words, batch_size, found.readout, model, lambda inputs: states_under(model, {}, inputs)
        )


def _predicted(
    words: LabelledWords,
    batch_size: int,
    readout: Readout,
    model: Any,
    states: Callable[[Any], torch.Tensor],
) -> list[npt.NDArray[np.int64]]:
    found: list[npt.NDArray[np.int64]] = []
    with frozen(model):
        for batch in words.batches(batch_size):
            scores = readout(batch.pick(states(to_inputs(batch.texts, model.device))))
            counts = np.bincount(batch.text.numpy(), minlength=len(batch.texts.index))
            found += np.split(scores.argmax(-1).cpu().numpy(), np.cumsum(counts)[:-1])
    return found


@contextmanager
def _training(model: Any, options: PropertyOptions) -> Iterator[None]:
    """Context with a frozen model, optional dropout, and a separate random state."""
    with (
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
        torch.inference_mode(False),
        torch.enable_grad(),
        frozen(model),
    ):
        torch.manual_seed(options.seed)
        model.train(options.dropout)
        yield


class _Training:
    """Training of gates and a read-out."""

    def __init__(self, model: Any, words: LabelledWords, options: PropertyOptions):
        self._model, self._words, self._options = model, words, options
        first = first_gates(model, options.units, location(START))
        self.log_a = {name: one.requires_grad_() for name, one in first.items()}
        size = int(model.config.hidden_size)
        self._readout = torch.nn.Linear(size, len(words.classes)).to(model.device)
        self._optimizer = torch.optim.Adam(
            [
                {"params": list(self.log_a.values()), "lr": options.mask_rate},
                {"params": list(self._readout.parameters()), "lr": options.readout_rate},
            ]
        )
        self._full = (options.mask_rate, options.readout_rate)
        # on the processor, so that every machine sees the same order and draws
        self._generator = torch.Generator().manual_seed(options.seed)
        self._steps = -(-len(words.sentences) // options.batch_size) * options.epochs
        self.diverged = False

    def readout(self) -> Readout:
        """The current read-out."""
        weight, bias = self._readout.weight, self._readout.bias
        return Readout(weight.detach().cpu(), bias.detach().cpu(), self._words.classes)

    def run(self, progress: Callable[[int, int], None] | None) -> tuple[dict[str, Any], ...]:
        """Train to the end or to the first step that is not finite; one record per epoch."""
        history, done = [], 0
        for epoch in range(1, self._options.epochs + 1):
            seen = []
            for batch in self._batches():
                seen.append(self._step(batch, done))
                if self.diverged:
                    break
                done += 1
                if progress is not None:
                    progress(done, self._steps)
            history.append(self._record(epoch, float(np.mean(seen)), done))
            if self.diverged:
                break
        for one in self.log_a.values():
            one.requires_grad_(False)
        settings = dict(vars(self._options))
        history[0] |= {"lambda": settings.pop("penalty"), **settings}
        return tuple(history)

    def _batches(self) -> Iterator[WordBatch]:
        """Every training sentence once, in an order of its own in each epoch."""
        count, size = len(self._words.sentences), self._options.batch_size
        order = torch.randperm(count, generator=self._generator).tolist()
        for start in range(0, count, size):
            yield self._words.batch(order[start : start + size])

    def _step(self, batch: WordBatch, step: int) -> float:
        """Take a step on the penalised loss if it is finite; return the task loss before it."""
        device, options = self._model.device, self._options
        drawn = {
            name: sample(
                one, torch.rand(one.shape, generator=self._generator).to(device), TEMPERATURE
            )
            for name, one in self.log_a.items()
        }
        states = batch.pick(states_under(self._model, drawn, to_inputs(batch.texts, device)))
        states = F.dropout(states.float(), DROPOUT, training=options.dropout)
        loss = F.cross_entropy(self._readout(states), batch.gold.to(device))
        cost = options.penalty_at(step, self._steps) * expected_share(self.log_a, TEMPERATURE)
        for group, rate in zip(self._optimizer.param_groups, self._full, strict=True):
            group["lr"] = rate * options.rate_at(step, self._steps)
        self._optimizer.zero_grad()
        (loss + cost).backward()  # type: ignore[no-untyped-call]
        gradients = [one.grad for group in self._optimizer.param_groups for one in group["params"]]
        self.diverged = not (
            bool(loss.isfinite())
            and all(one is None or bool(one.isfinite().all()) for one in gradients)
        )
        if not self.diverged:
            self._optimizer.step()
        return loss.item()

    def _record(self, epoch: int, loss: float, done: int) -> dict[str, Any]:
        gates = without_noise({name: one.detach() for name, one in self.log_a.items()})
        held = self._options.penalty_at(max(done - 1, 0), self._steps)
        with torch.no_grad():
            share = float(expected_share(self.log_a, TEMPERATURE))
            expected = expected_open(self.log_a, TEMPERATURE)
        return {
            "epoch": epoch,
            "loss": loss if math.isfinite(loss) else None,
            "penalty": held * share,
            "expected_open": expected,
            "open": sum(int((one > self._options.threshold).sum()) for one in gates.values()),
            "partly": sum(int(((one > 0) & (one < 1)).sum()) for one in gates.values()),
        }
