"""A curve over sizes on the screen: scores of each kind, areas, and good against random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.console import Console

from ..curve.areas import CMD, CPR, EFFECTIVE, SCORE
from ..curve.better import DRAWS, few_draws
from ..curve.written import Curve
from ..verdict.curve_findings import finding_lines
from ..wording import bare_p, between, counted, decimal, named, percent, seen
from .records import print_lines, print_records

_NAMES = {CPR: "CPR", CMD: "CMD", EFFECTIVE: "effective size"}


def print_curve(found: Curve, console: Console | None = None) -> None:
    """Print the scores at each size, the areas and the tests."""
    points = found.points
    first = points.iloc[0]
    print_lines(finding_lines(found), console)
    about = f"{first['task']} · {named(first['metric'])} · {first['units']}"
    print_records(
        [_sizes(share, lines) for share, lines in points.groupby("share_asked", sort=False)],
        title=f"scores over the share of kept units · {about}",
        console=console,
        keep=("asked", *points["kind"].unique()),
    )
    print_records(
        [_area(line) for line in found.areas.itertuples()],
        title="areas under the curves, and effective size",
        console=console,
        keep=("kind", "measure", "value", "95%", "range"),
    )
    if len(found.tests):
        print_records(
            list(_tests(found.tests)),
            title="good against random",
            console=console,
            keep=("share", "difference", "95%", "p (rank)", "p"),
        )
    print_lines(_legend(found), console)


def _sizes(share: Any, lines: pd.DataFrame) -> dict[str, str]:
    """The scores of all kinds at one size."""
    good = lines[lines["kind"].eq("good")].iloc[0]
    kept = " ".join(
        f"{int(good[name])} {name}"
        for name in ("heads", "mlps", "neurons", "weights")
        if not pd.isna(good[name])
    )
    record = {"asked": percent(share), "kept": kept}
    for line in lines.itertuples():
        limits = between(line.ci_low, line.ci_high)
        record[line.kind] = " ".join(filter(None, [decimal(line.value), limits]))
    return record


def _area(line: Any) -> dict[str, str]:
    return {
        "kind": line.kind,
        "measure": _NAMES[line.measure],
        "value": decimal(line.value),
        "95%": between(line.ci_low, line.ci_high),
        "range": seen(line.lowest, line.highest),
        "better": line.better,
    }


def _tests(tests: pd.DataFrame) -> Iterator[dict[str, str]]:
    """One line for each size and area, with its tests side by side."""
    by_what = tests.assign(share=tests["share"].astype(float).fillna(-1.0))
    for (measure, share), lines in by_what.groupby(["measure", "share"], sort=False):
        line = lines.iloc[0]
        record = {
            "share": percent(share) if measure == SCORE else _NAMES[measure],
            "good": decimal(line["good"]),
            "random": decimal(line["random"]),
            "difference": decimal(line["difference"]),
            "95%": between(line["ci_low"], line["ci_high"]),
        }
        for one in lines.itertuples():
            record["p (rank)" if one.test == DRAWS else "p"] = bare_p(one.p_adjusted)
        yield record


def _legend(found: Curve) -> list[str]:
    """What the columns are, and what the numbers rest on."""
    areas = found.areas
    grid = areas["grid"].iloc[0].split()
    said = [
        f"areas: trapezoid rule over {len(grid)} shares from {float(grid[0]):.3g} to 1, so that a "
        f"curve equal to the full model has a CPR of {1 - float(grid[0]):.3f} and a CMD of 0. "
        f"Score without the units: {decimal(areas['empty_value'].iloc[0])}."
    ]
    if len(tests := found.tests):
        other = tests.loc[tests["test"].ne(DRAWS), "test"]
        ranks = tests[tests["test"].eq(DRAWS) & tests["measure"].eq(SCORE)]
        draws = int(ranks["n_draws"].iloc[0])
        said.append(
            f"p (rank): rank among {counted(draws, 'random mask')} of each size; p: "
            f"{other.iloc[0]}; both corrected over sizes, ranks by max-T."
        )
        if why := few_draws(draws):
            said.append(f"{why[0].upper()}{why[1:]}.")
    return said
