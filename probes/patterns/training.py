"""Training of the pattern classifier: three sets of maps, to fit, to calibrate, to report.

The same maps and seed give the same bytes on one machine and thread count. The network is fitted
with Adam on cross-entropy; the temperature (Guo et al. 2017) and the threshold below which it
abstains are chosen on the second set; everything that is reported is measured on the third.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from .classes import PATTERNS
from .feature_names import FEATURES
from .features import map_features
from .network import HIDDEN, PatternClassifier
from .scores import expected_calibration_error, macro_f1

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SELECTIVE_ACCURACY = 0.99
"""Target accuracy on the calibration maps on which the classifier does not abstain."""


@dataclass(frozen=True)
class FeatureSet:
    """Features and patterns of some maps.

    Attributes:
        features: [M, F].
        pattern: index in `PATTERNS` [M].
        length: tokens of each map [M].
    """

    features: Floats
    pattern: Ints
    length: Ints

    def take(self, places: npt.ArrayLike) -> FeatureSet:
        """Some of the maps."""
        at = np.asarray(places)
        return FeatureSet(self.features[at], self.pattern[at], self.length[at])


def feature_set(maps: Sequence[npt.NDArray[np.floating]], patterns: Sequence[int]) -> FeatureSet:
    """Features of maps of any lengths, in their order."""
    length = np.array([len(one) for one in maps], dtype=np.int64)
    found = np.zeros((len(maps), len(FEATURES)))
    for n in np.unique(length):
        places = np.flatnonzero(length == n)
        stack = torch.from_numpy(np.stack([maps[int(k)] for k in places]).astype(np.float64))
        found[places] = map_features(stack).numpy()
    return FeatureSet(found, np.asarray(patterns, dtype=np.int64), length)


@dataclass(frozen=True)
class Fitted:
    """A trained classifier and its scores on held-out maps.

    Attributes:
        classifier: with the report in its `meta`.
        confusion: counts [true pattern, predicted pattern].
    """

    classifier: PatternClassifier
    confusion: Ints

    @property
    def report(self) -> dict[str, Any]:
        """The scores on held-out maps."""
        report: dict[str, Any] = self.classifier.meta["report"]
        return report


def train_classifier(
    fit: FeatureSet,
    calibrate: FeatureSet,
    held_out: FeatureSet,
    *,
    seed: int,
    about: dict[str, Any],
    epochs: int = 30,
    start: PatternClassifier | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Fitted:
    """Fit, calibrate, report.

    Args:
        fit: maps the weights are fitted on.
        calibrate: maps that temperature and threshold are chosen on.
        held_out: maps that the report is about.
        seed: of the initial weights and of the order of the maps.
        about: what goes into the metadata: where the maps come from.
        epochs: passes over `fit`.
        start: initial weights, with their scaling; None = random ones.
        progress: called with (epochs done, epochs).
    """
    tensors = fit_network(fit, seed=seed, epochs=epochs, start=start, progress=progress)
    raw = PatternClassifier(tensors, {}).calibrated(1.0, 0.0)
    temperature = _temperature(raw, calibrate)
    threshold = _threshold(_probabilities(raw.calibrated(temperature, 0.0), calibrate), calibrate)
    # in the precision of the file, so that the report is about what is shipped
    stored = {name: one.astype(np.float32).astype(np.float64) for name, one in raw.tensors.items()}
    ready = PatternClassifier(stored, {}).calibrated(
        float(np.float32(temperature)), float(np.float32(threshold))
    )
    report, confusion = _report(ready, held_out)
    report["ece_before_temperature"] = _rounded(
        expected_calibration_error(
            _probabilities(ready.calibrated(1.0, 0.0), held_out), held_out.pattern
        )
    )
    sizes = {"fit": len(fit.pattern), "calibrate": len(calibrate.pattern),
             "held_out": len(held_out.pattern)}  # fmt: skip
    meta = {**about, "seed": seed, "epochs": epochs, "maps": sizes, "report": report}
    return Fitted(PatternClassifier(ready.tensors, meta), confusion)


def fit_network(
    fit: FeatureSet,
    *,
    seed: int,
    epochs: int,
    start: PatternClassifier | None = None,
    progress: Callable[[int, int], None] | None = None,
    batch_size: int = 128,
    rate: float = 2e-3,
    decay: float = 1e-4,
) -> dict[str, Floats]:
    """The network's tensors after Adam with a rate that falls to zero in a straight line."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order, whatever the machine
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            part = _begin(fit, start)
            x = (torch.from_numpy(fit.features) - part["centre"]) / part["scale"]
            y = torch.from_numpy(fit.pattern)
            weights = [part[name].requires_grad_() for name in ("w1", "b1", "w2", "b2", "w3", "b3")]
            rate = rate if start is None else rate / 4
            optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=decay)
            steps = epochs * -(-len(y) // batch_size)
            schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: 1 - k / (steps + 1))
            for epoch in range(epochs):
                for chosen in torch.split(torch.randperm(len(y)), batch_size):
                    hidden = (x[chosen] @ part["w1"] + part["b1"]).relu()
                    hidden = (hidden @ part["w2"] + part["b2"]).relu()
                    loss = torch.nn.functional.cross_entropy(
                        hidden @ part["w3"] + part["b3"], y[chosen], label_smoothing=0.02
                    )
                    optimizer.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                    schedule.step()
                if progress is not None:
                    progress(epoch + 1, epochs)
    finally:
        torch.set_num_threads(threads)
    return {name: one.detach().numpy().copy() for name, one in part.items()}


def _begin(fit: FeatureSet, start: PatternClassifier | None) -> dict[str, torch.Tensor]:
    if start is not None:
        kept = {name: torch.from_numpy(one.copy()) for name, one in start.tensors.items()}
        return {name: one for name, one in kept.items() if name not in ("temperature", "threshold")}
    sizes = (len(FEATURES), *HIDDEN, len(PATTERNS))
    part = {
        "centre": torch.from_numpy(fit.features.mean(0)),
        # a feature that hardly varies must not be blown up on other maps
        "scale": torch.from_numpy(fit.features.std(0).clip(0.02)),
    }
    for k, (inner, outer) in enumerate(pairwise(sizes), start=1):
        part[f"w{k}"] = torch.randn(inner, outer, dtype=torch.float64) * (2 / inner) ** 0.5
        part[f"b{k}"] = torch.zeros(outer, dtype=torch.float64)
    return part


def _probabilities(classifier: PatternClassifier, maps: FeatureSet) -> Floats:
    return np.asarray(classifier.probabilities(torch.from_numpy(maps.features)).numpy())


def _temperature(classifier: PatternClassifier, maps: FeatureSet) -> float:
    """The temperature with the smallest negative log-likelihood."""
    from scipy.optimize import minimize_scalar

    logits = classifier.logits(torch.from_numpy(maps.features))
    gold = torch.from_numpy(maps.pattern)

    def loss(log_temperature: float) -> float:
        scaled = logits / float(np.exp(log_temperature))
        return float(torch.nn.functional.cross_entropy(scaled, gold))

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def _threshold(probabilities: Floats, maps: FeatureSet) -> float:
    """The lowest of .50, .51 ... .95 at which the accuracy on the remaining maps is high enough."""
    best = probabilities.max(1)
    right = probabilities.argmax(1) == maps.pattern
    for threshold in np.arange(50, 96) / 100:
        answered = best >= threshold
        if answered.any() and right[answered].mean() >= SELECTIVE_ACCURACY:
            return float(threshold)
    return 0.95


def _report(classifier: PatternClassifier, maps: FeatureSet) -> tuple[dict[str, Any], Ints]:
    """Scores on maps that were held out, and their confusion counts."""
    probabilities = _probabilities(classifier, maps)
    predicted = probabilities.argmax(1)
    confusion = np.zeros((len(PATTERNS), len(PATTERNS)), dtype=np.int64)
    np.add.at(confusion, (maps.pattern, predicted), 1)
    answered = probabilities.max(1) >= classifier.threshold
    right = predicted == maps.pattern
    report: dict[str, Any] = {
        "macro_f1": _rounded(macro_f1(maps.pattern, predicted)),
        "accuracy": _rounded(right.mean()),
        "ece": _rounded(expected_calibration_error(probabilities, maps.pattern)),
        "temperature": _rounded(float(classifier.tensors["temperature"][0])),
        "threshold": _rounded(classifier.threshold),
        "abstention_rate": _rounded(1 - answered.mean()),
        "selective_accuracy": _rounded(right[answered].mean()) if answered.any() else None,
    }
    report["macro_f1_by_length"] = {
        f"{low}-{high}": _rounded(macro_f1(maps.pattern[inside], predicted[inside]))
        for low, high in ((8, 10), (11, 15), (16, 31), (32, 63), (64, 128))
        if (inside := (maps.length >= low) & (maps.length <= high)).any()
    }
    return report, confusion


def _rounded(value: float) -> float:
    return round(float(value), 4)
