"""Manually labelled real maps, which test the classifier outside its synthetic training data.

144 maps of the embedded encoder on the shipped sentences: every head once, raw and norm-weighted,
on a random sentence or pair of sentences of 10 to 40 tokens. Two readings, independent of each
other and of the classifier, labelled drawings of them by eye: each was made by a vision-language
model that had the definitions of the patterns and saw neither the other reading nor what the
classifier, the layer, the head or the words were. Nothing was fitted to them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors.numpy import load_file

from .classes import PATTERNS, UNCONFIRMED
from .network import FOLDER, PatternClassifier
from .scores import cohen_kappa
from .training import FeatureSet, feature_set

REAL = "real"
TRUSTED, LEAST = 0.6, 5
"""A pattern is confirmed if at least this share of this minimum number of calls is correct."""


@dataclass(frozen=True)
class RealMaps:
    """Maps with the labels of two readings.

    Attributes:
        names: `text/layer-head/variant`.
        maps: weights [n, n], n from 10 to 40.
        first: index in `PATTERNS` by the first reading [M].
        second: the same by the second [M].
    """

    names: tuple[str, ...]
    maps: tuple[npt.NDArray[np.float64], ...]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]

    @property
    def agreed(self) -> npt.NDArray[np.bool_]:
        """The maps that both readings give the same pattern [M]."""
        return np.asarray(self.first == self.second)

    @property
    def kappa(self) -> float:
        """Agreement of the readings beyond chance (Cohen 1960)."""
        return cohen_kappa(self.first, self.second, classes=len(PATTERNS))

    @cached_property
    def features(self) -> FeatureSet:
        """What the classifier sees of the maps, with the first reading's pattern."""
        return feature_set(self.maps, self.first.tolist())


@cache
def real_maps() -> RealMaps:
    """The labelled maps that come with the package."""
    folder = Path(str(files("subprobe.data").joinpath(*FOLDER, REAL)))
    stored = load_file(folder / "maps.safetensors")
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return RealMaps(
        tuple(line["map"] for line in lines),
        tuple(stored[line["map"]].astype(np.float64) for line in lines),
        *(
            np.array([PATTERNS.index(line[reading]) for line in lines])
            for reading in ("reader_1", "reader_2")
        ),
    )


def confirmed_patterns(classifier: PatternClassifier) -> tuple[str, ...]:
    """The patterns whose calls the labelled real maps confirm, see `real_report`."""
    return tuple(real_report(classifier)["confirmed"])


def flag_unconfirmed(rows: pd.DataFrame, confirmed: tuple[str, ...]) -> pd.DataFrame:
    """Rows about a pattern that real maps do not confirm get the flag `unconfirmed`.

    Args:
        rows: of the probe; a flag that is there stays.
        confirmed: what `confirmed_patterns` gave.
    """
    doubtful = rows["relation"].notna() & ~rows["relation"].isin(confirmed) & rows["flag"].isna()
    return rows.assign(flag=rows["flag"].mask(doubtful, UNCONFIRMED))


def real_report(classifier: PatternClassifier) -> dict[str, Any]:
    """The accuracy of a classifier on the maps for which both readings agree.

    Returns:
        plain values: `n`, `accuracy` with a 95% interval (Wilson), `kappa` with the readings,
        `answered` (maps that it does not abstain on) and `selective_accuracy`, the same by pattern
        (`labelled`, `called`, `right`), and `confirmed`: the patterns whose calls are right often
        enough to be trusted on maps like these.
    """
    # scipy.stats takes most of a second to import, and most commands draw nothing from it
    from scipy.stats import binomtest

    real = real_maps()
    chances = classifier.probabilities(torch.from_numpy(real.features.features)).numpy()
    kept = real.agreed
    gold, called = real.first[kept], chances.argmax(1)[kept]
    answered = (chances.max(1) >= classifier.threshold)[kept]
    right = gold == called
    interval = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    by_pattern = {
        pattern: {
            "labelled": int((gold == k).sum()),
            "called": int((called == k).sum()),
            "right": int((right & (called == k)).sum()),
        }
        for k, pattern in enumerate(PATTERNS)
    }
    return {
        "n": len(gold),
        "accuracy": float(right.mean()),
        "ci_low": float(interval.low),
        "ci_high": float(interval.high),
        "kappa": cohen_kappa(gold, called, classes=len(PATTERNS)),
        "answered": int(answered.sum()),
        "selective_accuracy": float(right[answered].mean()),
        "patterns": by_pattern,
        "confirmed": [
            pattern
            for pattern, counts in by_pattern.items()
            if counts["called"] >= LEAST and counts["right"] >= TRUSTED * counts["called"]
        ],
    }
