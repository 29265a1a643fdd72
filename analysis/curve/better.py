"""Tests of good subnetworks against random ones, at each size and of the areas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.better import LOWER
from ...data.seeds import SeedDesign
from ..statistics.corrections import ALPHA, adjust_rows
from ..statistics.paired_tests import Tested, cluster_signs, crossed_t, sign_flips, swap_draws
from ..statistics.uncertainty import permutation_p
from ..statistics.variation import CROSSED_T, INCOMPLETE
from .area_lines import BETTER, by_draw, on_resamples
from .areas import CMD, CPR
from .panel import Panel
from .scored import ScoredModel

Floats = npt.NDArray[np.float64]

SCORE = "score"
DRAWS, EXAMPLES, SEEDS = "rank among random masks", "answers exchanged", "sign flips over seeds"


def draws_needed(tests: int) -> int:
    """The least number of random masks at which a corrected p of .05 is possible.

    The smallest p of a rank among D draws is 1 / (D + 1), times the number of tests.
    """
    return math.ceil(tests / ALPHA - 1e-9) - 1


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


def score_tests(
    scored: Sequence[ScoredModel],
    place: int,
    better: str,
    seed: int,
    design: SeedDesign | None = None,
) -> Iterator[tuple[str, Tested]]:
    """The tests of the scores at one size: name and result.

    The rank among random masks asks whether other random masks would do as well. The other test
    asks whether the difference from these random masks is more than chance: of one seed by
    exchanging answers, of several by the signs of the seeds' differences.

    Args:
        scored: the models, one for each seed.
        place: place of the size.
        better: direction of the metric.
        seed: seed of random exchanges.
        design: how crossed seeds were sampled; None = independent.
    """
    good = np.array([one.values("good")[place, 0] for one in scored])
    random = np.stack([one.values("random")[place] for one in scored])
    yield DRAWS, rank_test(good, random, better)
    if design is not None:
        gaps = good - random.mean(axis=1)
        yield (
            CROSSED_T,
            Tested(float("nan"), 1.0, INCOMPLETE)
            if design.grid is None
            else crossed_t(gaps, design.grid),
        )
        return
    if len(scored) > 1:
        yield SEEDS, sign_flips(good - random.mean(axis=1))
        return
    one = scored[0]
    mine = one.answers["good"][:, place, :]
    others = one.answers["random"][:, place, :]
    if one.metric == "accuracy":
        gold = one.gold[:, None]
        yield EXAMPLES, cluster_signs(mine == gold, others == gold, one.units)
        return
    mine = np.broadcast_to(mine, others.shape)
    yield EXAMPLES, swap_draws(one.metric, mine, others, one.gold, one.units, seed=seed)


def tested_lines(panel: Panel) -> Iterator[dict[str, Any]]:
    """Good against random: two tests at each size below the full one, and one of each area."""
    if "random" not in panel.lines:
        return
    good, random = panel.lines["good"], panel.lines["random"]
    for place in range(len(panel.sizes) - 1):
        scores = [[one[place] for one in line.scores] for line in (good, random)]
        samples = [[one[:, place, :] for one in line.samples] for line in (good, random)]
        about = _difference(panel, scores, samples) | {
            "measure": SCORE, "share": good.shares[place], "better": panel.better,
        }  # fmt: skip
        for name, found in score_tests(panel.scored, place, panel.better, panel.seed, panel.design):
            yield about | _tested(name, found)
    for measure in (CPR, CMD):
        values = [by_draw(panel, measure, line) for line in (good, random)]
        samples = [on_resamples(panel, measure, line) for line in (good, random)]
        found = rank_test(np.stack(values[0])[:, 0], np.stack(values[1]), BETTER[measure])
        about = {"measure": measure, "better": BETTER[measure]}
        yield _difference(panel, values, samples) | about | _tested(DRAWS, found)


def corrected(tests: pd.DataFrame, method: str) -> pd.DataFrame:
    """The tests corrected within each kind of test: over the sizes, and over the two areas."""
    tests = tests.assign(
        of_score=tests["measure"].eq(SCORE),
        note=tests["note"].astype("string").replace("", pd.NA),
    )
    tests = adjust_rows(
        tests, ("test", "of_score"), method, floors=tests["floor"], flag="note"
    )  # fmt: skip
    needed = tests["family_size"].map(draws_needed, na_action="ignore")
    return tests.assign(draws_needed=needed.where(tests["test"].eq(DRAWS)))


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
    }


def _tested(name: str, found: Tested) -> dict[str, Any]:
    """Columns of a test; its floor is the smallest p that it could give."""
    return {"test": name, "p_value": found.p_value, "floor": found.floor, "note": found.flag}
