"""What each kind of subnetwork knows, in a few headline figures a probe."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .headlines import headline_parts
from .kinds import WHO, by_method, plain, tidy_kinds, with_flags
from .over_draws import RANGE, each_draw, over_draws_and_seeds

_NUMBERS = [
    "value", "reference", "null_low", "null_high", "p_value", "p_adjusted", "baseline_value", "n",
    "n_clusters",
]  # fmt: skip
_LINE = [*WHO, "probe", "metric", "relation", "baseline", "kind", "state"]
_LARGEST = ("p_value", "p_adjusted")
_ABOUT = [*WHO, "probe", "kind", "state"]
_READ = dict.fromkeys([
    *_ABOUT, *_LINE, "unit", "variant", "target", "seed", "draw", "layer", "head", "value",
    "baseline_value", "ci_low", "ci_high", "p_value", "p_adjusted", "n", "n_clusters", "flag",
])  # fmt: skip
"""Columns of the tidy rows that the headline numbers are made of."""


@dataclass(frozen=True)
class Drawn:
    """What two summaries of probes are made from.

    Attributes:
        draws: the headline numbers of each seed and draw.
        flags: the flags of all rows with a value, and what they are about.
    """

    draws: pd.DataFrame
    flags: pd.DataFrame

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Drawn:
        """The draws of the tidy rows of a run."""
        tidy = tidy_kinds(by_method(rows[list(_READ)]))
        draws = each_draw(_cells(tidy), _LINE, _NUMBERS, _LARGEST)
        return cls(draws, tidy.loc[tidy["value"].notna(), [*_ABOUT, "seed", "flag"]])


def probe_draws(rows: pd.DataFrame, drawn: Drawn | None = None) -> pd.DataFrame:
    """What each probed subnetwork knows: the lines of `probe_table`, one for each seed and draw."""
    drawn = drawn or Drawn.of(rows)
    columns = [*_LINE, "seed", "draw", *_NUMBERS]
    return plain(with_flags(drawn.draws[columns], drawn.flags, [*_ABOUT, "seed"]))


def _cells(tidy: pd.DataFrame) -> pd.DataFrame:
    """The headline numbers of every probe."""
    parts = list(headline_parts(tidy))
    cells = pd.concat([part for part in parts if len(part)] or [tidy.head(0)], ignore_index=True)
    cells = cells.reindex(columns=[*dict.fromkeys([*cells.columns, "relation", *_NUMBERS])])
    return cells.astype(dict.fromkeys(_NUMBERS, float))


def probe_table(rows: pd.DataFrame, drawn: Drawn | None = None) -> pd.DataFrame:
    """What each kind of subnetwork knows: one line for each task, probe, metric, kind and state.

    Args:
        rows: tidy rows of a run.
        drawn: their draws, where they are there already.

    Returns:
        `mean` over seeds, of each seed's mean over draws; `seed_low` and `seed_high` are the lowest
        and highest seed, `lowest` and `highest` the lowest and highest of all draws of all seeds;
        `reference` is the full model's value, for attention statistics over the heads that live in
        both (so that no mean moves only because other heads were averaged); `p_value` and
        `p_adjusted` are the largest over draws and seeds. `n` is what the smallest seed's value
        rests on: kept heads, arcs or examples; `n_clusters` the independent units behind it,
        empty for a mean over relations. `flag` joins those of all rows of the probe about the kind
        and state.
    """
    drawn = drawn or Drawn.of(rows)
    table = over_draws_and_seeds(drawn.draws, _LINE, _LARGEST)
    columns = [*_LINE, *RANGE, "reference", "baseline_value", "null_low", "null_high", *_LARGEST,
               "n", "n_clusters"]  # fmt: skip
    return plain(with_flags(table[columns], drawn.flags, _ABOUT))
