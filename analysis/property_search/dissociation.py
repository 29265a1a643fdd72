"""Masks and complements on their own and on another property, in both encoders.

A double dissociation (Lepori, Serre & Pavlick 2023): the mask has the property and not another one,
its complement has the other one and not the property, in the trained encoder more than in the
untrained one. Scores are those of newly fitted read-outs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ..flags import flags_of
from ..statistics.clusters import Floats
from ..untrained_null.contrasts import GoldWords, Reading, contrast
from ..untrained_null.names import OWN_MINUS_OTHER, PROBE, TRAINED_MINUS_UNTRAINED, UNTRAINED
from ..untrained_null.rows import Scored, null_rows
from .names import REFIT
from .parts import Words
from .scored import majority_of, score_rows, units_of_words

_KINDS = {"good": "mask", "complement": "complement"}


class Dissociation:
    """Collects the refitted scores of masks, by penalty.

    Args:
        words: the labelled words of the masks' own property.
        other: those of another property; None = there is none.
    """

    def __init__(self, words: Words, other: Words | None):
        self._words, self._other = words, other
        self._models: dict[str, list[Scored]] = {}
        self._on_other: dict[str, dict[tuple[str, str], tuple[Floats, pd.DataFrame]]] = {}

    def add(self, correct: Floats, about: Mapping[str, Any]) -> None:
        """A score on the own property, if it is that of a refitted read-out under a mask.

        Args:
            correct: correct words and all words of each sentence [N, 2].
            about: columns that name the model and the score.
        """
        variant = str(about["variant"])
        if not variant.startswith("lambda=") or not variant.endswith(REFIT):
            return
        rows = pd.DataFrame(score_rows(correct, self._words, about))
        self._models.setdefault(variant, []).append(
            Scored(about["state"], about["kind"], int(about["draw"]), correct[:, 0], rows)
        )

    def add_other(self, correct: Floats, about: Mapping[str, Any]) -> None:
        """A score on the other property; arguments as in `add`."""
        assert self._other is not None
        rows = pd.DataFrame(score_rows(correct, self._other, about))
        found = self._on_other.setdefault(str(about["variant"]), {})
        found[about["state"], about["kind"]] = correct, rows

    def rows(self) -> pd.DataFrame:
        """Tidy rows of the untrained null, for each penalty the scores and then the differences."""
        parts = []
        for variant, models in self._models.items():
            gold = _gold(self._words)
            found = null_rows(gold, models)
            parts.append(_within(found, variant))
            if variant in self._on_other:
                parts += self._against_other(variant, models, gold)
        return rows_frame(pd.concat(parts, ignore_index=True)) if parts else rows_frame([])

    def _against_other(
        self, variant: str, models: list[Scored], gold: GoldWords
    ) -> list[pd.DataFrame]:
        assert self._other is not None
        on_other, gold_other = self._on_other[variant], _gold(self._other)
        frames = [rows_frame(rows.assign(probe=PROBE)) for _, rows in on_other.values()]
        found: dict[tuple[str, str], Reading] = {}
        records: list[dict[str, Any]] = []
        for one in models:
            key = one.state, one.kind
            if key not in on_other:
                continue
            correct, _ = on_other[key]
            (own,), (other,) = gold.read(one.read[:, None]), gold_other.read(correct[:, [0]])
            found[key] = own - other
            records.append(
                {**_identity(one.rows), "kind": one.kind, "state": one.state, "variant": variant,
                 "metric": OWN_MINUS_OTHER, "flag": flags_of([one.rows]),
                 **contrast(found[key], gold)}
            )  # fmt: skip
        trained = next((state for state, _ in found if state != UNTRAINED), "")
        for kind, said in _KINDS.items():
            if (trained, kind) in found and (UNTRAINED, kind) in found:
                gap = found[trained, kind] - found[UNTRAINED, kind]
                mine = next(one for one in models if (one.state, one.kind) == (trained, kind))
                both = flags_of(one.rows for one in models if one.kind == kind)
                records.append(
                    {**_identity(mine.rows), "kind": kind, "state": trained,
                     "metric": TRAINED_MINUS_UNTRAINED, "flag": both,
                     "variant": f"{variant};of={said}_{OWN_MINUS_OTHER}", **contrast(gap, gold)}
                )  # fmt: skip
        target = f"{self._words.test.property_name} - {self._other.test.property_name}"
        made = pd.DataFrame(records).assign(probe=PROBE, unit="model", target=target)
        return [*frames, rows_frame(made)]


def _gold(words: Words) -> GoldWords:
    chance = majority_of(words)
    totals: npt.NDArray[Any] = np.array([len(gold) for gold in words.test.gold], dtype=np.int64)
    return GoldWords(
        "accuracy", tuple(one.id for one in words.test.sentences), totals, units_of_words(words),
        float(chance[:, 0].sum() / chance[:, 1].sum()),
    )  # fmt: skip


_OF_MODEL = (
    "model", "task", "method", "seed", "draw", "mask_id", "selection", "sparsity", "sparsity_of",
    "ablation", "corpus", "annotation", "scheme", "split",
)  # fmt: skip


def _identity(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    return {name: first[name] for name in _OF_MODEL if name in first and pd.notna(first[name])}


def _within(rows: pd.DataFrame, variant: str) -> pd.DataFrame:
    """Rows whose `variant` begins with the penalty and units."""
    own = rows["variant"].fillna("")
    named = own.map(
        lambda one: one if one.startswith(variant) else f"{variant};{one}" if one else variant
    )
    return rows.assign(variant=named)
