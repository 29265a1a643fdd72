"""Pairs of the structure of HANS, from the templates of the embedded task `entailment`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from ..errors import ConfigError
from ..generator.entailment import ENTAILMENT, entailment
from ..generator.registry import SET_SIZE
from ..sentences.sentence import Example
from .heuristic_pair import ENTAILED, NOT_ENTAILED, HeuristicPair, HeuristicSet

GENERATED = "generated"
HEURISTICS: Mapping[str, str] = {
    "overlap": "lexical_overlap",
    "subsequence": "subsequence",
    "constituent": "constituent",
}
"""First part of a phenomenon of the generator -> heuristic, in the terms of HANS."""
N_TEMPLATES = sum(len(phenomenon.templates) for phenomenon in ENTAILMENT)


def generated_heuristics(seed: int, n: int) -> HeuristicSet:
    """Pairs of the generator with the columns of HANS; its templates take turns.

    Both labels occur in each template, with the same words. A subcase is a phenomenon with one of
    the labels. The content words are those of the test part of the task.

    Args:
        seed: same seed, same pairs. The embedded task itself has the seed 0.
        n: number of pairs; a last minimal set of four pairs is completed.

    Raises:
        ConfigError: if `n` is below 1, or the templates do not yield that many pairs.
    """
    if n < 1:
        raise ConfigError(f"the number of generated pairs must be >= 1, got {n}")
    size = SET_SIZE * math.ceil(n / SET_SIZE)
    made = entailment(seed, {"test": size})["test"]
    return HeuristicSet(GENERATED, tuple(map(_pair, made)), {})


def _pair(example: Example) -> HeuristicPair:
    phenomenon, template, _ = example.id.split("/")
    name = f"{phenomenon}/{template}"
    return HeuristicPair(
        replace(example, group=HEURISTICS[phenomenon.split("-")[0]], cluster=name),
        HEURISTICS[phenomenon.split("-")[0]],
        f"{phenomenon}/{ENTAILED if example.label else NOT_ENTAILED}",
        name,
    )
