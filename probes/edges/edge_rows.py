"""Rows and items of the probes of spans: F1 of each mix, and the weights of the deepest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example
from .mix_measures import centre_of_gravity, weights_kl
from .training import MixProbe

Counts = npt.NDArray[np.int64]

NAME = "edges"
SCORE = "mix_micro_f1"
MAJORITY, EMBEDDINGS, UNIFORM = "majority", "layer-0", "uniform"
SPREAD = "_seed_sd"
"""End of the metric of rows with the standard deviation over seeds."""


@dataclass(frozen=True)
class EdgeScores:
    """The scores of the probes of a task.

    Attributes:
        task: name of the task.
        source: the file that texts and labels are from; empty = the corpus.
        examples: the N test texts.
        gold: labels of each [N], those left out.
        probes: those of each mix 0..L, of each seed.
        majority: F1 of the most frequent label of the training part.
        n_train: spans that are learnt from.
        n: spans that are scored.
        n_dropped: spans that are not, because a word of theirs was cut off.
        variant: `own`, or `static-vectors`, which have one state and so no mix.
    """

    task: str
    source: str
    examples: Sequence[Example]
    gold: Counts
    probes: Sequence[MixProbe]
    majority: float
    n_train: int
    n: int
    n_dropped: int
    variant: str = "own"

    def of_seeds(self) -> Mapping[int, list[MixProbe]]:
        """The probes of each mix, by its last state."""
        found: dict[int, list[MixProbe]] = {}
        for probe in self.probes:
            found.setdefault(probe.depth, []).append(probe)
        return dict(sorted(found.items()))

    def sums(self, probes: Sequence[MixProbe]) -> Counts:
        """Numerator and denominator of the F1 of some probes in each text [N, 2].

        2 * right / (given + gold), each summed over labels, spans and probes (micro-F1).
        """
        found = np.sum([probe.found for probe in probes], axis=0)
        return np.stack([2 * found[:, 0], found[:, 1] + len(probes) * self.gold], axis=1)


def ratio(sums: Counts) -> float:
    """Sum of numerators by sum of denominators [N, 2]; NaN without any."""
    above, below = sums.sum(0)
    return float(above / below) if below else float("nan")


def edge_rows(scores: EdgeScores) -> Iterator[dict[str, Any]]:
    """The rows of a task. Intervals from resampled sentences are added by the analysis."""
    about = {
        "probe": NAME,
        "variant": scores.variant,
        "relation": scores.task,
        "n": scores.n,
        "n_dropped": scores.n_dropped,
    }
    if scores.source:
        about |= {"corpus": scores.source, "annotation": "", "scheme": ""}
    by_depth = scores.of_seeds()
    f1 = {depth: ratio(scores.sums(probes)) for depth, probes in by_depth.items()}
    for depth, probes in by_depth.items():
        row = {**about, "unit": "layer", "layer": depth, "metric": SCORE, "value": f1[depth]}
        yield {**row, "baseline": MAJORITY, "baseline_value": scores.majority}
        if depth:
            yield {**row, "baseline": EMBEDDINGS, "baseline_value": f1[0]}
        if len(probes) > 1:
            spread = np.std([ratio(scores.sums([probe])) for probe in probes], ddof=1)
            yield {**row, "metric": SCORE + SPREAD, "value": float(spread)}
    if len(by_depth) == 1:
        return
    yield from _mix_rows({**about, "n": scores.n_train, "n_dropped": 0}, by_depth[max(by_depth)])


def _mix_rows(about: Mapping[str, Any], probes: Sequence[MixProbe]) -> Iterator[dict[str, Any]]:
    """The weights of the mix of all states, the mean over seeds."""
    weights = np.stack([probe.weights for probe in probes])  # [seeds, L + 1]
    states = weights.shape[1]
    for layer in range(states):
        yield {
            **about, "unit": "layer", "layer": layer, "metric": "mix_weight",
            "value": float(weights[:, layer].mean()),
            "baseline": UNIFORM, "baseline_value": 1 / states,
        }  # fmt: skip
    measures = {
        "centre_of_gravity": (centre_of_gravity(weights), (states - 1) / 2),
        "mix_weights_kl": (weights_kl(weights), 0.0),
    }
    for metric, (values, uniform) in measures.items():
        row = {**about, "unit": "model", "metric": metric, "value": float(values.mean())}
        yield {**row, "baseline": UNIFORM, "baseline_value": uniform}
        if len(values) > 1:
            yield {**row, "metric": metric + SPREAD, "value": float(values.std(ddof=1))}


def edge_items(tasks: Sequence[EdgeScores]) -> Iterator[pd.DataFrame]:
    """Numerator and denominator of F1 by text and mix, in frames of bounded size."""
    for scores in tasks:
        by_depth = scores.of_seeds()
        sums = np.stack([scores.sums(probes) for probes in by_depth.values()])  # [mixes, N, 2]
        names = np.array([(one.id, one.first.id) for one in scores.examples], dtype=object)
        for block in text_blocks(len(names), len(sums)):
            own = sums[:, block]
            depth, text = np.nonzero(own[..., 1])
            yield items_frame(
                pd.DataFrame(
                    {
                        "probe": NAME,
                        "variant": scores.variant,
                        "item_id": names[block][text, 0],
                        "sentence_id": names[block][text, 1],
                        "layer": np.array(list(by_depth))[depth],
                        "relation": scores.task,
                        "metric": SCORE,
                        "numerator": own[depth, text, 0],
                        "denominator": own[depth, text, 1],
                    }
                )
            )
