"""Reliability of the pattern classifier on a model's own maps.

Its probabilities are calibrated for synthetic maps only. On unlabelled real maps, three measures
indicate its reliability: its agreement with rules that were not fitted, its abstention rate, and
the distance of real maps from its training maps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.output.tables import rows_frame
from ...probes.patterns.classes import PATTERNS
from ...probes.patterns.feature_names import FEATURES
from ...probes.patterns.generator import synthetic_map
from ...probes.patterns.network import PatternClassifier
from ...probes.patterns.rules import rule_patterns
from ...probes.patterns.scores import cohen_kappa
from ...probes.patterns.training import feature_set
from ..statistics.uncertainty import bootstrap_interval
from .sample import OwnMap

Floats = npt.NDArray[np.float64]

PLAIN = [name.startswith("grid") for name in FEATURES].index(True)
"""Features before the grid, which distances are measured on; `log_length` is left out as well."""


def check_patterns(
    maps: list[OwnMap], classifier: PatternClassifier, *, seed: int = 0
) -> pd.DataFrame:
    """Agreement, abstention and distance of each kind of map.

    Every real map is paired with a synthetic one of the same length, of a pattern drawn from those
    that the classifier finds in the real maps, so that neither length nor the shares of the
    patterns make a distance. `domain_auc` is the area under the ROC curve of a logistic regression
    that tells real from synthetic maps (5-fold, .5 = it cannot); `energy_distance` (Szekely & Rizzo
    2013) is over standardised features and has as baseline the same between two synthetic sets.

    Args:
        maps: of the model.
        classifier: whose patterns.
        seed: of the synthetic maps and the folds.
    """
    records: list[dict[str, Any]] = []
    for variant in dict.fromkeys(one.variant for one in maps):
        own = [one.weights for one in maps if one.variant == variant]
        real = feature_set(own, [0] * len(own))
        chances = classifier.probabilities(torch.from_numpy(real.features)).numpy()
        found = chances.argmax(1)
        rules = np.concatenate([rule_patterns(torch.from_numpy(one)[None]) for one in own])
        first, second = (
            _like(real.length, found, variant == "norm", seed=[seed, k]) for k in range(2)
        )
        rows = [
            _kappa(found, rules, seed),
            {"metric": "abstention_rate", "value": (chances.max(1) < classifier.threshold).mean()},
            {"metric": "domain_auc", "value": domain_auc(real.features, first, seed=seed),
             "baseline": "two synthetic sets",
             "baseline_value": domain_auc(second, first, seed=seed)},
            {"metric": "energy_distance", "value": energy_distance(real.features, first),
             "baseline": "two synthetic sets", "baseline_value": energy_distance(second, first)},
            *({"metric": "pattern_share", "relation": pattern, "value": (found == k).mean(),
               "baseline": "mass rules", "baseline_value": (rules == k).mean()}
              for k, pattern in enumerate(PATTERNS)),
        ]  # fmt: skip
        records += [row | {"variant": variant, "n": len(own)} for row in rows]
    return rows_frame(pd.DataFrame(records).assign(probe="pattern-check", unit="model"))


def _kappa(found: npt.NDArray[np.int64], rules: npt.NDArray[np.int64], seed: int) -> dict[str, Any]:
    def kappa(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
        return cohen_kappa(one, other, classes=len(PATTERNS))

    interval = bootstrap_interval(kappa, found, rules, seed=seed)
    return {
        "metric": "kappa_with_rules",
        "better": "higher",
        "value": kappa(found, rules),
        "ci_low": interval.low,
        "ci_high": interval.high,
        "ci_method": interval.method.replace("examples", "maps"),
        "baseline": "chance",
        "baseline_value": 0.0,
    }


def _like(
    length: npt.NDArray[np.int64], pattern: npt.NDArray[np.int64], norm: bool, *, seed: list[int]
) -> Floats:
    """Features of one synthetic map for each real one, of its length and pattern."""
    weights = [
        synthetic_map(np.random.default_rng([*seed, k]), int(p), length=int(n), norm=norm).weights
        for k, (n, p) in enumerate(zip(length, pattern, strict=True))
    ]
    return feature_set(weights, pattern.tolist()).features


def _standard(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Both sets, scaled by the mean and deviation of the second; columns that are constant go."""
    one, other = first[:, 1:PLAIN], second[:, 1:PLAIN]
    spread = other.std(0)
    kept = spread > 1e-6
    centre = other.mean(0)
    return (one - centre)[:, kept] / spread[kept], (other - centre)[:, kept] / spread[kept]


def domain_auc(first: Floats, second: Floats, *, seed: int) -> float:
    """How well a logistic regression tells two sets of features apart, by 5-fold AUC."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    one, other = _standard(first, second)
    x, y = np.concatenate([one, other]), np.repeat([1, 0], [len(one), len(other)])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = LogisticRegression(C=0.1, max_iter=1000)
    scores = cross_val_predict(model, x, y, cv=folds, method="decision_function")
    return float(roc_auc_score(y, scores))


def energy_distance(first: Floats, second: Floats) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| over standardised features, without pairs of a map."""
    from scipy.spatial.distance import cdist, pdist

    one, other = _standard(first, second)
    one, other = one[:2000], other[:2000]  # 2,000 x 2,000 distances are enough, and 32 MB
    return float(2 * cdist(one, other).mean() - pdist(one).mean() - pdist(other).mean())
