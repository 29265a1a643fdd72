"""The embedded task `acceptability`: single sentences, acceptable (1) or not (0), with gold trees.

The design follows the minimal pairs of BLiMP (Warstadt et al. 2020, TACL) and the agreement sets of
Marvin and Linzen (2018, EMNLP), but uses sets of four whose words, bigrams and lengths are balanced
between the labels. An unacceptable sentence has the tree of the structure from which it was built.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..sentences.sentence import Example
from .agreement import AGREEMENT
from .arguments import ARGUMENTS
from .dependence import DEPENDENCE
from .movement import MOVEMENT
from .order import ORDER
from .sampling import sample

ACCEPTABILITY = (*AGREEMENT, *DEPENDENCE, *ARGUMENTS, *ORDER, *MOVEMENT)
"""The phenomena of the task, in the order in which they alternate."""

LABELS = ("unacceptable", "acceptable")


def acceptability(
    seed: int, sizes: Mapping[str, int] | None = None
) -> dict[str, tuple[Example, ...]]:
    """Generate the task.

    Args:
        seed: same seed, same examples.
        sizes: examples of each split, multiples of 4; default `sampling.SIZES`.

    Returns:
        Split name -> examples, half of each phenomenon acceptable; `group` is the phenomenon. The
        content words of train, validation and test are disjoint.

    Raises:
        ConfigError: if a split is unknown or a size is not a multiple of 4.
    """
    return sample("acceptability", ACCEPTABILITY, seed, sizes)
