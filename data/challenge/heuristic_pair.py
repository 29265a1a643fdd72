"""A pair of sentences that a syntactic heuristic calls entailment, rightly or wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..sentences.sentence import Example

ENTAILED, NOT_ENTAILED = "entailment", "non-entailment"
"""The two gold labels of HANS."""


@dataclass(frozen=True, slots=True)
class HeuristicPair:
    """One pair of HANS (McCoy, Pavlick and Linzen 2019, ACL), or of its structure.

    Attributes:
        example: premise and hypothesis; its label is 1 if the hypothesis follows, else 0.
        heuristic: the heuristic that predicts entailment, such as `lexical_overlap`.
        subcase: the construction; all pairs of a published subcase have the same label.
        template: the template that the pair was made from; empty = not given.
    """

    example: Example
    heuristic: str
    subcase: str
    template: str

    @property
    def entailed(self) -> bool:
        """Whether the hypothesis follows from the premise."""
        return self.example.label == 1


@dataclass(frozen=True)
class HeuristicSet:
    """The pairs of one file or generator.

    Attributes:
        name: name of the file or generator.
        pairs: at least one pair.
        skipped: reason -> number of pairs that were left out.
    """

    name: str
    pairs: tuple[HeuristicPair, ...]
    skipped: Mapping[str, int]
