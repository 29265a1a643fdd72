"""Rows and items of `structural`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example
from .baselines import BASELINE_OF, CHAIN
from .entries import BY_WORD
from .scores import Totals, value_of

Floats = npt.NDArray[np.float64]

NAME = "structural"
LAYER_0 = "layer-0"
SPREAD = "_seed_sd"
"""End of the metric of rows with the standard deviation over seeds."""


@dataclass(frozen=True)
class Answer:
    """What the probes of one question, rank and metric scored on N sentences.

    Attributes:
        variant: the question, with the rank where there are several.
        metric: one of `scores.METRICS`.
        totals: numerators of S seeds and U states [S * U, N], and denominators [N].
        seeds: S.
    """

    variant: str
    metric: str
    totals: Totals
    seeds: int

    @property
    def by_seed(self) -> Floats:
        """Numerators [S, U, N]."""
        found = self.totals.numerators
        return found.reshape(self.seeds, -1, found.shape[1])

    @property
    def means(self) -> Floats:
        """Numerators, the mean over seeds [U, N]; denominators do not depend on the seed."""
        return np.asarray(self.by_seed.mean(0))

    def values(self) -> Floats:
        """Value of each seed and state [S, U]."""
        kept = self.totals.scored
        found = value_of(
            self.metric, self.totals.numerators[:, kept], self.totals.denominators[kept]
        )
        return found.reshape(self.seeds, -1)

    @property
    def n(self) -> int:
        """Gold edges (UUAS) or sentences that are scored."""
        kept = self.totals.denominators[self.totals.scored]
        return int(kept.sum()) if self.metric == "uuas" else int((kept > 0).sum())


def answers_of(variant: str, seeds: int, totals: Mapping[str, Totals]) -> list[Answer]:
    """The answers of one question and rank."""
    return [Answer(variant, metric, one, seeds) for metric, one in totals.items()]


def structural_rows(answers: Sequence[Answer], chain: Mapping[str, Totals]) -> pd.DataFrame:
    """A row for every state and metric beside each baseline, then those of no model.

    Args:
        answers: of all questions, ranks and metrics.
        chain: what model-free trees score.
    """
    plain = {metric: Answer(CHAIN, metric, totals, 1) for metric, totals in chain.items()}
    of_chain = {metric: float(one.values()[0, 0]) for metric, one in plain.items()}
    records: list[dict[str, object]] = []
    for one in answers:
        every = one.values()
        mean = every.mean(0)
        spread = every.std(0, ddof=1) if one.seeds > 1 else None
        for layer, value in enumerate(mean):
            row = {"unit": "layer", "layer": layer, "metric": one.metric, "variant": one.variant,
                   "value": value, "n": one.n}  # fmt: skip
            held: dict[str, float] = {}
            if one.metric in of_chain:
                held[BASELINE_OF[one.metric]] = of_chain[one.metric]
            if layer:
                held[LAYER_0] = float(mean[0])
            records += [row | {"baseline": name, "baseline_value": at} for name, at in held.items()]
            if not held:
                records.append(row)
            if spread is not None:
                sd = {"metric": one.metric + SPREAD, "value": spread[layer], "n": one.seeds}
                records.append(row | sd)
    records += [
        {"unit": "model", "metric": f"baseline_{metric}", "variant": BASELINE_OF[metric],
         "value": of_chain[metric], "n": one.n}
        for metric, one in plain.items()
    ]  # fmt: skip
    return pd.DataFrame(records).assign(probe=NAME)


def structural_items(
    examples: Sequence[Example], answers: Sequence[Answer], chain: Mapping[str, Totals]
) -> Iterator[pd.DataFrame]:
    """Numerator and denominator of each sentence, state, metric and question.

    UUAS: gold edges found, and gold edges; root accuracy: 1 where the root is found, and 1; DSpr
    and NSpr: the sum over words of the sentence's correlations, and its words, which say the length
    that it is averaged in. The ratio of their sums is a mean over words, another number than the
    row: these items are named `dspr_by_word` and `nspr_by_word`. With several seeds a numerator is
    their mean.
    """
    item_ids = np.array([example.id for example in examples], dtype=object)
    sentence_ids = np.array([example.first.id for example in examples], dtype=object)
    plain = [Answer(BASELINE_OF[metric], metric, totals, 1) for metric, totals in chain.items()]
    for one in (*answers, *plain):
        texts = np.flatnonzero(one.totals.scored & (one.totals.denominators > 0))
        means = one.means
        for block in text_blocks(len(texts), len(means)):
            own = texts[block]
            layer, text = (axis.ravel() for axis in np.indices((len(means), len(own))))
            yield items_frame(
                pd.DataFrame(
                    {
                        "probe": NAME,
                        "item_id": item_ids[own][text],
                        "sentence_id": sentence_ids[own][text],
                        "layer": None if one in plain else layer,
                        "metric": BY_WORD.get(one.metric, one.metric),
                        "variant": one.variant,
                        "numerator": means[:, own].ravel(),
                        "denominator": one.totals.denominators[own][text],
                    }
                )
            )
