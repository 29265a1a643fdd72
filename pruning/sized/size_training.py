"""The training of gates towards a size."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from ...data.encoding.collate import Batch, TextBatches
from ...models.language.answers import answers, divergences, losses
from ...models.training.recipes import Recipe
from ..importance.gate_gradients import labelled
from ..learned.gate_forms import binary_share, form_of
from ..learned.gate_training import EncoderStep, shuffled
from ..learned.unit_gates import Tensors, answers_under
from .gated_units import GatedUnits
from .lagrangian import Multipliers, target_at
from .size_options import SizeOptions

BETAS = (0.9, 0.95)
"""Of Adam for the gates. Gradients shrink by orders of magnitude as gates become binary, and with a
longer memory of the second moment the gates would stop."""


class SizeTraining:
    """The gates of one model while they are trained.

    Args:
        full: the full model, which is not trained; the reference of the criterion `kl`.
        model: the model under the gates: `full` itself, or a copy that is trained too.
        units: its units with gates.
        encoded: the training examples.
        options: see `SizeOptions`.
        recipe: precision, and the optimiser of a trained encoder.
    """

    def __init__(
        self,
        full: Any,
        model: Any,
        units: GatedUnits,
        encoded: TextBatches,
        options: SizeOptions,
        recipe: Recipe,
    ):
        self._model, self._units, self._encoded = model, units, encoded
        self._options, self._recipe = options, recipe
        self._form = form_of(options.form, options.epochs, options.final_beta, options.temperature)
        first = units.first(self._form.location(options.start))
        self._located = {name: one.requires_grad_() for name, one in first.items()}
        self._optimizer = torch.optim.Adam(
            list(first.values()), lr=options.learning_rate, betas=BETAS
        )
        self._multipliers = Multipliers(options.multiplier_rate, model.device)
        # on the processor, so that every machine sees the same order and draws
        self._generator = torch.Generator().manual_seed(options.seed)
        self._steps = -(-encoded.n_examples // options.batch_size) * options.epochs
        self._encoder = None if options.frozen else EncoderStep(model, recipe, self._steps)
        self._full = _Remembered(full)
        self._finished = 0
        self._first = self._sparsity(0)
        self.diverged = False

    @property
    def locations(self) -> Tensors:
        """Location of each gate, as it is now."""
        return {name: one.detach() for name, one in self._located.items()}

    def soft(self) -> Tensors:
        """The gates without noise, as they are now."""
        return {name: self._form.soft(one, self._finished) for name, one in self.locations.items()}

    def run(self, progress: Callable[[int, int], None] | None) -> tuple[dict[str, Any], ...]:
        """Train to the end or to the first step that is not finite; one record per epoch."""
        history, done = [], 0
        for epoch in range(self._options.epochs):
            seen = []
            for batch in shuffled(self._encoded, epoch + 1, self._generator):
                seen.append(self._step(batch, epoch, self._target(done)))
                if self.diverged:
                    break
                done += 1
                if progress is not None:
                    progress(done, self._steps)
            self._finished = epoch if self.diverged else epoch + 1
            history.append(self._record(epoch, float(np.mean(seen)), self._target(done - 1)))
            if self.diverged:
                break
        history[0] |= dict(vars(self._options))
        return tuple(history)

    def _target(self, step: int) -> float:
        options = self._options
        return target_at(max(step, 0), self._steps, options.ramp, 1 - options.keep, self._first)

    def _step(self, batch: Batch, epoch: int, target: float) -> float:
        """Take a step if the criterion is finite; return the criterion before it."""
        inputs, labels = labelled(self._model, batch)
        gates = {
            name: self._form.value(one, epoch, self._generator)
            for name, one in self._located.items()
        }
        half = self._recipe.precision == "bfloat16"
        lower = torch.autocast(self._model.device.type, torch.bfloat16) if half else nullcontext()
        with lower:
            whole = self._full.logits(batch, inputs, labels) if self._by_kl else None
            logits = answers_under(self._model, self._units.factors(gates), inputs, labels).float()
        each = losses(logits, labels) if whole is None else divergences(logits, whole, labels)
        loss = each.mean()
        sparsity = 1 - self._units.share(
            {name: self._form.openness(one, epoch) for name, one in self._located.items()}
        )
        self._optimizer.zero_grad()
        self._multipliers.clear()
        (loss + self._multipliers.penalty(sparsity, target)).backward()  # type: ignore[no-untyped-call]
        gradients = [one.grad for one in self._located.values()]
        fine = bool(loss.isfinite()) and all(
            one is not None and bool(one.isfinite().all()) for one in gradients
        )
        if fine and self._encoder is not None:
            fine = self._encoder.step()
        if fine:
            self._optimizer.step()
            self._multipliers.step()
        self.diverged = not fine
        return loss.item()

    @torch.no_grad()
    def _sparsity(self, epoch: int) -> float:
        """Expected sparsity of the gates, as they are now."""
        opening = {name: self._form.openness(one, epoch) for name, one in self._located.items()}
        return 1 - float(self._units.share(opening))

    @property
    def _by_kl(self) -> bool:
        return self._options.criterion == "kl"

    def _record(self, epoch: int, loss: float, target: float) -> dict[str, Any]:
        locations = self.locations
        linear, quadratic = self._multipliers.values
        return {
            "epoch": epoch + 1,
            "loss": loss if math.isfinite(loss) else None,
            "target": target,
            "sparsity": self._sparsity(epoch),
            "lambda1": linear,
            "lambda2": quadratic,
            "open": sum(int(self._form.opened(one).sum()) for one in locations.values()),
            "binary": binary_share(self.soft()),
        }


class _Remembered:
    """The outputs of the full model: computed once per example, except for masked texts."""

    def __init__(self, model: Any):
        self._model = model
        self._known: dict[int, torch.Tensor] = {}

    @torch.no_grad()
    def logits(
        self, batch: Batch, inputs: dict[str, torch.Tensor], labels: torch.Tensor
    ) -> torch.Tensor:
        """Logits [B, K], or [P, V] of masked texts, whose masked pieces differ by epoch."""
        if labels.dim() == 2:
            return answers(self._model, inputs, labels)
        if any(one not in self._known for one in batch.index):
            found = answers(self._model, inputs, labels).float()
            self._known |= dict(zip(batch.index, found, strict=True))
        return torch.stack([self._known[one] for one in batch.index])
