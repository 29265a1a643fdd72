"""Head gates learned with an L0 penalty (Voita et al. 2019, "Analyzing Multi-Head Self-Attention").

Training goes on from a fine-tuned model and minimises task loss + lambda x expected number of open
heads. A head survives if it saves more loss than lambda. As in the paper one gate a head is drawn
for each batch, not for each example. Only heads have gates; MLPs all stay.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import get_linear_schedule_with_warmup

from ...data.encoding.collate import Batch, TextBatches
from ...data.errors import ConfigError
from ...data.masking.masked_batches import task_batches
from ...data.tasks.task import TaskParts
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.fingerprint import weights_fingerprint
from ...models.language.answers import answers, losses
from ...models.masks.gates import Gates
from ...models.masks.subnetwork import Subnetwork
from ...models.training.recipes import Recipe
from ..importance.gate_gradients import frozen, labelled
from .hard_concrete import mean_gate, open_probability, sample

START = 2.5
"""Where `log_a` starts: gates are 1 without noise, the model is whole; 96% of draws are open."""


@dataclass(frozen=True)
class L0Options:
    """How gates are learned.

    Attributes:
        penalty: lambda, the loss (nats, or squared error) that an open head has to be worth.
        learning_rate: Adam's, for the gates; they are a few numbers and travel far.
        epochs: passes over the training examples.
        batch_size: examples per step, which share one draw of the gates.
        frozen: train gates alone, without dropout; else the encoder and its head as well.
        seed: orders the examples and draws gates and dropout.

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
            raise ConfigError(f"the gates' learning rate {self.learning_rate} is not above 0")
        if self.epochs < 1 or self.batch_size < 1:
            raise ConfigError(
                f"{self.epochs} epochs of batches of {self.batch_size} train nothing",
                remedy="give at least 1 of each",
            )


@dataclass(frozen=True)
class LearnedGates:
    """What training the gates gave.

    Attributes:
        subnetwork: the heads whose gate without noise is above 0, at full strength, and all MLPs.
        log_a: location of each gate [L, H]; the higher, the more open (see `hard_concrete`).
        model: what the mask belongs to: the model given, or the copy that was trained with it.
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
    progress: Callable[[int, int], None] | None = None,
) -> LearnedGates:
    """Learn which heads of a fine-tuned classifier are worth `options.penalty` each.

    The given model is left as it was: frozen inside, or copied if the encoder is trained. The same
    seed gives the same gates.

    Args:
        model: a fine-tuned classifier.
        tokenizer: its tokenizer.
        parts: the task; gates are trained on `parts.train`.
        options: penalty and training.
        recipe: length and precision; an encoder that is trained takes its rate (which falls
            linearly), weight decay and clipping as well.
        seeds: (init, order) seeds of the model, for the mask's record.
        model_name: name of the pretrained encoder, for the mask's record.
        progress: called with (steps done, steps in all).

    Returns:
        A mask of kind `good` and method `l0`, chosen on `train`. Its history has one record an
        epoch: `loss`, the mean task loss of its steps (null if not finite); at its end
        `expected_open`, the expected number of open heads, and `penalty`, lambda times that;
        `open`, heads whose gate without noise is above 0, and `partly`, those of them below 1. The
        first one also says `lambda` and the other options.
    """
    encoded = task_batches(
        tokenizer,
        parts.train,
        parts.spec,
        batch_size=options.batch_size,
        max_length=recipe.max_length,
    )
    trained = model if options.frozen else copy.deepcopy(model)
    with _training(trained, options):
        training = _Training(trained, encoded, options, recipe)
        history = training.run(progress)
    log_a = training.log_a
    kept = _without_noise(log_a) > 0
    return LearnedGates(
        subnetwork=Subnetwork(
            head_mask=kept,
            mlp_mask=np.ones(len(kept), dtype=np.bool_),
            kind="good",
            method="l0",
            importance="l0",
            task=parts.spec.name,
            model=model_name,
            seed_init=seeds[0],
            seed_order=seeds[1],
            selection="train",
            fingerprint=weights_fingerprint(trained),
            history=history,
        ),
        log_a=log_a,
        model=trained,
        flag="diverged" if training.diverged else "" if kept.any() else "degenerate",
    )


def _without_noise(log_a: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = mean_gate(torch.from_numpy(log_a)).numpy()
    return found


@contextmanager
def _training(model: Any, options: L0Options) -> Iterator[None]:
    """Frozen or in training mode, with randomness of its own that only dropout draws from."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(options.seed)
        if options.frozen:
            with frozen(model):
                yield
            return
        model.train()
        yield
        model.eval()


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
        self._encoder = None if options.frozen else _EncoderStep(model, recipe, self._steps)
        self.diverged = False

    @property
    def log_a(self) -> npt.NDArray[np.float64]:
        """Location of each gate, as it is now [L, H]."""
        found: npt.NDArray[np.float64] = self._log_a.detach().double().cpu().numpy()
        return found

    def run(self, progress: Callable[[int, int], None] | None) -> tuple[dict[str, Any], ...]:
        """Train to the end or to the first step that is not finite; one record an epoch."""
        history, done = [], 0
        for epoch in range(1, self._options.epochs + 1):
            seen = []
            for batch in self._batches():
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

    def _batches(self) -> Iterator[Batch]:
        """Every training example once, in an order of its own in each epoch."""
        count, size = self._encoded.n_examples, self._options.batch_size
        order = torch.randperm(count, generator=self._generator).tolist()
        for start in range(0, count, size):
            yield self._encoded.batch(tuple(order[start : start + size]))

    def _step(self, batch: Batch) -> float:
        """One step down the penalised loss; the task loss it saw. No step if not finite."""
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


class _EncoderStep:
    """The optimiser of an encoder that is trained together with its gates."""

    def __init__(self, model: Any, recipe: Recipe, steps: int):
        self._parameters = list(model.parameters())
        self._max_norm = recipe.max_grad_norm
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=recipe.learning_rate,
            eps=recipe.adam_epsilon,
            weight_decay=recipe.weight_decay,
        )
        self._schedule = get_linear_schedule_with_warmup(
            self._optimizer, math.ceil(recipe.warmup * steps), steps
        )

    def step(self) -> bool:
        """One step along the gradients that are there; none, and False, if they are not finite."""
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._max_norm)
        finite = bool(norm.isfinite())
        if finite:
            self._optimizer.step()
            self._schedule.step()
        self._optimizer.zero_grad()
        return finite
