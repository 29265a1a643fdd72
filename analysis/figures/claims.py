"""Titles of figures: claims made from the numbers that the figure shows."""

from __future__ import annotations

import pandas as pd

from ..flags import FAILED
from ..statistics.corrections import ALPHA
from ..statistics.draws import too_few_draws
from ..verdict.lines import line_of
from ..wording import counted, decimal, p_text

STATES = ("pruned", "retrained", "rewound")


def score_claim(label: str, scores: pd.DataFrame, ranks: pd.DataFrame) -> str:
    """How the good subnetworks of a task score, compared with random ones.

    Args:
        label: the task.
        scores: lines of `summary_performance` about the primary metric.
        ranks: lines of `summary_against_random`.

    Returns:
        For each state: above (with p), not clearly above, not above, or why it cannot be told.
    """
    full = line_of(scores, kind="full")
    if full is not None and any(flag in str(full["flag"]) for flag in ("degenerate", *FAILED)):
        return f"On {label}, the full model did not learn the task: subnetworks cannot be compared"
    over_seeds = ranks[ranks["seed"].isna()]
    said = [
        _of_state(state, scores, line_of(over_seeds, kind="good", state=state)) for state in STATES
    ]
    told = "; ".join(filter(None, said))
    return f"On {label}, {told}" if told else f"Scores on {label}"


def _of_state(state: str, scores: pd.DataFrame, rank: pd.Series | None) -> str:
    good, random = (line_of(scores, kind=kind, state=state) for kind in ("good", "random"))
    if good is None or random is None:
        return ""
    failed = [
        name for name, line in (("good", good), ("random", random))
        if any(flag in str(line["flag"]) for flag in FAILED)
    ]  # fmt: skip
    if failed:
        return f"{state} subnetworks cannot be compared ({' and '.join(failed)} did not train)"
    difference = float(good["mean"]) - float(random["mean"])
    if rank is None or pd.isna(rank["p_adjusted"]):
        draws = int(random["n_draws"])
        few = f"{counted(draws, 'random draw')} per seed"
        if too_few_draws(draws):
            few += " is too few for a test" if draws == 1 else " are too few for a test"
        else:
            few = "not tested"
        return f"{state} good subnetworks score {_apart(difference)} random ones ({few})"
    p = p_text(rank["p_adjusted"])
    if difference <= 0:
        return f"{state} good subnetworks do not score above random ones ({signed(difference)})"
    if rank["p_adjusted"] > ALPHA:
        return (
            f"{state} good subnetworks do not score clearly above random ones "
            f"({signed(difference)}, {p})"
        )
    return f"{state} good subnetworks score {_apart(difference)} random ones ({p})"


def _apart(difference: float) -> str:
    text = decimal(abs(difference), 3)
    if text == decimal(0, 3):
        return "the same as"
    return f"{text} {'above' if difference > 0 else 'below'}"


def signed(difference: float) -> str:
    """A difference with its sign: `+.012`, `-.030`."""
    text = decimal(difference, 3)
    return text if text.startswith("-") or float(text) == 0 else f"+{text}"


def survival_claim(label: str, heads: pd.DataFrame, stability: pd.DataFrame) -> str:
    """How many heads the good subnetworks keep, and whether seeds agree more than by chance.

    Args:
        label: the task.
        heads: lines of `heads` with a mask.
        stability: lines of `summary_stability`.
    """
    n_seeds, n_heads = int(heads["n_seeds"].max()), len(heads)
    share = heads["kept_share"].astype(float)
    if n_seeds == 1:
        kept = int((share == 1).sum())
        return f"On {label}, the good subnetwork keeps {kept} of {n_heads} heads"
    kept = int((share == 1).sum())
    seeds = "both" if n_seeds == 2 else f"all {n_seeds}"
    said = f"On {label}, {seeds} seeds keep the same {kept} of {n_heads} heads"
    mine = stability[stability["unit"] == "head"]
    agreed = line_of(mine, statistic="kept_in_all")
    chance = line_of(mine, statistic="kept_in_all_expected")
    if agreed is None or chance is None or pd.isna(chance["value"]):
        return said
    expected = f"{decimal(chance['value'], 1)} expected by chance"
    if pd.isna(agreed["p_value"]):
        return f"{said} ({expected})"
    p = p_text(agreed["p_value"])
    if agreed["p_value"] > ALPHA:
        return f"{said}, not clearly more than {expected} ({p})"
    return f"{said}, more than the {expected} ({p})"


def spread_claim(label: str, heads: pd.DataFrame) -> str:
    """In how many heads the good masks of seeds differ.

    Args:
        label: the task.
        heads: lines of `summary_survival` about heads of good masks.
    """
    n_seeds = 0 if heads.empty else int(heads["n_seeds"].max())
    if n_seeds < 2:
        return f"Other masks of the same size on {label}"
    share = heads["share"].astype(float)
    differ = int(((share > 0) & (share < 1)).sum())
    if not differ:
        return f"On {label}, the good masks of {n_seeds} seeds keep the same heads"
    return f"On {label}, the good masks of {n_seeds} seeds differ in {differ} of {len(heads)} heads"


MOST_NAMES = 3
"""Items that a title names; of more, it gives the number only."""


def difference_claim(label: str, subject: str, noun: str, table: pd.DataFrame) -> str:
    """For how many items good lies outside the random draws.

    Args:
        label: the task.
        subject: what is measured, in the singular: "attention".
        noun: what the items are, in the plural: "relations".
        table: lines of `differences.compared` about good in one state, with the item as index.
    """
    mine = table[~table["small"]]
    if mine.empty:
        return f"On {label}, no {noun} have enough examples to compare {subject}"
    state = mine["state"].iloc[0]
    if mine["low"].isna().all():
        return (
            f"On {label}, {subject} of {state} good subnetworks cannot be compared with random "
            "ones: 1 random draw per seed"
        )
    enough = bool(mine["enough"].all())
    band = "the middle 95% of random draws" if enough else "all random draws"
    parts = []
    for side, outside in (
        ("above", mine["difference"] > mine["high"]),
        ("below", mine["difference"] < mine["low"]),
    ):
        names = [str(one) for one in mine.index[outside]]
        if names:
            listed = f" ({', '.join(names)})" if len(names) <= MOST_NAMES else ""
            parts.append((side, f"{len(names)} of {len(mine)} {noun}{listed}"))
    few = "" if enough else f"; {counted(int(mine['random_draws'].min()), 'draw')} per seed"
    if not enough:
        few += " are too few for a test"
    subject = f"On {label}, {subject} of {state} good subnetworks is"
    if not parts:
        everything = f"all {len(mine)} {noun}" if len(mine) > 1 else str(mine.index[0])
        return f"{subject} within {band} for {everything}{few}"
    (side, first), *rest = parts
    also = "".join(f", {other} them for {what}" for other, what in rest)
    return f"{subject} {side} {band} for {first}{also}{few}"
