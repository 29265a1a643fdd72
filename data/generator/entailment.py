"""The embedded task `entailment`: does the second sentence follow from the first (1) or not (0)?

Built in the manner of HANS (McCoy, Pavlick and Linzen 2019, ACL): the hypothesis is made of the
premise's words by lexical overlap, as a subsequence or as a constituent. Unlike in HANS both
labels come from the same words: half of each minimal set follows, and neither the hypothesis
alone, nor the words of both, nor their overlap tell which half.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..sentences.sentence import Example
from .entailment_clauses import CLAUSES
from .entailment_overlap import OVERLAP
from .sampling import sample

ENTAILMENT = (*OVERLAP, *CLAUSES)
"""The phenomena of the task, in the order in which they take turns."""


def entailment(seed: int, sizes: Mapping[str, int] | None = None) -> dict[str, tuple[Example, ...]]:
    """Generate the task.

    Args:
        seed: same seed, same examples.
        sizes: examples of each split, multiples of 4; default `sampling.SIZES`.

    Returns:
        Split name -> pairs, half of each phenomenon entailed (1); `group` is the phenomenon. The
        content words of train, validation and test are disjoint.

    Raises:
        ConfigError: for an unknown split or a size that is no multiple of 4.
    """
    return sample("entailment", ENTAILMENT, seed, sizes)
