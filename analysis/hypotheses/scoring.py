"""Score many masks of one loaded model on the same examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from ...data.errors import ConfigError
from ...data.tasks.metrics import BITS
from ...data.tasks.task import TaskSpec
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation, Scorer
from ..statistics.clusters import Units, units_of

Floats = npt.NDArray[np.float64]


def check_criterion(criterion: str, spec: TaskSpec) -> None:
    """Raise unless masks of a task can be judged in this way.

    Raises:
        ConfigError: for `kl` if the task has no classes.
    """
    if criterion == "kl" and (spec.regression or spec.masked):
        raise ConfigError(
            f"{spec.name} has no classes whose probabilities could be compared",
            where="`criterion` kl",
            remedy="use the `criterion` score",
        )


@dataclass(frozen=True)
class Scored:
    """The outputs of one model on N examples.

    Attributes:
        value: the primary metric.
        quality: how good it is by the criterion; higher is better.
        items: score of each example [N], higher is better: probability of the gold class, minus
            the error in regression, minus the bits of a masked piece.
        log_probabilities: of the classes [N, K]; None if the task has none.
        divergence: mean KL divergence of the full model from it, in nats; NaN without classes.
    """

    value: float
    quality: float
    items: Floats
    log_probabilities: Floats | None
    divergence: float


class MaskScorer:
    """Scores masks of one model; the model is loaded and the examples are encoded once.

    Args:
        scorer: the model with its examples.
        spec: the task.
        criterion: `score` or `kl`.
        advance: called with the number of scored masks.
        full: the outputs of the full model; None = they are computed.

    Raises:
        ConfigError: as `check_criterion`.
    """

    def __init__(
        self,
        scorer: Scorer,
        spec: TaskSpec,
        criterion: str = "score",
        advance: Callable[[int], None] | None = None,
        full: Evaluation | None = None,
    ):
        check_criterion(criterion, spec)
        self._scorer, self.spec, self.criterion = scorer, spec, criterion
        self._advance, self._done = advance, 0
        self._known: dict[str, Scored] = {}
        evaluation = scorer.score(None) if full is None else full
        self.evaluation = evaluation
        self.units: Units = units_of([one or None for one in evaluation.clusters] or
                                     [None] * len(evaluation.ids))  # fmt: skip
        self._full_log = _log_probabilities(evaluation)
        self.full = self._scored(evaluation)

    @property
    def labels(self) -> npt.NDArray[Any] | None:
        """Gold classes [N]; None for tasks without classes."""
        return None if self.spec.regression or self.spec.masked else self.evaluation.labels

    def score(self, mask: Subnetwork) -> Scored:
        """The outputs under a mask; equal masks are scored once."""
        if mask.mask_id not in self._known:
            self._known[mask.mask_id] = self._scored(self._scorer.score(mask))
        self._done += 1
        if self._advance is not None:
            self._advance(self._done)
        return self._known[mask.mask_id]

    def change(self, first: Scored, second: Scored) -> float:
        """How much two models differ: mean absolute difference of item scores, or mean KL."""
        if self.criterion == "score":
            return float(np.abs(first.items - second.items).mean())
        assert first.log_probabilities is not None
        assert second.log_probabilities is not None
        return _divergence(first.log_probabilities, second.log_probabilities)

    def _scored(self, evaluation: Evaluation) -> Scored:
        value = float(evaluation.metrics[self.spec.metric])
        sign = -1.0 if self.spec.metric == BITS else 1.0
        log = _log_probabilities(evaluation)
        far = float("nan")
        if log is not None and self._full_log is not None:
            far = _divergence(self._full_log, log)
        quality = sign * value if self.criterion == "score" else -far
        items = evaluation.items()["score"].to_numpy(dtype=np.float64)
        return Scored(value, quality, -items if self.spec.masked else items, log, far)


def _log_probabilities(evaluation: Evaluation) -> Floats | None:
    """Logarithms of the probabilities of the classes [N, K]; None if there are none."""
    if evaluation.spec.regression or evaluation.spec.masked:
        return None
    return np.asarray(log_softmax(evaluation.logits, axis=1), dtype=np.float64)


def _divergence(first: Floats, second: Floats) -> float:
    """Mean over examples of KL(first || second), from log-probabilities [N, K]."""
    return float((np.exp(first) * (first - second)).sum(axis=1).mean())
