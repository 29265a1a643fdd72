"""Scores of matrices on test sentences: sums by sentence, from which every row and item comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..states.word_states import WordStates
from .entries import BY_WORD
from .gold_trees import GoldTree
from .measures import LENGTHS, edges_found, rank_correlations, shallowest
from .spanning_trees import spanning_trees
from .stacked_probes import Kind

Floats = npt.NDArray[np.float64]

METRICS: Mapping[str, Kind] = {
    "uuas": "distance",
    "dspr": "distance",
    "root_accuracy": "depth",
    "nspr": "depth",
}
"""Metric -> the kind of probe that it is of."""
_NUMBERS_AT_ONCE = 2**20


@dataclass(frozen=True)
class Totals:
    """Of each of N sentences and one metric, what is summed and what it is divided by.

    Attributes:
        numerators: of each scored thing [S, N]; NaN where a sentence has no part in the metric.
        denominators: [N]: gold edges (UUAS), words (correlations), 1 (root accuracy).
    """

    numerators: Floats
    denominators: Floats

    @property
    def scored(self) -> npt.NDArray[np.bool_]:
        """Sentences that have a part in the metric [N]."""
        return np.asarray(np.isfinite(self.numerators).all(0))


@dataclass(frozen=True)
class Scores:
    """What S predictors of distances or depths scored.

    Attributes:
        totals: metric -> sums by sentence.
        n_constant: rows of predicted distances, and sentences of predicted depths, that are all
            equal: they order nothing, and their correlation counts as 0.
    """

    totals: Mapping[str, Totals]
    n_constant: int


class ScoreKeeper:
    """Notes predictions for sentences, which come in groups of one length.

    Args:
        kind: what is predicted.
        trees: the N sentences.
        count: S, predictors.
    """

    def __init__(self, kind: Kind, trees: Sequence[GoldTree], count: int):
        self._kind, self._trees = kind, trees
        self._n_constant = 0
        self._totals = {
            metric: Totals(np.full((count, len(trees)), np.nan), np.zeros(len(trees)))
            for metric, of in METRICS.items()
            if of == kind
        }

    def put(self, texts: Sequence[int], predicted: Floats) -> None:
        """Note predictions.

        Args:
            texts: the B sentences, of W words each.
            predicted: distances [S, B, W, W] or depths [S, B, W].
        """
        chosen = [self._trees[one] for one in texts]
        (self._distances if self._kind == "distance" else self._depths)(texts, chosen, predicted)

    def scores(self) -> Scores:
        """What was noted."""
        return Scores(self._totals, self._n_constant)

    def _distances(
        self, texts: Sequence[int], trees: Sequence[GoldTree], predicted: Floats
    ) -> None:
        gold = np.stack([tree.distances for tree in trees]).astype(np.float64)
        W = gold.shape[-1]
        if LENGTHS[0] <= W <= LENGTHS[1]:
            found = self._defined(rank_correlations(predicted, gold))
            self._note("dspr", texts, found.sum(-1), W)
        tagged = [place for place, tree in enumerate(trees) if tree.stays is not None]
        if tagged:
            stays = _stays(trees, tagged)
            edges = spanning_trees(gold[tagged], stays)
            right = edges_found(predicted[:, tagged], edges, stays)
            self._note("uuas", [texts[one] for one in tagged], right, edges.sum((1, 2)))

    def _depths(self, texts: Sequence[int], trees: Sequence[GoldTree], predicted: Floats) -> None:
        # a sentence whose root was cut off has no root to find, and its depths may be all equal
        rooted = [place for place, tree in enumerate(trees) if tree.root >= 0]
        gold = np.stack([tree.depths for tree in trees]).astype(np.float64)
        W = gold.shape[-1]
        if rooted and LENGTHS[0] <= W <= LENGTHS[1]:
            found = self._defined(rank_correlations(predicted[:, rooted], gold[rooted]))
            self._note("nspr", [texts[one] for one in rooted], found * W, W)
        tagged = [place for place in rooted if trees[place].stays is not None]
        if tagged:
            roots = np.array([trees[one].root for one in tagged])
            right = shallowest(predicted[:, tagged], _stays(trees, tagged)) == roots
            self._note("root_accuracy", [texts[one] for one in tagged], right, 1)

    def _defined(self, found: Floats) -> Floats:
        constant = np.isnan(found)
        self._n_constant += int(constant.sum())
        return np.where(constant, 0.0, found)

    def _note(
        self,
        metric: str,
        texts: Sequence[int],
        numerators: npt.NDArray[np.generic],
        denominators: int | npt.NDArray[np.generic],
    ) -> None:
        totals = self._totals[metric]
        totals.numerators[:, texts] = numerators
        totals.denominators[texts] = denominators


def _stays(trees: Sequence[GoldTree], chosen: Sequence[int]) -> npt.NDArray[np.bool_]:
    return np.stack([np.asarray(trees[one].stays) for one in chosen])


def value_of(metric: str, numerators: Floats, denominators: Floats) -> Floats:
    """The value of a metric from sums over sentences that have a part in it.

    Args:
        metric: one of METRICS.
        numerators: of things and sentences [S, N].
        denominators: of sentences [N].

    Returns:
        [S]: the ratio of the sums, or the mean over lengths of the ratios within each length; NaN
        without a sentence.
    """
    if not denominators.sum():
        return np.full(len(numerators), np.nan)
    if metric not in BY_WORD:
        return np.asarray(numerators.sum(1) / denominators.sum())
    lengths, place = np.unique(denominators, return_inverse=True)
    member = np.eye(len(lengths))[place]
    return np.asarray((numerators @ member / (denominators @ member)).mean(1))


def score_matrices(
    kind: Kind,
    states: WordStates,
    trees: Sequence[GoldTree],
    matrices: Sequence[torch.Tensor],
    layers: Sequence[int],
) -> Scores:
    """What probes score on sentences.

    Args:
        kind: what the probes predict.
        states: states of the sentences.
        trees: their trees.
        matrices: of the S probes [D, k], of any ranks.
        layers: the state that each of them reads.
    """
    keeper = ScoreKeeper(kind, trees, len(matrices))
    wanted = sorted(set(layers))
    for texts in groups_of_one_length(trees, len(matrices)):
        rows = torch.from_numpy(np.concatenate([trees[one].rows for one in texts]))
        vectors = states.stacked(rows, wanted).to(matrices[0].device)
        predicted = [
            predict(
                kind, (vectors[wanted.index(layer)] @ matrix).view(len(texts), -1, len(matrix.T))
            )
            for layer, matrix in zip(layers, matrices, strict=True)
        ]
        keeper.put(texts, torch.stack(predicted).cpu().numpy())
    return keeper.scores()


def predict(kind: Kind, projected: torch.Tensor) -> torch.Tensor:
    """Squared distances [B, W, W] or squared lengths [B, W] of projected words [B, W, k]."""
    exact = projected.double()
    if kind == "depth":
        return exact.square().sum(-1)
    # from differences, so that equal words are exactly 0 apart
    return torch.cdist(exact, exact, compute_mode="donot_use_mm_for_euclid_dist").square()


def groups_of_one_length(trees: Sequence[GoldTree], count: int) -> Iterator[list[int]]:
    """Sentences of one length each time, as many as fit into the memory for `count` predictors."""
    by_length: dict[int, list[int]] = {}
    for text, tree in enumerate(trees):
        by_length.setdefault(len(tree), []).append(text)
    by_length.pop(0, None)  # all of its words were cut off, or have no piece of their own
    for length in sorted(by_length):
        texts = by_length[length]
        step = max(1, _NUMBERS_AT_ONCE // (count * length**2))
        for start in range(0, len(texts), step):
            yield texts[start : start + step]
