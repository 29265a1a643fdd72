"""Head gates learned with an L0 penalty (Voita et al. 2019, "Analyzing Multi-Head Self-Attention").

Training continues from a fine-tuned model and minimises task loss + lambda x expected number of
open heads. A head is kept if it reduces the loss by more than lambda. As in the paper, one gate per
head is drawn for each batch, not for each example. Only heads have gates; all MLPs are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.collate import Batch, TextBatches
from ...data.errors import ConfigError
from ...data.tasks.task import TaskParts
from ...models.encoder.anatomy import anatomy_of
from ...models.language.answers import answers, losses
from ...models.masks.gates import Gates
from ...models.masks.replacement import replacing
from ...models.masks.subnetwork import Subnetwork
from ...models.training.recipes import Recipe
from ..importance.gate_gradients import labelled
from .gate_training import EncoderStep, learned_mask, learning, shuffled, to_train
from .hard_concrete import mean_gate, open_probability, sample

START = 2.5
"""Initial value of `log_a`: without noise all gates are 1 (full model); 96% of draws are open."""


@dataclass(frozen=True)
class L0Options:
    """Options for learning gates.

    Attributes:
        penalty: lambda, the minimum reduction of the loss (nats, or squared error) by an open head.
        learning_rate: learning rate of Adam for the gates, which need larger steps than weights.
        epochs: number of passes over the training examples.
        batch_size: number of examples per step, which share one draw of the gates.
        frozen: train only the gates, without dropout; otherwise the encoder and its task head as
            well.
        seed: seed of the order of examples, of masked pieces, of the gates and of dropout.

    Raises:
        ConfigError: if a number is out of range.
    """

    penalty: float
    learning_rate: float = 0.2
    epochs: int = 2
    batch_size: int = 8
    frozen: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.penalty) and self.penalty >= 0):
            raise ConfigError(
                f"penalty must be >= 0, got {self.penalty}",
                remedy="use a penalty such as 0.01",
            )
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ConfigError(
                f"the learning rate of the gates must be > 0, got {self.learning_rate}"
            )
        if self.epochs < 1 or self.batch_size < 1:
            raise ConfigError(
                f"epochs and batch size must be >= 1, got {self.epochs} and {self.batch_size}",
                remedy="set both to at least 1",
            )


@dataclass(frozen=True)
class LearnedGates:
    """The result of training gates.

    Attributes:
        subnetwork: a mask that keeps the heads whose gate without noise is above 0, and all MLPs.
        log_a: location of each gate [L, H]; higher values mean more open gates (see
            `hard_concrete`).
        model: the model of the mask: the given one, or the copy that was trained with the gates.
        flag: `diverged` if the loss or a gradient was not finite (the gates are those before that
            step), `degenerate` if no head is left, else empty.
    """

    subnetwork: Subnetwork
    log_a: npt.NDArray[np.float64]
    model: Any
    flag: str

    @property
    def gates(self) -> npt.NDArray[np.float64]:
        """The gates without noise, in [0, 1], [L, H]."""
        return _without_noise(self.log_a)


def learn_gates(
    model: Any,
    tokenizer: Any,
    parts: TaskParts,
    options: L0Options,
    recipe: Recipe,
    *,
    seeds: tuple[int, int] = (0, 0),
    model_name: str = "",
    like: Subnetwork | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LearnedGates:
    """Learn which heads of a fine-tuned classifier reduce the loss by more than `options.penalty`.

    The given model is not changed: it is frozen, or copied if the encoder is trained. The same seed
    gives the same gates.

    Args:
        model: a fine-tuned classifier.
        tokenizer: its tokenizer.
        parts: the task; gates are trained on `parts.train`.
        options: the penalty and the options for training.
        recipe: maximum length and precision; if the encoder is trained, also its learning rate
            (which falls linearly), weight decay and clipping.
        seeds: (init, order) seeds of the model, for the metadata of the mask.
        model_name: name of the pretrained encoder, for the metadata of the mask.
        like: a mask whose ablation replaces what the gates close; None = zeros.
        progress: called with (completed steps, total steps).

    Returns:
        A mask of kind `good` and method `l0`, selected on `train`. Its history has one record per
        epoch: `loss`, the mean task loss of its steps (null if not finite); and at the end of the
        epoch `expected_open`, the expected number of open heads, `penalty`, lambda times that
        number, `open`, the number of heads whose gate without noise is above 0, and `partly`, the
        number of those below 1. The first record also contains `lambda` and the other options.
    """
    trained, encoded = to_train(model, tokenizer, parts, options, recipe)
    with learning(trained, options.frozen, options.seed), replacing(trained, like):
        training = _Training(trained, encoded, options, recipe)
        history = training.run(progress)
    log_a = training.log_a
    kept = _without_noise(log_a) > 0
    return LearnedGates(
        subnetwork=learned_mask(
            "l0",
            parts,
            trained,
            seeds=seeds,
            model_name=model_name,
            history=history,
            head_mask=kept,
            mlp_mask=np.ones(len(kept), dtype=np.bool_),
        ),
        log_a=log_a,
        model=trained,
        flag="diverged" if training.diverged else "" if kept.any() else "degenerate",
    )


def _without_noise(log_a: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = mean_gate(torch.from_numpy(log_a)).numpy()
    return found


class _Training:
    """The gates of one model while they are trained."""

    def __init__(self, model: Any, encoded: TextBatches, options: L0Options, recipe: Recipe):
        self._model, self._encoded, self._options, self._recipe = model, encoded, options, recipe
        anatomy = anatomy_of(model)
        units = (anatomy.num_layers, anatomy.num_heads)
        self._log_a = torch.full(units, START, device=model.device, requires_grad=True)
        self._optimizer = torch.optim.Adam([self._log_a], lr=options.learning_rate)
        # on the processor, so that every machine sees the same order and draws
        self._generator = torch.Generator().manual_seed(options.seed)
        self._steps = -(-encoded.n_examples // options.batch_size) * options.epochs
        self._encoder = None if options.frozen else EncoderStep(model, recipe, self._steps)
        self.diverged = False

    @property
    def log_a(self) -> npt.NDArray[np.float64]:
        """Location of each gate, as it is now [L, H]."""
        found: npt.NDArray[np.float64] = self._log_a.detach().double().cpu().numpy()
        return found

    def run(self, progress: Callable[[int, int], None] | None) -> tuple[dict[str, Any], ...]:
        """Train to the end or to the first step that is not finite; one record per epoch."""
        history, done = [], 0
        for epoch in range(1, self._options.epochs + 1):
            seen = []
            for batch in shuffled(self._encoded, epoch, self._generator):
                seen.append(self._step(batch))
                if self.diverged:
                    break
                done += 1
                if progress is not None:
                    progress(done, self._steps)
            history.append(self._record(epoch, float(np.mean(seen))))
            if self.diverged:
                break
        settings = dict(vars(self._options))
        history[0] |= {"lambda": settings.pop("penalty"), **settings}
        return tuple(history)

    def _step(self, batch: Batch) -> float:
        """Take a step on the penalised loss if it is finite; return the task loss before it."""
        inputs, labels = labelled(self._model, batch)
        uniform = torch.rand(self._log_a.shape, generator=self._generator).to(self._log_a.device)
        half = self._recipe.precision == "bfloat16"
        lower = torch.autocast(self._model.device.type, torch.bfloat16) if half else nullcontext()
        with lower, Gates(self._model, sample(self._log_a, uniform)):
            logits = answers(self._model, inputs, labels)
        loss = losses(logits.float(), labels).mean()
        self._optimizer.zero_grad()
        expected = open_probability(self._log_a).sum()
        (loss + self._options.penalty * expected).backward()  # type: ignore[no-untyped-call]
        assert self._log_a.grad is not None
        fine = bool(loss.isfinite() and self._log_a.grad.isfinite().all())
        if fine and self._encoder is not None:
            fine = self._encoder.step()
        if fine:
            self._optimizer.step()
        self.diverged = not fine
        return loss.item()

    def _record(self, epoch: int, loss: float) -> dict[str, Any]:
        gates = _without_noise(self.log_a)
        expected = float(open_probability(self._log_a.detach()).sum())
        return {
            "epoch": epoch,
            "loss": loss if math.isfinite(loss) else None,
            "penalty": self._options.penalty * expected,
            "expected_open": expected,
            "open": int((gates > 0).sum()),
            "partly": int(((gates > 0) & (gates < 1)).sum()),
        }
