"""Rows and items of `holmes`: a score of each data set, and means over subfields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.holmes.published import SUBFIELDS
from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame
from .cases import Task
from .described import Described
from .entries import BY_PHENOMENON, BY_SET, DESCRIBED, LENGTH
from .linear_probe import score_of

PROBE = "holmes"
ALL = "all"
"""Instead of a subfield: over all data sets."""
MAJORITY = "majority"


@dataclass(frozen=True)
class Scored:
    """The predictions of the probes of a data set.

    Attributes:
        task: the data set, its vectors forgotten.
        gold: class or number of each test case [N].
        said: what each probe says of it [S, N].
        majority: the most frequent class of the training part.
        described: the description length as published, where it was asked for.
        told: what notes say.
    """

    task: Task
    gold: npt.NDArray[np.float64]
    said: npt.NDArray[np.float64]
    majority: int
    described: Described | None
    told: Mapping[str, str]

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """Macro-F1 or Pearson of each seed [S]."""
        return np.array([score_of(one, self.gold, self.task.classes) for one in self.said])


def holmes_rows(found: Sequence[Scored], variant: str) -> Iterator[dict[str, Any]]:
    """The rows of each data set, then the means of subfields; those without a data set are empty.

    Args:
        found: what was scored.
        variant: whether the scores are comparable with published ones.
    """
    about = {"probe": PROBE, "unit": "model", "variant": variant}
    for one in found:
        yield from _of_set(one, about)
    for subfield in (*SUBFIELDS, ALL):
        own = [one for one in found if subfield in (ALL, one.task.subfield)]
        by_phenomenon: dict[str, list[float]] = {}
        for one in own:
            name = one.task.about.phenomenon if one.task.about else one.task.name
            by_phenomenon.setdefault(f"{one.task.subfield}/{name}", []).append(
                float(one.scores.mean())
            )
        values = [value for of in by_phenomenon.values() for value in of]
        means = {BY_SET: values, BY_PHENOMENON: [float(np.mean(of)) for of in
                                                 by_phenomenon.values()]}  # fmt: skip
        source = {"corpus": found[0].task.source, "annotation": "", "scheme": ""}
        for metric, of in means.items():
            yield {
                **about, **(source if found[0].task.source else {}),
                "metric": metric, "relation": subfield, "n": len(of),
                "value": float(np.mean(of)) if of else np.nan,
                # of a corpus, the texts without a word, which are counted where they are read
                "n_dropped": 0 if found[0].task.source else None,
            }  # fmt: skip


def _of_set(one: Scored, about: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    task, gold = one.task, one.gold
    same: dict[str, Any] = {
        **about, "relation": task.name, "n": len(gold), "n_dropped": task.lost,
    }  # fmt: skip
    if task.source:
        same |= {"corpus": task.source, "annotation": "", "scheme": ""}
    scores = one.scores
    if task.numbers:
        metric = "pearson"
        error = -np.abs(one.said - gold)
        yield {**same, "metric": metric, "value": float(scores.mean())}
        yield {**same, "metric": "negative_error", "value": float(error.mean())}
    else:
        metric = "macro_f1"
        guess = np.full_like(gold, one.majority)
        yield {**same, "metric": metric, "value": float(scores.mean()), "baseline": MAJORITY,
               "baseline_value": score_of(guess, gold, task.classes)}  # fmt: skip
        yield {**same, "metric": "accuracy", "value": float((one.said == gold).mean()),
               "baseline": MAJORITY, "baseline_value": float((guess == gold).mean())}  # fmt: skip
    if len(scores) > 1:
        yield {**same, "metric": f"{metric}_seed_sd", "value": float(scores.std(ddof=1))}
    if one.described is not None:
        yield {**same, "metric": LENGTH, "value": float(np.mean(one.described.lengths))}
        yield {**same, "metric": DESCRIBED, "value": float(np.mean(one.described.compressions))}


def holmes_items(found: Sequence[Scored], variant: str) -> Iterator[pd.DataFrame]:
    """One item per test case and seed, whose number follows the case's name and #."""
    for one in found:
        seeds, count = one.said.shape
        metric = "negative_error" if one.task.numbers else "accuracy"
        for block in text_blocks(count, seeds):
            said = one.said[:, block]
            seed, case = (axis.ravel() for axis in np.indices(said.shape))
            ids, gold = one.task.ids[block][case], one.gold[block][case]
            right = -np.abs(said.ravel() - gold) if one.task.numbers else said.ravel() == gold
            yield items_frame(
                pd.DataFrame(
                    {
                        "probe": PROBE,
                        "variant": variant,
                        "item_id": [f"{id}#{s}" for id, s in zip(ids, seed, strict=True)],
                        "sentence_id": one.task.sentences[block][case],
                        "relation": one.task.name,
                        "metric": metric,
                        "score": right.astype(np.float64),
                        "prediction": said.ravel(),
                        "gold": gold,
                    }
                )
            )
