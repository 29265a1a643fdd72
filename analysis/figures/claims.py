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
            few += " is too few to tell" if draws == 1 else " are too few to tell"
        else:
            few = "not tested"
        return f"{state} good subnetworks score {_apart(difference)} random ones ({few})"
    p = p_text(rank["p_adjusted"])
    if difference <= 0:
        return f"{state} good subnetworks do not score above random ones ({_signed(difference)})"
    if rank["p_adjusted"] > ALPHA:
        return (
            f"{state} good subnetworks do not score clearly above random ones "
            f"({_signed(difference)}, {p})"
        )
    return f"{state} good subnetworks score {_apart(difference)} random ones ({p})"


def _apart(difference: float) -> str:
    text = decimal(abs(difference), 3)
    if text == decimal(0, 3):
        return "the same as"
    return f"{text} {'above' if difference > 0 else 'below'}"


def _signed(difference: float) -> str:
    """A difference with its sign: `+.012`, `-.030`."""
    text = decimal(difference, 3)
    return text if text.startswith("-") or float(text) == 0 else f"+{text}"
