"""The embedded task `entailment`: the second sentence follows from the first (1) or not (0).

The design follows HANS (McCoy, Pavlick and Linzen 2019, ACL): the hypothesis consists of words of
the premise, by lexical overlap, as a subsequence or as a constituent. Unlike in HANS, both labels
occur with the same words: in half of each minimal set the hypothesis follows, and neither the
hypothesis alone, nor the words of both sentences, nor their overlap predict the label.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..sentences.sentence import Example
from .entailment_clauses import CLAUSES
from .entailment_overlap import OVERLAP
from .sampling import sample

ENTAILMENT = (*OVERLAP, *CLAUSES)
"""The phenomena of the task, in the order in which they alternate."""


def entailment(seed: int, sizes: Mapping[str, int] | None = None) -> dict[str, tuple[Example, ...]]:
    """Generate the task.

    Args:
        seed: same seed, same examples.
        sizes: examples of each split, multiples of 4; default `sampling.SIZES`.

    Returns:
        Split name -> pairs, half of each phenomenon entailed (1); `group` is the phenomenon. The
        content words of train, validation and test are disjoint.

    Raises:
        ConfigError: if a split is unknown or a size is not a multiple of 4.
    """
    return sample("entailment", ENTAILMENT, seed, sizes)
