"""Whether good is better, and bad worse, than random: one sentence from both views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ...comparison.pairs import PAIR_COLUMNS
from ...statistics.corrections import ALPHA
from ...wording import between, decimal, p_text, percent

_STATES = ("pruned", "retrained", "rewound")
_SIDES = {"good": ("better", "above", 1), "bad": ("worse", "below", -1)}
"""Kind -> what it should be compared with random, where its scores then are, and the sign."""


def answer_lines(compared: pd.DataFrame, ranks: pd.DataFrame) -> list[str]:
    """One sentence per task, method, state and kind, the pruned good subnetwork first.

    Two questions are kept apart. Whether the mean over draws differs is asked of other examples;
    whether one mask does better than single random masks is asked of other draws.

    Args:
        compared: differences of a run (`comparisons`).
        ranks: where good and bad stand among random draws (`summary_against_random`).
    """
    scores = compared[(compared["probe"] == "performance") & compared["primary"]]
    lines = one_line_per_pair(scores)
    return list(_answers(lines, ranks))


def _answers(lines: pd.DataFrame, ranks: pd.DataFrame) -> Iterator[str]:
    over_seeds = ranks[ranks["seed"].isna()]
    for state in _STATES:
        for kind, (_, _, sign) in _SIDES.items():
            for line in lines.itertuples():
                sides = {(line.kind_a, line.state_a), (line.kind_b, line.state_b)}
                if sides != {(kind, state), ("random", state)} or line.method_a != line.method_b:
                    continue
                about = over_seeds[
                    over_seeds["model"].eq(line.model) & over_seeds["task"].eq(line.task)
                    & over_seeds["method"].eq(line.method_a) & over_seeds["kind"].eq(kind)
                    & over_seeds["state"].eq(state)
                ]  # fmt: skip
                rank = next(about.itertuples(), None)
                turned = sign if line.kind_a == kind else -sign
                yield _sentence(kind, state, line, rank, turned)


def _sentence(kind: str, state: str, line: Any, rank: Any, sign: int) -> str:
    """The answer of both views; a difference is positive where the kind is as it should be."""
    word, side, _ = _SIDES[kind]
    limits = sorted((sign * line.ci_low, sign * line.ci_high)) if _known(line.ci_low) else None
    gap = sign * line.difference
    mean = None if limits is None else limits[0] > 0
    turned = limits is not None and limits[1] < 0
    single = None if rank is None or pd.isna(rank.p_adjusted) else rank.p_adjusted <= ALPHA
    claim = {
        (True, True): f"is {word} than random",
        (True, False): f"is {word} than random on average, but not clearly {word} than single "
        "random masks",
        (True, None): f"is {word} than random on average",
        (False, True): f"is {word} than single random masks, but its mean difference is not clear",
        (False, False): f"is not clearly {word} than random",
        (False, None): f"is not clearly {word} than random",
        (None, True): f"is {word} than single random masks",
        (None, False): f"is not clearly {word} than single random masks",
        (None, None): "cannot be tested against random",
    }[mean, single]
    if turned:
        claim = f"scores {'below' if kind == 'good' else 'above'} random on average"
    reach = "" if limits is None else f" {between(limits[0], limits[1])}"
    first = f"{line.metric} differs by {decimal(gap, 3)}{reach}"
    first += " (95%, varies: examples)" if reach else " (no interval: see comparisons.csv)"
    return f"{line.task}: {kind} ({state}) {claim}: {first}; {_rank(rank, side)}."


def _rank(rank: Any, side: str) -> str:
    if rank is None or pd.isna(rank.p_adjusted):
        few = "" if rank is None or pd.isna(rank.flag) or not rank.flag else f" ({rank.flag})"
        return f"not tested over draws{few}"
    return (
        f"it scores {side} {percent(rank.beyond)} of the random masks "
        f"({p_text(rank.p_adjusted)}, {rank.correction}, varies: draws)"
    )


def _known(value: Any) -> bool:
    return bool(pd.notna(value))


def one_line_per_pair(lines: pd.DataFrame) -> pd.DataFrame:
    """The line over seeds of each pair, or that of its one seed."""
    key = ["model", "task", *PAIR_COLUMNS]
    wide = lines[lines["level"] == "seeds and examples"]
    limits = wide[[*key, "ci_low", "ci_high"]].rename(
        columns={"ci_low": "beyond_low", "ci_high": "beyond_high"}
    )
    over = lines[lines["level"] == "these seeds"]
    single = lines[(lines["level"] == "one seed")]
    keys = pd.MultiIndex.from_frame(over[key])
    single = single[~pd.MultiIndex.from_frame(single[key]).isin(keys)]
    return pd.concat([over, single]).merge(limits, on=key, how="left")
