"""How well a predictor tells which heads survive, on heads and layers that it was not fitted on.

Heads are held out in all runs together, and whole layers in all runs together. Leaving out seeds
instead would leak: the same pretrained head is in every seed, so any chance likeness of predictor
and survival comes back in the seed held out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from .null import Indices
from .panel import Bools, Floats

FOLDS = 6
RIDGE = 1.0
STEPS = 4
HELD_OUT = ("heads", "layers")


@dataclass(frozen=True)
class Held:
    """Scores on what was held out; arrays have one entry a predictor.

    Attributes:
        auc: area under the ROC curve.
        log_loss: mean negative log-likelihood, in nats.
    """

    auc: Floats
    log_loss: Floats


def folds_of_heads(layer: Indices, rng: np.random.Generator, folds: int = FOLDS) -> Indices:
    """Fold of each head [U]: every fold holds out heads of every layer."""
    found = np.empty(len(layer), dtype=np.int64)
    for one in np.unique(layer):
        places = np.flatnonzero(layer == one)
        found[rng.permutation(places)] = np.arange(len(places)) % min(folds, len(places))
    return found


@dataclass(frozen=True)
class LayerAlone:
    """What runs and layers alone say, fitted without each fold.

    Attributes:
        kept: survival [R, U].
        folds: of each fold what is held out [R * U], and the log-odds of everything [R * U].
        auc: area under the ROC curve of what was held out.
        log_loss: mean negative log-likelihood of what was held out, in nats.
    """

    kept: Bools
    folds: tuple[tuple[npt.NDArray[np.bool_], Floats], ...]
    auc: float
    log_loss: float


def layer_alone(kept: Bools, layer: Indices, fold: Indices, *, by_layer: bool) -> LayerAlone:
    """Cross-validated logistic regression of survival on runs and layers.

    Args:
        kept: survival [R, U].
        layer: layer of each head [U].
        fold: fold of each head [U], or of each head of each run [R, U].
        by_layer: layers enter as a curve (depth and its square), which says something about a
            layer never seen, else one by one.

    Returns:
        The regression has a ridge penalty (1), so that a layer that keeps all its heads has finite
        odds.
    """
    y = kept.ravel().astype(np.float64)
    base = _base(kept.shape, layer, by_layer)
    of = np.broadcast_to(fold, kept.shape).ravel()
    folds = [(of == one, _layer_logits(base, y, of != one)) for one in np.unique(of)]
    alone = np.empty((1, y.size))
    for out, logits in folds:
        alone[0, out] = logits[out]
    return LayerAlone(
        kept, tuple(folds), float(auc(alone, kept.ravel())[0]), float(_log_loss(alone, y)[0])
    )


def held_out(base: LayerAlone, predictors: Floats) -> Held:
    """Cross-validated logistic regressions on runs, layers and each predictor.

    Args:
        base: what runs and layers say alone.
        predictors: [B, R, U], or [B, R, U, K] for several at once; centred within run and layer,
            of unit variance.

    Returns:
        Scores over everything that was held out, one a predictor. The slope is fitted beside what
        runs and layers say, with the same ridge penalty.
    """
    kept = base.kept.ravel()
    y = kept.astype(np.float64)
    several = predictors.reshape(predictors.shape[0], y.size, -1)
    logits = np.empty((len(several), y.size))
    for out, offset in base.folds:
        slopes = _slopes(several[:, ~out], y[~out], offset[~out])
        logits[:, out] = offset[out] + np.einsum("bnk,bk->bn", several[:, out], slopes)
    return Held(auc(logits, kept), _log_loss(logits, y))


def _base(shape: tuple[int, ...], layer: Indices, by_layer: bool) -> Floats:
    """What is known of a head without looking at it: its run and its layer [R * U, P]."""
    n_runs, n_heads = shape
    runs = np.repeat(np.eye(n_runs), n_heads, axis=0)
    if by_layer:
        depth = layer.astype(np.float64) - layer.mean()
        depth /= max(depth.std(), 1e-12)
        place = np.stack([depth, depth**2 - 1], axis=1)
    else:
        place = np.eye(int(layer.max()) + 1)[layer]
    return np.hstack([runs, np.tile(place, (n_runs, 1))])


def _layer_logits(base: Floats, y: Floats, train: npt.NDArray[np.bool_]) -> Floats:
    """Log-odds of survival for everything, from runs and layers of the training part."""
    mean = y[train].mean()
    if mean in (0.0, 1.0):
        n = int(train.sum())
        return np.full(len(y), np.log((mean * n + 0.5) / ((1 - mean) * n + 0.5)))
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1 / RIDGE, max_iter=200).fit(base[train], y[train])
    found: Floats = fitted.decision_function(base)
    return found


def _slopes(x: Floats, y: Floats, offset: Floats) -> Floats:
    """Ridge-penalised slopes [B, K] of x [B, N, K] beside a fixed offset [N], by Newton's steps."""
    n_sets, _, n_slopes = x.shape
    if n_slopes == 1:
        return _single_slopes(x[:, :, 0], y, offset)[:, None]
    slopes = np.zeros((n_sets, n_slopes))
    penalty = RIDGE * np.eye(n_slopes)
    for _ in range(STEPS):
        p = expit(offset + np.einsum("bnk,bk->bn", x, slopes))
        gradient = np.einsum("bnk,bn->bk", x, y - p) - RIDGE * slopes
        weighted = x * (p * (1 - p))[:, :, None]
        curvature = np.matmul(weighted.transpose(0, 2, 1), x) + penalty
        slopes += np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
    return slopes


def _single_slopes(x: Floats, y: Floats, offset: Floats) -> Floats:
    """The same of one predictor at a time [B], x [B, N]: most of the time goes here."""
    slopes = np.zeros(len(x))
    squares = x * x
    constant = x @ y
    p = np.broadcast_to(expit(offset), x.shape)
    for step in range(STEPS):
        if step:
            p = expit(offset + slopes[:, None] * x)
        gradient = constant - np.einsum("bn,bn->b", x, p) - RIDGE * slopes
        slopes += gradient / (np.einsum("bn,bn->b", squares, p * (1 - p)) + RIDGE)
    return slopes


def auc(logits: Floats, kept: npt.NDArray[np.bool_]) -> Floats:
    """Area under the ROC curve of each row of logits [B, N]; ties count half, NaN with one class.

    Mann and Whitney's U over the number of pairs.
    """
    # scipy.stats takes most of a second to import, and most commands draw nothing from it
    from scipy.stats import rankdata

    positive = int(kept.sum())
    negative = kept.size - positive
    if not positive or not negative:
        return np.full(len(logits), np.nan)
    ranks = rankdata(logits, axis=1)[:, kept].sum(axis=1)
    found: Floats = (ranks - positive * (positive + 1) / 2) / (positive * negative)
    return found


def _log_loss(logits: Floats, y: Floats) -> Floats:
    found: Floats = np.logaddexp(0, np.where(y > 0, -logits, logits)).mean(axis=1)
    return found
