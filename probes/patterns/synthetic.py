"""The built-in classifier from nothing: generate, train, calibrate, write.

`python -m subprobe.probes.patterns.synthetic` writes `data/resources/patterns/` again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...data.files.atomic import write_text
from .classes import LONGEST, PATTERNS, SHORTEST
from .generator import BESIDE_BAND, CLEAR, HIDDEN, SHARES, synthetic_maps
from .network import FOLDER, SHIPPED
from .training import FeatureSet, Fitted, feature_set, train_classifier

SEED = 2019
MAPS = {"fit": 40_000, "calibrate": 5_000, "held_out": 10_000}
REPORT, CONFUSION = "report.json", "confusion.csv"


def synthetic_features(n_maps: int, *, seed: int) -> FeatureSet:
    """Features of freshly drawn maps; a thousand maps are held at a time."""
    parts = []
    for first in range(0, n_maps, 1000):
        maps = synthetic_maps(min(1000, n_maps - first), seed=seed, first=first)
        parts.append(feature_set([one.weights for one in maps], [one.pattern for one in maps]))
    return FeatureSet(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.pattern for part in parts]),
        np.concatenate([part.length for part in parts]),
    )


def train_on_synthetic(
    *,
    seed: int = SEED,
    scale: float = 1.0,
    epochs: int = 30,
    progress: Callable[[int, int], None] | None = None,
) -> Fitted:
    """Train on synthetic maps drawn with three seeds of their own.

    Args:
        seed: same seed, same bytes.
        scale: share of the usual number of maps.
        epochs: passes over the maps.
        progress: called with (epochs done, epochs).
    """
    sets = [
        synthetic_features(max(50, round(count * scale)), seed=seed * 10 + k)
        for k, count in enumerate(MAPS.values())
    ]
    shares = {name: {part: list(limits) for part, limits in parts.items()}
              for name, parts in SHARES.items()}  # fmt: skip
    about = {
        "trained_on": "synthetic maps",
        "calibrated": "for synthetic maps only",
        "lengths": [SHORTEST, LONGEST],
        "shares": shares,
        "visible": {"column": [CLEAR, HIDDEN], "column_beside_band": list(BESIDE_BAND)},
    }
    return train_classifier(*sets, seed=seed, about=about, epochs=epochs, progress=progress)


def write_classifier(fitted: Fitted, folder: Path, name: str = SHIPPED) -> None:
    """Write weights, `report.json` and `confusion.csv` (rows true, columns predicted)."""
    fitted.classifier.save(folder / name)
    text = json.dumps(fitted.classifier.meta, indent=1, sort_keys=True, ensure_ascii=False)
    write_text(folder / REPORT, text + "\n")
    lines = [",".join(["true", *PATTERNS])]
    for pattern, counts in zip(PATTERNS, fitted.confusion.tolist(), strict=True):
        lines.append(",".join([pattern, *map(str, counts)]))
    write_text(folder / CONFUSION, "\n".join(lines) + "\n")


def main(arguments: list[str] | None = None) -> None:
    """Write the built-in classifier, or the same into another folder."""
    parser = argparse.ArgumentParser(prog="python -m subprobe.probes.patterns.synthetic")
    room = Path(__file__).resolve().parents[2] / "data"
    parser.add_argument("--out", type=Path, default=room.joinpath(*FOLDER), help="folder")
    parser.add_argument("--seed", type=int, default=SEED, help="same seed, same bytes")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the maps")
    options = parser.parse_args(arguments)
    fitted = train_on_synthetic(seed=options.seed, scale=options.scale)
    write_classifier(fitted, options.out)
    print(json.dumps(fitted.report, indent=1))


if __name__ == "__main__":
    main()
