"""Pairs of the embedded generator, by phenomenon."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..errors import ConfigError
from ..generator.acceptability import ACCEPTABILITY, acceptability
from ..generator.registry import SET_SIZE
from ..sentences.sentence import Example
from .pair import Pair, Suite

GENERATED = "generated"
_FIELDS: Mapping[str, str] = {
    "agreement-attractor": "morphology",
    "determiner-noun": "morphology",
    "reflexive": "syntax_semantics",
    "npi-licensing": "semantics",
}
FIELDS: Mapping[str, str] = {one.name: _FIELDS.get(one.name, "syntax") for one in ACCEPTABILITY}
"""Phenomenon -> field, in the terms of BLiMP."""


def generated_pairs(seed: int, n: int) -> Suite:
    """Minimal pairs of the generator, whose phenomena take turns.

    Each minimal set of four sentences gives two pairs, which are one group. The content words are
    those of the test part.

    Args:
        seed: same seed, same pairs.
        n: number of pairs.

    Raises:
        ConfigError: if `n` is below 1, or the templates do not yield that many pairs.
    """
    examples = acceptability(seed, {"test": n_examples(n)})["test"]
    return Suite(GENERATED, GENERATED, paired(examples, n))


def n_examples(n: int) -> int:
    """The number of examples, in whole minimal sets, that `n` pairs are made from.

    Raises:
        ConfigError: if `n` is below 1.
    """
    if n < 1:
        raise ConfigError(f"the number of generated pairs must be >= 1, got {n}")
    return SET_SIZE * math.ceil(2 * n / SET_SIZE)


def paired(examples: Sequence[Example], n: int) -> tuple[Pair, ...]:
    """The first `n` pairs of minimal sets of the generator.

    Args:
        examples: the members of the sets, set by set.
        n: number of pairs, at most half of the examples.
    """
    pairs = []
    for at in range(0, 2 * n, 2):
        bad, good = sorted(examples[at : at + 2], key=lambda one: one.label or 0)
        # in a set of four, each good member is next to the bad one that differs in one choice
        assert (bad.label, good.label) == (0, 1)
        field = FIELDS[good.group]
        pairs.append(
            Pair(
                examples[at].id, good.first.raw_text(), bad.first.raw_text(), good.group, field,
                good.id.split("/")[1], group=good.cluster, source=GENERATED,
                place=f"pair {at // 2 + 1}",
            )
        )  # fmt: skip
    return tuple(pairs)
