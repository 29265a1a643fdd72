"""Attacks as rows and items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example
from .entries import ADVERSARIAL_TEXT, NAME, ORIGINAL_TEXT
from .procedure import Outcome

Floats = npt.NDArray[np.float64]

ORIGINAL = "original texts"


@dataclass(frozen=True)
class Exchange:
    """What one model says of texts that were made to fool another.

    Attributes:
        metric: its accuracy.
        places: of the examples whose attack succeeded [M].
        predicted: the class that it predicts for their adversarial texts [M].
        original: whether it is right about their original texts [M].
    """

    metric: str
    places: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    original: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Attacked:
    """The attacks on one model.

    Attributes:
        variant: how it was attacked.
        examples: N examples.
        outcomes: of their attacks [N].
        exchanges: adversarial texts read by another model than the attacked one.
    """

    variant: str
    examples: Sequence[Example]
    outcomes: Sequence[Outcome]
    exchanges: Sequence[Exchange] = ()

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The correct classes [N]."""
        return np.array([example.label for example in self.examples], dtype=np.int64)

    @property
    def attacked(self) -> npt.NDArray[np.bool_]:
        """Which examples were attacked [N]."""
        return np.array([one.attacked for one in self.outcomes], dtype=np.bool_)

    @property
    def succeeded(self) -> npt.NDArray[np.bool_]:
        """Which attacks changed the prediction [N]."""
        after = np.array([int(one.after.argmax()) for one in self.outcomes])
        return np.asarray(self.attacked & (after != self.labels), dtype=np.bool_)

    def numbers(self) -> dict[str, Floats]:
        """Metric -> its number of each example; NaN where it has none [N]."""
        attacked, succeeded = self.attacked, self.succeeded
        share = np.array([one.share for one in self.outcomes])
        queries = np.array([float(one.queries) for one in self.outcomes])
        return {
            "accuracy_before": attacked.astype(np.float64),
            "accuracy_after": (attacked & ~succeeded).astype(np.float64),
            "success_rate": np.where(attacked, succeeded, np.nan),
            "words_changed": np.where(succeeded, share, np.nan),
            "queries": np.where(attacked, queries, np.nan),
            "skipped": (~attacked).astype(np.float64),
        }


def attack_rows(found: Attacked) -> pd.DataFrame:
    """The mean of each number over the examples that have it."""
    records: list[dict[str, Any]] = []
    for metric, numbers in found.numbers().items():
        known = numbers[np.isfinite(numbers)]
        records.append(_row(metric, known, dropped=len(numbers) - len(known)))
    for one in found.exchanges:
        right = (one.predicted == found.labels[one.places]).astype(np.float64)
        row = _row(one.metric, right, dropped=len(found.examples) - len(right))
        row |= {
            "baseline": ORIGINAL,
            "baseline_value": float(one.original.mean()) if len(right) else np.nan,
        }
        records.append(row)
    return pd.DataFrame(records).assign(probe=NAME, variant=found.variant, unit="model")


def _row(metric: str, numbers: Floats, *, dropped: int) -> dict[str, Any]:
    n = len(numbers)
    return {
        "metric": metric,
        "value": float(numbers.mean()) if n else np.nan,
        "n": n,
        "n_dropped": dropped,
        "flag": None if n else "degenerate",
    }


def attack_items(found: Attacked) -> Iterator[pd.DataFrame]:
    """Per example: each number, the text before and after the attack, and what other models say.

    Texts are relations of items without a value, which no row sums up.
    """
    records: list[dict[str, Any]] = []
    numbers = found.numbers()
    for place, (example, outcome) in enumerate(zip(found.examples, found.outcomes, strict=True)):
        about = {"item_id": example.id, "sentence_id": example.first.id}
        said = {
            "accuracy_before": int(outcome.before.argmax()),
            "accuracy_after": int(outcome.after.argmax()),
        }
        for metric, values in numbers.items():
            if np.isfinite(values[place]):
                records.append(
                    about
                    | {"metric": metric, "numerator": values[place], "denominator": 1.0}
                    | (
                        {"prediction": said[metric], "gold": example.label}
                        if metric in said
                        else {}
                    )
                )
        if outcome.replaced:
            original = example.texts()[-1]
            records.append(about | {"metric": ORIGINAL_TEXT, "relation": original})
            records.append(about | {"metric": ADVERSARIAL_TEXT, "relation": outcome.text.text})
    for one in found.exchanges:
        for place, predicted, before in zip(
            one.places.tolist(), one.predicted.tolist(), one.original.tolist(), strict=True
        ):
            example = found.examples[place]
            records.append(
                {
                    "item_id": example.id,
                    "sentence_id": example.first.id,
                    "metric": one.metric,
                    "numerator": float(predicted == example.label),
                    "denominator": 1.0,
                    "score": float(before),
                    "prediction": predicted,
                    "gold": example.label,
                }
            )
    yield items_frame(pd.DataFrame(records).assign(probe=NAME, variant=found.variant))
