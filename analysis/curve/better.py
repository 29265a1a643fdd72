"""Tests of good subnetworks against random ones, at each size and of the areas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.better import LOWER
from ..statistics.corrections import ALPHA, MAX_T, adjust_rows, max_t
from ..statistics.paired_tests import Tested, cluster_signs, crossed_t, sign_flips, swap_draws
from ..statistics.uncertainty import permutation_p
from ..statistics.variation import CROSSED_T, INCOMPLETE, SIGN_FLIPS
from ..wording import counted
from .area_lines import BETTER, by_draw, on_resamples
from .areas import CMD, CPR, SCORE
from .panel import Panel

Floats = npt.NDArray[np.float64]

DRAWS, EXAMPLES, SEEDS = "rank among random masks", "answers exchanged", SIGN_FLIPS

DRAWS_NEEDED = round(1 / ALPHA) - 1
"""The least number of random masks at which a p of .05 is possible, also after max-T: 19."""


def few_draws(draws: int) -> str:
    """Why so few random masks show nothing; empty if they are enough."""
    if draws >= DRAWS_NEEDED:
        return ""
    return (
        f"smallest p of a rank among {counted(draws, 'random mask')} is {1 / (draws + 1):.3g}: "
        f"{DRAWS_NEEDED} are needed"
    )


def rank_test(good: Floats, random: Floats, better: str) -> Tested:
    """One-sided rank of the good mask among random masks of its size, add-one.

    Under the null, the good mask of each seed is exchangeable with its random masks. Of several
    seeds, the mean over seeds is ranked among the means of draws with the same number.

    Args:
        good: value of the good mask of each seed [S].
        random: values of the random masks [S, D].
        better: `higher` or `lower`.
    """
    sign = -1.0 if better == LOWER else 1.0
    null = sign * random.mean(axis=0)
    p = permutation_p(sign * float(good.mean()), null, alternative="greater")
    return Tested(p, 1 / (len(null) + 1))


def score_tests(panel: Panel, place: int) -> Iterator[tuple[str, Tested]]:
    """The tests of the scores at one size: name and result.

    The rank among random masks asks whether other random masks would do as well. The other test
    asks whether the difference from these random masks is more than chance: of one seed by
    exchanging answers, of several by the signs of the seeds' differences, and by Student's t where
    seeds of the initialisation are crossed with seeds of the order.

    Args:
        panel: the models, one for each seed.
        place: place of the size.
    """
    scored = panel.scored
    good = np.array([one.values("good")[place, 0] for one in scored])
    random = np.stack([one.values("random")[place] for one in scored])
    yield DRAWS, rank_test(good, random, panel.better)
    if len(scored) > 1:
        yield _over_seeds(panel, good - random.mean(axis=1))
        return
    one = scored[0]
    mine = one.answers["good"][:, place, :]
    others = one.answers["random"][:, place, :]
    if one.metric == "accuracy":
        gold = one.gold[:, None]
        yield EXAMPLES, cluster_signs(mine == gold, others == gold, one.units)
        return
    mine = np.broadcast_to(mine, others.shape)
    yield EXAMPLES, swap_draws(one.metric, mine, others, one.gold, one.units, seed=panel.seed)


def _over_seeds(panel: Panel, gaps: Floats) -> tuple[str, Tested]:
    if not panel.crossed:
        return SEEDS, sign_flips(gaps)
    if panel.grid is None:
        return CROSSED_T, Tested(float("nan"), 1.0, INCOMPLETE)
    return CROSSED_T, crossed_t(gaps, panel.grid)


def tested_lines(panel: Panel) -> Iterator[dict[str, Any]]:
    """Good against random: two tests at each size below the full one, and one of each area.

    Ranks have their corrected p: draws with one number are one curve, of which max-T takes the
    largest value over all sizes, or over both areas.
    """
    if "random" not in panel.lines:
        return
    good, random = panel.lines["good"], panel.lines["random"]
    sizes = len(panel.sizes) - 1
    curves = np.stack([_means(panel, SCORE, place) for place in range(sizes)], axis=1)
    p_of_sizes = max_t(curves)
    for place in range(sizes):
        scores = [[one[place] for one in line.scores] for line in (good, random)]
        samples = [[one[:, place, :] for one in line.samples] for line in (good, random)]
        about = _difference(panel, scores, samples) | {
            "measure": SCORE, "share": good.shares[place], "better": panel.better,
        }  # fmt: skip
        for name, found in score_tests(panel, place):
            yield about | _tested(name, found, p_of_sizes[place] if name == DRAWS else None)
    areas = (CPR, CMD)
    p_of_areas = max_t(np.stack([_means(panel, measure) for measure in areas], axis=1))
    for measure, p in zip(areas, p_of_areas, strict=True):
        values = [by_draw(panel, measure, line) for line in (good, random)]
        samples = [on_resamples(panel, measure, line) for line in (good, random)]
        found = rank_test(np.stack(values[0])[:, 0], np.stack(values[1]), BETTER[measure])
        about = {"measure": measure, "better": BETTER[measure]}
        yield _difference(panel, values, samples) | about | _tested(DRAWS, found, p)


def corrected(tests: pd.DataFrame, method: str) -> pd.DataFrame:
    """The tests corrected within each kind of test: over the sizes, and over the two areas."""
    notes = tests["note"].astype("string").replace("", pd.NA)
    tests = tests.assign(of_score=tests["measure"].eq(SCORE), note=notes)
    found = adjust_rows(tests, ("test", "of_score"), method, floors=tests["floor"], flag="note")
    ranks = found["test"].eq(DRAWS)
    found.loc[ranks, "note"] = notes[ranks]
    found.loc[ranks, "p_adjusted"] = tests.loc[ranks, "of_max"].astype(float)
    found.loc[ranks & found["p_value"].notna(), "correction"] = MAX_T
    few = ranks & found["n_draws"].lt(DRAWS_NEEDED)
    found.loc[few, "note"] = few_draws(int(found["n_draws"].min()))
    return found.assign(draws_needed=pd.Series(DRAWS_NEEDED, index=found.index).where(ranks))


def _difference(
    panel: Panel, values: Sequence[Sequence[Floats]], samples: Sequence[Sequence[Floats]]
) -> dict[str, Any]:
    """Columns of the difference between good and random, each by seed: [D] and [R, D]."""
    good, random = (float(np.mean([one.mean() for one in of_kind])) for of_kind in values)
    gaps = [ours - theirs for ours, theirs in zip(*samples, strict=True)]
    return {
        **panel.about,
        "good": good,
        "random": random,
        "difference": good - random,
        **panel.interval(good - random, gaps),
        "n_draws": gaps[0].shape[1],
        **panel.counts,
        "flag": panel.flag,
    }


def _means(panel: Panel, measure: str, place: int = 0) -> Floats:
    """Mean over seeds of the good masks and of each draw of random ones [D + 1], high = better."""
    better = BETTER.get(measure, panel.better)
    found = []
    for kind in ("good", "random"):
        line = panel.lines[kind]
        each = (
            [scores[place] for scores in line.scores]
            if measure == SCORE
            else by_draw(panel, measure, line)
        )
        found.append(np.mean(each, axis=0))
    return (-1.0 if better == LOWER else 1.0) * np.concatenate(found)


def _tested(name: str, found: Tested, of_max: float | None = None) -> dict[str, Any]:
    """Columns of a test; its floor is the smallest p that it could give."""
    return {
        "test": name, "p_value": found.p_value, "floor": found.floor, "note": found.flag,
        "of_max": of_max,
    }  # fmt: skip
