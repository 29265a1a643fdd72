"""One line for each test of a mask: its numbers, its null and the answer in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.errors import ConfigError
from ..flags import joined
from ..statistics.clusters import Units, over_units
from ..statistics.corrections import ALPHA, adjust_rows
from ..statistics.count_laws import EXACT, clopper_pearson
from ..wording import counted, decimal, percent
from .columns import HYPOTHESES as COLUMNS
from .columns import framed
from .independence import hsic_test
from .share_tests import best_equivalent, least_draws, least_trials, p_above, p_equivalent

Floats = npt.NDArray[np.float64]
SUFFICIENCY, NECESSITY, MINIMALITY = "sufficiency", "necessity", "minimality"
EQUIVALENCE, INDEPENDENCE = "equivalence", "independence"
HYPOTHESES = (SUFFICIENCY, NECESSITY, EQUIVALENCE, INDEPENDENCE, MINIMALITY)
"""Every hypothesis, in the order of tables."""


def check_draws(draws: int, share: float, profiles: int = 1) -> None:
    """Raise if so many draws cannot show that a mask beats a share of random ones.

    Args:
        draws: random masks of each profile.
        share: the threshold.
        profiles: kinds of random masks that one family of tests is corrected over.

    Raises:
        ConfigError: if they are too few.
    """
    least = least_draws(share, profiles)
    if draws < least:
        smallest = min(1.0, profiles * share**draws)
        what = "p" if profiles == 1 else f"p corrected over {profiles} profiles"
        raise ConfigError(
            f"{counted(draws, 'draw')} cannot show that a mask beats more than {percent(share)} of "
            f"random ones: even if it beats all of them, {what} is {smallest:.3g}",
            where="`draws`",
            remedy=f"use at least {least} draws, or a smaller `share`",
        )


def against_draws(
    hypothesis: str, observed: float, random: Sequence[float], share: float
) -> dict[str, Any]:
    """Sufficiency or necessity: the share of random masks that a mask beats, against a threshold.

    A mask is sufficient if it is better than most random masks of its size, and necessary if the
    model is worse without it than without most random masks of its size. Ties are not counted as
    wins.

    Args:
        hypothesis: `sufficiency` or `necessity`.
        observed: how good the mask is, or the model without it; higher is better.
        random: the same of random masks, or of the model without each of them.
        share: the threshold.
    """
    null = np.asarray(random, dtype=np.float64)
    n, enough = len(null), hypothesis == SUFFICIENCY
    margin = 1e-9 * max(1.0, abs(observed))  # equal scores in another order of sums are ties
    gaps = (observed - null) * (1 if enough else -1)
    wins, ties = int((gaps > margin).sum()), int((np.abs(gaps) <= margin).sum())
    low, high = clopper_pearson(wins, n) if n else (np.nan, np.nan)
    least = least_draws(share)
    side = "better" if enough else "worse"
    line: dict[str, Any] = {
        "hypothesis": hypothesis,
        "null_hypothesis": f"{side} than at most {percent(share)} of random masks",
        "observed": observed, "compared": float(null.mean()) if n else np.nan,
        "statistic": "share of random masks", "value": wins / n if n else np.nan,
        "ci_low": low, "ci_high": high, "ci_method": EXACT, "threshold": share, "wins": wins,
        "n_ties": ties, "n": n, "least_n": least, "floor": share**n,
    }  # fmt: skip
    if n < least:
        return line | {"flag": f"{counted(n, 'draw')}: at least {least} are needed"}
    return line | {"p_value": p_above(wins, n, share)}


def equivalence_line(first: Floats, second: Floats, units: Units, margin: float) -> dict[str, Any]:
    """Equivalence: the mask scores higher than the full model on about half of the examples.

    The unit is the cluster of examples: a cluster is a win if its mean score is higher.

    Args:
        first: score of each example under the mask [N]; higher is better.
        second: score of each example in the full model [N].
        units: cluster of each example [N].
        margin: the largest deviation of the share of wins from one half that counts as equal.
    """
    gaps = over_units(first - second, units)
    n, ties = len(gaps), int((np.abs(gaps) <= 1e-9).sum())
    wins = float((gaps > 1e-9).sum() + ties / 2)
    low, high = clopper_pearson(wins, n)
    least, floor = least_trials(margin), best_equivalent(n, margin)
    line: dict[str, Any] = {
        "hypothesis": EQUIVALENCE,
        "null_hypothesis": f"the share of wins is at least {decimal(margin)} away from .5",
        "observed": float(first.mean()), "compared": float(second.mean()),
        "statistic": "share of wins against the full model", "value": wins / n,
        "ci_low": low, "ci_high": high, "ci_method": EXACT, "threshold": margin, "wins": wins,
        "n_ties": ties, "n": n, "least_n": least, "floor": floor,
    }  # fmt: skip
    if floor > ALPHA:
        few, least = counted(n, "independent example"), least_trials(margin, start=max(n, least))
        return line | {"least_n": least, "flag": f"{few}: at least {least} are needed"}
    return line | {"p_value": p_equivalent(wins, n, margin)}


def independence_line(
    first: Floats, second: Floats, units: Units, labels: npt.NDArray[Any] | None,
    *, permutations: int, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Independence of the scores without the mask's units from those of the full model.

    The unit is the cluster: the mean score of its examples. Clusters whose examples have the same
    gold labels are permuted among each other.

    Args:
        first: score of each example without the mask's units [N].
        second: score of each example in the full model [N].
        units: cluster of each example [N].
        labels: gold class of each example [N]; None in regression.
        permutations: random permutations.
        seed: of the permutations.
    """
    sizes = np.bincount(units).astype(float)
    means = [over_units(side, units) / sizes for side in (first, second)]
    strata: list[object] = []
    if labels is not None:
        members: list[list[int]] = [[] for _ in sizes]
        for unit, label in zip(units.tolist(), labels.tolist(), strict=True):
            members[unit].append(int(label))
        strata = [tuple(sorted(one)) for one in members]
    found = hsic_test(means[0], means[1], strata, permutations=permutations, seed=seed)
    line: dict[str, Any] = {
        "hypothesis": INDEPENDENCE,
        "null_hypothesis": "scores without the mask are independent of those of the full model",
        "observed": float(first.mean()), "compared": float(second.mean()), "statistic": "HSIC",
        "value": found.hsic, "n": found.n, "floor": found.floor,
    }  # fmt: skip
    if found.constant:
        return line | {"flag": "the scores without the mask do not vary among equal labels"}
    if found.floor > ALPHA:
        few = counted(found.n, "independent example")
        return line | {"flag": f"{few}: too few permutations for a p-value of .05"}
    return line | {"p_value": found.p_value}


def answer_of(line: Any) -> str:
    """The answer of one tested line, in words."""
    if line["p_adjusted"] != line["p_adjusted"] or line["p_adjusted"] is None:
        return "not tested"
    yes = bool(line["p_adjusted"] <= ALPHA)
    return {
        SUFFICIENCY: ("sufficient", "not shown to be sufficient"),
        NECESSITY: ("necessary", "not shown to be necessary"),
        EQUIVALENCE: ("equivalent to the full model", "not shown to be equivalent"),
        INDEPENDENCE: ("the rest is not independent of the full model", "no dependence found"),
    }[str(line["hypothesis"])][not yes]


def adjusted(lines: list[dict[str, Any]]) -> pd.DataFrame:
    """Lines of tests with corrected p-values (Holm, by hypothesis) and answers."""
    table = framed(lines, COLUMNS | {"floor": "Float64"})
    if len(table):
        family = ["model", "task", "hypothesis", "criterion"]
        table = adjust_rows(table, family, "holm", floors=table["floor"])
        table["rejected"] = (table["p_adjusted"] <= ALPHA).mask(table["p_adjusted"].isna())
        table["answer"] = [answer_of(line) for line in table.to_dict("records")]
    return framed(table, COLUMNS)


def with_flags(table: pd.DataFrame, flags: Sequence[str]) -> pd.DataFrame:
    """A table whose lines have a flag of their model before the one of their test.

    Args:
        table: lines of tests or units.
        flags: of the model of each line; empty = none.
    """
    said = [
        joined(first, "" if pd.isna(own) else str(own)) or pd.NA
        for first, own in zip(flags, table["flag"], strict=True)
    ]
    return table.assign(flag=pd.Series(said, index=table.index, dtype="string"))
