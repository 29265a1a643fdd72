"""Lines of the tables of comparisons: a difference with its interval, a test with its p-value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...data.seeds import SeedDesign
from ..flags import FAILED
from ..statistics.checks import LEAST_COVERAGE, trusted
from ..statistics.paired import cohens_h, d_z, expanded_limits, over_seeds_and_examples
from ..statistics.paired_coverage import (
    CROSSED_AND_EXAMPLES,
    EXAMPLES,
    SEEDS_AND_EXAMPLES,
)
from ..statistics.paired_tests import Tested, crossed_t, sign_flips
from ..statistics.uncertainty import Floats
from ..statistics.variation import COLUMN, CROSSED_T, INCOMPLETE, SIGN_FLIPS, varies_of
from ..wording import decimal
from .pairs import Pair, Side, Sizes

_TEXT, _WHOLE, _REAL = "string", "Int64", "Float64"
_NAMES = {
    "model": _TEXT, "task": _TEXT, "method_a": _TEXT, "kind_a": _TEXT, "state_a": _TEXT,
    "method_b": _TEXT, "kind_b": _TEXT, "state_b": _TEXT, "question": _TEXT,
    "probe": _TEXT, "variant": _TEXT, "metric": _TEXT, "primary": "boolean", "relation": _TEXT,
    "direction": _TEXT, "layer": _WHOLE,
}  # fmt: skip
COMPARED: dict[str, str] = {
    **_NAMES, "level": _TEXT, "seed": _WHOLE, "draw": _WHOLE, "value_a": _REAL, "value_b": _REAL,
    "difference": _REAL, "median_difference": _REAL, "ci_low": _REAL, "ci_high": _REAL,
    "ci_method": _TEXT, "varies": _TEXT, "coverage": _REAL, "effect": _TEXT, "effect_size": _REAL,
    "d_z": _REAL,
    "n": _WHOLE, "n_clusters": _WHOLE, "n_seeds": _WHOLE, "draws_a": _WHOLE, "draws_b": _WHOLE,
    "n_diverged": _WHOLE, "n_unlearned": _WHOLE, "flag": _TEXT,
}  # fmt: skip
"""Column -> type of the table of differences."""
TESTED: dict[str, str] = {
    **_NAMES, "test": _TEXT, "varies": _TEXT, "level": _TEXT, "seed": _WHOLE, "draw": _WHOLE,
    "draws_a": _WHOLE,
    "draws_b": _WHOLE, "difference": _REAL,
    "only_first": _WHOLE, "only_second": _WHOLE, "effect": _TEXT, "effect_size": _REAL,
    "n": _WHOLE, "n_clusters": _WHOLE, "n_seeds": _WHOLE, "p_value": _REAL, "p_floor": _REAL,
    "p_adjusted": _REAL, "correction": _TEXT, "family": _TEXT, "family_size": _WHOLE,
    "flag": _TEXT,
}  # fmt: skip
"""Column -> type of the table of tests."""


ONE_DRAW, ONE_SEED, THESE_SEEDS, BEYOND = LEVELS = (
    "one draw", "one seed", "these seeds", "seeds and examples",
)  # fmt: skip
"""What a line is about; one seed is the mean over its draws, where it has several."""


def frame_of(
    records: Iterable[Mapping[str, Any]] | pd.DataFrame, columns: dict[str, str]
) -> pd.DataFrame:
    """A typed table with these columns, in this order; says what varies in each line."""
    frame = records if isinstance(records, pd.DataFrame) else pd.DataFrame(list(records))
    if COLUMN in columns and COLUMN not in frame:
        frame = frame.assign(varies=varies_of(frame))
    return frame.reindex(columns=list(columns)).astype(columns).reset_index(drop=True)


def pair_columns(pair: Pair) -> dict[str, Any]:
    """The columns that name a pair."""
    sides = {"a": pair.first, "b": pair.second}
    named = {
        f"{name}_{side}": value
        for side, model in sides.items()
        for name, value in zip(("method", "kind", "state"), model, strict=True)
    }
    return {**named, "question": pair.question}


def tested_columns(tested: Tested) -> dict[str, Any]:
    """The columns of a test's outcome."""
    return {"p_value": tested.p_value, "p_floor": tested.floor, "flag": tested.flag}


def difference_records(
    pair: Pair,
    about: Mapping[str, Any],
    first: Side,
    second: Side,
    design: SeedDesign,
    *,
    outcome: str,
    share: float = float("nan"),
) -> list[dict[str, Any]]:
    """The difference in each seed, and its mean over seeds at both levels.

    Args:
        pair: what is compared.
        about: columns that every line repeats.
        first: the side that is compared with `second`.
        second: the reference, on the same items.
        design: seeds that both sides have.
        outcome: kind of score, as the table of simulated coverages names it.
        share: share of items on which the two differ, where items are classes.
    """
    base = {**about, **pair_columns(pair)}
    records = [
        base | _one_seed(first, second, seed, outcome, share) | {"seed": seed}
        for seed in sorted(design.seeds)
    ]
    if len(design.seeds) > 1:
        records += [
            base | line for line in _over_seeds(first, second, design, outcome=outcome, share=share)
        ]
    return records


def draw_record(
    pair: Pair, about: Mapping[str, Any], first: Side, second: Side, seed: int, draw: int, *,
    outcome: str, share: float = float("nan"),
) -> dict[str, Any]:  # fmt: skip
    """The difference of one draw in one seed; both sides hold that draw alone."""
    line = {**about, **pair_columns(pair), **_one_seed(first, second, seed, outcome, share)}
    return line | {"level": ONE_DRAW, "seed": seed, "draw": draw}


def _one_seed(first: Side, second: Side, seed: int, outcome: str, share: float) -> dict[str, Any]:
    samples, sizes = first.samples[seed] - second.samples[seed], _sizes(first, second, [seed])
    coverage = sizes.coverage(EXAMPLES, outcome, share=share)
    limits = expanded_limits(samples, sizes.n_clusters)
    flags = _flags(first, second, [seed])
    if first.cells[seed] == second.cells[seed]:
        flags = ", ".join(filter(None, [flags, "same mask"]))
    return {
        "level": ONE_SEED,
        **_values(first, second, [seed], outcome),
        **_interval(limits, coverage, f"over {sizes.over}", samples, "this seed"),
        "d_z": d_z(first.items[seed] - second.items[seed]),
        **vars(sizes),
        "flag": flags,
    }


def _over_seeds(
    first: Side, second: Side, design: SeedDesign, *, outcome: str, share: float
) -> list[dict[str, Any]]:
    seeds = list(design.seeds)
    # [R, S]
    samples = np.stack([first.samples[s] - second.samples[s] for s in seeds], axis=1)
    sizes = _sizes(first, second, seeds)
    same = _values(first, second, seeds, outcome)
    same |= {**vars(sizes), "flag": _flags(first, second, seeds)}
    gaps = [first.scores[s] - second.scores[s] for s in seeds]
    here = sizes.coverage(EXAMPLES, outcome, share=share)
    mean = samples.mean(axis=1)
    items = np.sum([first.items[s] - second.items[s] for s in seeds], axis=0) / len(seeds)
    return [
        same
        | {"level": THESE_SEEDS, "d_z": d_z(items)}
        | _interval(
            expanded_limits(mean, sizes.n_clusters),
            here,
            f"over {sizes.over}",
            samples,
            "these seeds",
        ),
        same
        | {"level": BEYOND, "d_z": d_z(gaps)}
        | beyond_seeds(float(np.mean(gaps)), samples, sizes, design, outcome, share),
    ]


def beyond_seeds(
    value: float, samples: Floats, sizes: Sizes, design: SeedDesign, outcome: str, share: float
) -> dict[str, Any]:
    """The interval of a mean over seeds for other seeds and other examples.

    Args:
        value: the mean.
        samples: each seed's value on resamples of the examples [R, S], seeds as in `design`.
        sizes: items and units.
        design: how the seeds were sampled.
        outcome: kind of score.
        share: share of items on which the two differ, where items are classes.
    """
    over = f"seeds and {sizes.over}"
    if design.incomplete:
        name = f"paired bootstrap over {over} ({len(samples)})"
        return {"coverage": np.nan, "ci_method": f"no {name}: {INCOMPLETE}"}
    if design.grid is not None:
        over = f"rows and columns of a {design.grid.shape} grid of seeds, and {sizes.over}"
    kind = SEEDS_AND_EXAMPLES if design.grid is None else CROSSED_AND_EXAMPLES
    coverage = sizes.coverage(kind, outcome, seeds=design.units, share=share)
    limits = over_seeds_and_examples(value, samples, grid=design.grid)
    return _interval(limits, coverage, f"over {over}", samples, "")


def _sizes(first: Side, second: Side, seeds: list[int]) -> Sizes:
    """How many items and units both sides have in the seed with the fewest."""
    there = [np.isfinite(first.items[s] - second.items[s]) for s in seeds]
    return Sizes(
        min(int(both.sum()) for both in there),
        min(len(np.unique(first.units[both])) for both in there),
    )


def _values(first: Side, second: Side, seeds: list[int], outcome: str) -> dict[str, Any]:
    a = [first.scores[s] for s in seeds]
    b = [second.scores[s] for s in seeds]
    gaps = np.subtract(a, b)
    found: dict[str, Any] = {
        "value_a": float(np.mean(a)),
        "value_b": float(np.mean(b)),
        "difference": float(gaps.mean()),
        "median_difference": float(np.median(gaps)),
        "n_seeds": len(seeds),
        **draw_counts(first, second, seeds),
        **{
            f"n_{flag}": sum(flag in side.flags[s] for s in seeds for side in (first, second))
            for flag in FAILED
        },
    }
    if outcome == "accuracy":
        found |= {
            "effect": "Cohen's h",
            "effect_size": cohens_h(float(np.mean(a)), float(np.mean(b))),
        }
    return found


def draw_counts(first: Side, second: Side, seeds: list[int]) -> dict[str, int]:
    """How many draws each side's value is a mean of, in the seed with the fewest."""
    return {
        "draws_a": min(first.draws[s] for s in seeds),
        "draws_b": min(second.draws[s] for s in seeds),
    }


def _interval(
    limits: tuple[float, float], coverage: float | None, over: str, samples: Floats, covers: str
) -> dict[str, Any]:
    """Limits if simulations trust them at the numbers in use, else why there are none."""
    name = f"paired bootstrap {over} ({len(samples)})"
    name += f", {covers}" if covers else ""
    found: dict[str, Any] = {"coverage": np.nan if coverage is None else coverage}
    if not np.isfinite(limits[0]):
        return found | {"ci_method": f"no {name}: the resamples do not vary, or some are empty"}
    if not trusted(coverage):
        said = "was not simulated" if coverage is None else f"covers {decimal(coverage, 3)}"
        why = f"{said} at these numbers, {decimal(LEAST_COVERAGE)} is asked for"
        return found | {"ci_method": f"no {name}: {why}"}
    return found | {"ci_low": limits[0], "ci_high": limits[1], "ci_method": name}


def _flags(first: Side, second: Side, seeds: list[int]) -> str:
    found = {flag for side in (first, second) for s in seeds for flag in [side.flags[s]] if flag}
    return ", ".join(sorted({part for flag in found for part in flag.split(", ")}))


def over_seeds_test(
    pair: Pair, about: Mapping[str, Any], first: Side, second: Side, design: SeedDesign
) -> dict[str, Any]:
    """The test of the differences of all seeds: sign flips, or t where seeds are crossed."""
    seeds = list(design.seeds)
    gaps = [first.scores[s] - second.scores[s] for s in seeds]
    if design.incomplete:
        tested = Tested(float("nan"), 1.0, INCOMPLETE)
    else:
        tested = sign_flips(gaps) if design.grid is None else crossed_t(gaps, design.grid)
    return {
        **about,
        **pair_columns(pair),
        "test": CROSSED_T if design.crossed else SIGN_FLIPS,
        "level": THESE_SEEDS,
        **draw_counts(first, second, seeds),
        "difference": float(np.mean(gaps)),
        "effect": "d_z over seeds",
        "effect_size": d_z(gaps),
        "n_seeds": len(seeds),
        **tested_columns(tested),
    }
