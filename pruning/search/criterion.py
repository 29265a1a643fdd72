"""Loss and faithfulness as what a search preserves, beside the metric of the task.

During a search, all values are negated, so that higher is better, as with a metric; its history
has them with their own sign and name. The baseline of both is the best
constant prediction on the same examples: of the loss it is the entropy of the labels, of the
divergence the mutual information of example and predicted class; in regression both are variances.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import ConfigError
from ...data.tasks.metrics import BITS
from ...data.tasks.task import TaskSpec

Floats = npt.NDArray[np.float64]


def check_criterion(name: str, spec: TaskSpec) -> None:
    """Raise if a criterion is not defined for a task.

    Raises:
        ConfigError: for the divergence of masked texts, whose outputs are whole vocabularies.
    """
    if name == "kl" and spec.masked:
        raise ConfigError(
            f"the criterion kl is not available for the task {spec.name}, which predicts pieces of "
            "the vocabulary",
            where="`criterion`",
            remedy="use loss",
        )


def preserved(
    name: str,
    spec: TaskSpec,
    logits: Floats,
    labels: npt.NDArray[Any],
    full: Floats | None = None,
) -> float:
    """The negative loss, or the negative divergence from the full model.

    Args:
        name: `loss`: mean cross-entropy in nats, or mean squared error; of masked pieces, over all
            pieces. `kl`: mean KL(full || candidate) in nats, or mean squared difference.
        spec: the task.
        logits: outputs of the candidate [N, K]; of masked texts, see `piece_scores`.
        labels: gold labels [N].
        full: outputs of the full model [N, K], for `kl`.
    """
    if name == "kl":
        assert full is not None
        if spec.regression:
            return -float(np.mean((full[:, 0] - logits[:, 0]) ** 2))
        theirs = _log_softmax(full)
        return -float(np.mean((np.exp(theirs) * (theirs - _log_softmax(logits))).sum(axis=1)))
    if spec.masked:
        return float(np.mean(logits[:, 1])) * math.log(2)
    if spec.regression:
        return -float(np.mean((logits[:, 0] - labels) ** 2))
    gold = labels.astype(int)
    return float(np.mean(_log_softmax(logits)[np.arange(len(gold)), gold]))


def best_constant(
    name: str,
    spec: TaskSpec,
    labels: npt.NDArray[Any],
    full: Floats | None = None,
    baseline: Mapping[str, float] | None = None,
) -> float:
    """The same of the constant prediction that is best on these examples.

    Args:
        name: see `preserved`.
        spec: the task.
        labels: gold labels [N].
        full: outputs of the full model [N, K], for `kl`.
        baseline: scores of the unigram model, which is the baseline of masked texts.
    """
    if name == "kl":
        assert full is not None
        if spec.regression:
            return -float(np.var(full[:, 0]))
        likely = np.exp(_log_softmax(full))
        # the mean of the predictions is the constant of the lowest mean divergence
        return _entropy(likely) - _entropy(likely.mean(axis=0, keepdims=True))
    if spec.masked:
        assert baseline is not None
        return -baseline[BITS] * math.log(2)
    if spec.regression:
        return -float(np.var(labels))
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return -_entropy(shares[None])


def in_own_sign(history: Sequence[Mapping[str, Any]], name: str) -> tuple[dict[str, Any], ...]:
    """The records of a search with losses or divergences as they are, under their own name.

    Args:
        history: records with a negated `metric`; the first also has `baseline` and `target`.
        name: `score`, for which nothing changes, `loss` or `kl`, the name that replaces `metric`.
    """
    if name == "score":
        return tuple(dict(record) for record in history)
    turned = {"metric": name, "baseline": "baseline", "target": "target"}
    found = [
        {
            # 0 in place of -0
            turned.get(key, key): 0.0 - value if key in turned and value is not None else value
            for key, value in record.items()
        }
        for record in history
    ]
    found[0]["criterion"] = name
    return tuple(found)


def _entropy(likely: Floats) -> float:
    """Mean entropy of distributions [N, K] in nats."""
    logs = np.log(likely, out=np.zeros_like(likely), where=likely > 0)
    return -float((likely * logs).sum(axis=1).mean())


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
