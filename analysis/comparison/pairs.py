"""What is compared with what: pairs of models and of their draws, and the scores of each side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..statistics.clusters import Units
from ..statistics.paired_coverage import coverage_of_difference
from ..statistics.uncertainty import Floats

Model = tuple[str, str, str]
"""Method, kind and state of one model."""

PAIR_COLUMNS = ["method_a", "kind_a", "state_a", "method_b", "kind_b", "state_b"]
"""What names a pair in the tables."""

WHOLE = ("full", "untrained", "bag-of-words")
"""Kinds that no method of pruning made."""


@dataclass(frozen=True)
class Pair:
    """Two models of the same task and seed, and what their difference tells.

    Attributes:
        first: what is compared with `second`; a difference is first minus second.
        second: the reference.
        question: what the difference answers.
    """

    first: Model
    second: Model
    question: str


_FULL, _UNTRAINED, _WORDS = (
    ("full", "finetuned"), ("untrained", "untrained"), ("bag-of-words", "trained"),
)  # fmt: skip

_OF_METHOD: list[tuple[tuple[str, str], tuple[str, str], str]] = []
for _state in ("pruned", "retrained", "rewound"):
    _OF_METHOD += [
        (("good", _state), _FULL, "what good loses"),
        (("random", _state), _FULL, "what random loses"),
        (("bad", _state), _FULL, "what bad loses"),
        (("good", _state), ("random", _state), "whether it matters which units are kept"),
        (("good", _state), ("bad", _state), "whether it matters which units are kept"),
        (("random", _state), ("bad", _state), "whether what was pruned is worse than chance"),
        (("complement", _state), _FULL, "what is lost without the good mask's units"),
        (("random-complement", _state), _FULL, "what is lost without as many random units"),
        (
            ("complement", _state),
            ("random-complement", _state),
            "whether the model needs the good mask's units more than random ones",
        ),
        (("super", _state), ("good", _state), "what is lost without the units of single seeds"),
        (("super", _state), ("random", _state), "whether shared units are more than chance"),
        (("super", _state), ("anti", _state), "whether shared survivors beat shared losers"),
        (("super", _state), ("middle", _state), "whether shared survivors beat changing ones"),
        (("middle", _state), ("anti", _state), "whether changing units beat shared losers"),
        (("good", _state), ("reinit", _state), "what the ticket owes to pretrained weights"),
        (("good", _state), ("shuffled", _state), "what the ticket owes to their order"),
        (("good", _state), _WORDS, "what good has beyond counted words"),
        (("random", _state), _WORDS, "what random has beyond counted words"),
        (("bad", _state), _WORDS, "what bad has beyond counted words"),
        (("good", _state), _UNTRAINED, "what good has beyond an untrained encoder"),
        (("bad", _state), _UNTRAINED, "what bad has beyond an untrained encoder"),
    ]
for _after in ("retrained", "rewound"):
    _OF_METHOD += [
        ((_kind, _after), (_kind, "pruned"), "what training again gives")
        for _kind in ("good", "random", "bad", "super", "anti", "middle")
    ]
_ALONE = [
    (_FULL, _UNTRAINED, "what pretraining gives"),
    (_FULL, _WORDS, "what the encoder has beyond counted words"),
    (_UNTRAINED, _WORDS, "what an untrained encoder has beyond counted words"),
]
_METHODS = [(kind, state) for state in ("pruned", "retrained", "rewound")
            for kind in ("good", "random", "bad")]  # fmt: skip


def spoken(kind: str, state: str) -> str:
    """What people call a model: its kind, and its state where that says more."""
    return kind if kind in WHOLE else f"{kind} {state}"


def _named(method: str, model: tuple[str, str]) -> Model:
    kind, state = model
    return ("full" if kind in WHOLE else method, kind, state)


def pairs_of(models: list[Model]) -> list[Pair]:
    """Every pair of interest among the models of one task.

    Args:
        models: those that were scored; `full`, `untrained` and `bag-of-words` under the
            method `full`.
    """
    there = set(models)
    methods = [method for method in dict.fromkeys(model[0] for model in models) if method != "full"]
    wanted = [Pair(_named("full", a), _named("full", b), text) for a, b, text in _ALONE]
    for method in methods:
        wanted += [Pair(_named(method, a), _named(method, b), text) for a, b, text in _OF_METHOD]
    for place, first in enumerate(methods):
        for second in methods[place + 1 :]:
            wanted += [
                Pair(_named(first, model), _named(second, model), "which way of pruning keeps more")
                for model in _METHODS
            ]
    return [pair for pair in wanted if pair.first in there and pair.second in there]


@dataclass(frozen=True)
class Side:
    """One side of a comparison, by seed.

    Attributes:
        scores: its score.
        samples: its score on the shared resamples of the items [R].
        items: what each item adds [N], for effect sizes; none where items are not numbers.
        draws: how many draws the score is a mean of.
        flags: flags of its rows.
        cells: which cell its first draw is; equal cells are the same model.
        units: the cluster of each item [N], the same in all seeds.
    """

    scores: Mapping[int, float]
    samples: Mapping[int, Floats]
    items: Mapping[int, Floats]
    draws: Mapping[int, int]
    flags: Mapping[int, str]
    cells: Mapping[int, str]
    units: Units


@dataclass(frozen=True)
class Sizes:
    """How many items both sides have, and how many independent units those are."""

    n: int
    n_clusters: int

    @property
    def over(self) -> str:
        """What is resampled."""
        return "clusters" if self.n_clusters < self.n else "examples"

    def coverage(self, interval: str, outcome: str, **numbers: float) -> float | None:
        """Simulated coverage with so many units."""
        return coverage_of_difference(
            interval, outcome, n=self.n_clusters, clustered=self.n_clusters < self.n, **numbers
        )


class DrawPair(NamedTuple):
    """One draw of each side.

    Attributes:
        draw: its number; that of the side with several draws.
        first: its place among the draws of the first model.
        second: the same of the second.
    """

    draw: int
    first: int
    second: int


def draw_pairs(
    first: Sequence[int], second: Sequence[int], *, same_kind: bool = False
) -> list[DrawPair]:
    """Pairs of draws of two models of one seed.

    A model with one draw, such as good, is compared with each draw of the other. Of two models with
    several draws, and of two states of one kind, draws of the same number are compared.

    Args:
        first: numbers of the draws of the first model.
        second: the same of the second.
        same_kind: whether both are of one kind, so that draws of one number belong together.
    """
    if len(first) == 1 and not same_kind:
        return [DrawPair(draw, 0, place) for place, draw in enumerate(second)]
    if len(second) == 1 and not same_kind:
        return [DrawPair(draw, place, 0) for place, draw in enumerate(first)]
    places = {draw: place for place, draw in enumerate(second)}
    return [
        DrawPair(draw, place, places[draw]) for place, draw in enumerate(first) if draw in places
    ]
