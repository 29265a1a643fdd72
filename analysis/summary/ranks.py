"""Where good and bad subnetworks lie among random ones of their size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..statistics.corrections import adjust_rows
from ..statistics.draws import too_few_draws
from ..statistics.uncertainty import permutation_p
from ..statistics.variation import grid_in, pairs_in
from .kinds import WHO, joined_flags, performance_of, plain

MOST_COMBINATIONS = 2_000_000
OF_CROSSED = "crossed seeds: p is about other masks of these trainings"
DIRECTIONS = {"good": "greater", "bad": "less"}
"""Kind -> on which side of the random draws it was built to lie."""


def _percentile(value: float, draws: npt.NDArray[np.float64]) -> float:
    return float((draws < value).mean() + (draws == value).mean() / 2)


def over_seeds(
    values: list[float], draws: list[npt.NDArray[np.float64]], alternative: str
) -> tuple[float, float]:
    """Stratified randomisation p over seeds, and the smallest p that it can give.

    If a mask were one more random draw in every seed, each choice of one candidate a seed (the
    mask or a draw) would be as likely as any other: p is the share of choices whose sum is at
    least as extreme. All choices are counted, or 100,000 sampled ones where they are too many.
    """
    pools = [np.append(pool, value) for value, pool in zip(values, draws, strict=True)]
    margin = 1e-12 * max(1.0, abs(sum(values)))
    combinations = float(np.prod([float(len(pool)) for pool in pools]))
    if combinations > MOST_COMBINATIONS:
        rng = np.random.default_rng(0)
        sums = sum(rng.choice(pool, 100_000) for pool in pools)
        return permutation_p(sum(values), sums, alternative=alternative), 1 / 100_001
    sums = pools[0]
    for pool in pools[1:]:
        sums = np.add.outer(sums, pool).ravel()
    if alternative == "greater":
        return float((sums >= sum(values) - margin).mean()), 1 / combinations
    return float((sums <= sum(values) + margin).mean()), 1 / combinations


def good_against_random(rows: pd.DataFrame) -> pd.DataFrame:
    """Where good and bad lie among random draws of the same size, for each seed and over seeds.

    The primary metric only. A bad mask's value is the median of its draws. `percentile` is the
    share of random draws below it (ties half), `beyond` that on the side where it was built to lie.
    p-values are one-sided, good above and bad below
    random, since both were built for that: add-one within a seed, a stratified randomisation test
    over all seeds (`seed` empty). Only the tests over seeds are corrected (Holm, one family). Of
    fewer than 29 random draws per seed there is no p-value and no percentile
    (`percentile`, `beyond`,
    `random_low`, `random_high`): `flag` says so, beside the flags of what the line rests on.
    """
    scores = performance_of(rows)
    scores = scores[scores["primary"]]
    records: list[dict[str, object]] = []
    for key, group in scores.groupby([*WHO, "metric", "state"], observed=True, sort=False):
        about = dict(zip([*WHO, "metric", "state"], key, strict=True))
        for kind, alternative in DIRECTIONS.items():
            records += _ranks(group, kind, alternative, about)
    columns = [*WHO, "metric", "state", "kind", "seed", "value", "random_median", "random_low"]
    columns += [
        "random_high",
        "n_random",
        "percentile",
        "beyond",
        "alternative",
        "p_value",
        "p_floor",
        "flag",
    ]
    table = pd.DataFrame(records, columns=columns).astype({"seed": "Int64"})
    corrected = adjust_rows(table[table["seed"].isna()])
    below = table["percentile"].astype(float)
    table = table.assign(
        beyond=below.where(table["alternative"] == "greater", 1 - below),
        p_adjusted=corrected["p_adjusted"],
        correction=corrected["correction"],
        family_size=corrected["family_size"],
    )
    return plain(table)


def _ranks(
    group: pd.DataFrame, kind: str, alternative: str, about: dict[str, object]
) -> list[dict[str, object]]:
    records: list[dict[str, object]] = []
    values: list[float] = []
    pools: list[npt.NDArray[np.float64]] = []
    group = group[group["kind"].isin([kind, "random"])]
    for seed, scores in group.groupby("seed", sort=True):
        mine = scores.loc[scores["kind"] == kind, "value"].to_numpy(dtype=float)
        draws = scores.loc[scores["kind"] == "random", "value"].to_numpy(dtype=float)
        if len(mine) and len(draws):
            values.append(float(np.median(mine)))
            pools.append(draws)
            p = permutation_p(values[-1], draws, alternative=alternative)
            floor = 1 / (len(draws) + 1)
            said = joined_flags(scores["flag"])
            records.append({"seed": seed, **_rank(values[-1:], [draws], p, floor, said)})
    if values:
        p, floor = over_seeds(values, pools, alternative)
        crossed = grid_in(map(int, set(group["seed"])), pairs_in(group))
        said = ", ".join(filter(None, [joined_flags(group["flag"]), crossed and OF_CROSSED]))
        records.append({"seed": None, **_rank(values, pools, p, floor, said)})
    return [{**about, "kind": kind, "alternative": alternative, **record} for record in records]


def _rank(
    values: list[float], pools: list[npt.NDArray[np.float64]], p: float, floor: float, said: str
) -> dict[str, object]:
    draws = np.concatenate(pools)
    n_random = min(len(pool) for pool in pools)
    few = too_few_draws(n_random)
    ranks = [_percentile(value, pool) for value, pool in zip(values, pools, strict=True)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return {
        "value": float(np.mean(values)),
        "random_median": float(np.median(draws)),
        "random_low": np.nan if few else float(low),
        "random_high": np.nan if few else float(high),
        "n_random": n_random,
        "percentile": np.nan if few else float(np.mean(ranks)),
        "p_value": np.nan if few else p,
        "p_floor": floor,
        "flag": ", ".join(filter(None, [said, few])),
    }
