"""Tests of hypotheses about masks, as sentences and tables on the screen."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import Console

from ..hypotheses.lines import EQUIVALENCE, INDEPENDENCE, NECESSITY, SUFFICIENCY
from ..hypotheses.measure import Found
from ..wording import bare_p, between, counted, decimal, is_missing, p_text, percent
from .records import print_lines, print_records

MOST_UNITS = 20
_LEGEND = (
    "draws: random masks on these examples; 95%: exact intervals of shares. least: the "
    "number of draws or independent examples with which a test can reach .05. p: corrected by Holm "
    "over the profiles of random masks; of units as named below."
)


def print_hypotheses(found: Found, console: Console | None = None) -> None:
    """Print the answers, the tests, and the units that were tested for minimality."""
    lines = found.hypotheses.to_dict("records")
    print_lines([sentence(line) for line in lines] + unit_sentences(found.units), console)
    print_records(
        [_line(line) for line in lines], title="tests of the mask", console=console,
        keep=("hypothesis", "share", "p", "draws", "least", "95%", "without"),
    )  # fmt: skip
    tested = found.units[found.units["kept"].fillna(False)]
    if len(tested):
        order = tested.sort_values("effect", ascending=False, kind="stable")
        print_records(
            [_unit(line) for line in order.head(MOST_UNITS).to_dict("records")],
            title="kept units by their effect", console=console,
            keep=("unit", "effect", "p", "beats", "of pruned"),
        )  # fmt: skip
        if (more := len(order) - MOST_UNITS) > 0:
            print_lines([f"{counted(more, 'more unit')}: `--out` writes all of them"], console)
    print_lines([_LEGEND], console)


def sentence(line: Any) -> str:
    """The answer to one hypothesis with its numbers."""
    if is_missing(line["p_adjusted"]) and not is_missing(line["flag"]):
        return f"{line['hypothesis']}: {line['answer']} ({line['flag']})"
    p = p_text(line["p_adjusted"])
    if line["hypothesis"] in (SUFFICIENCY, NECESSITY):
        how = (
            "better than" if line["hypothesis"] == SUFFICIENCY else "worse without it than without"
        )
        matched = " with its layer profile" if line["match"] == "layer" else ""
        text = (
            f"{how} {int(line['wins'])} of {counted(int(line['n']), 'random mask')}{matched}; "
            f"null: at most {percent(line['threshold'])}, {p}"
        )
    elif line["hypothesis"] == EQUIVALENCE:
        share = decimal(line["value"], 3)
        text = (
            f"it scores higher than the full model on a share of {share} of "
            f"{counted(int(line['n']), 'independent example')}; null: at least "
            f"{decimal(line['threshold'])} away from .5, {p}"
        )
    else:
        text = (
            f"HSIC {line['value']:.3g} over {counted(int(line['n']), 'independent example')}, {p}"
        )
    flag = "" if is_missing(line["flag"]) else f"; {line['flag']}"
    return f"{line['hypothesis']}: {line['answer']} ({text}{flag})"


def unit_sentences(units: pd.DataFrame) -> list[str]:
    """How many kept units of each type matter more than pruned ones that are put back."""
    lines = []
    tested = units[units["kept"].fillna(False)]
    for unit, mine in tested.groupby("unit", sort=False):
        name = {"mlp": "MLP"}.get(str(unit), str(unit))
        answered = mine[mine["p_value"].notna()]
        if answered.empty:
            lines.append(f"minimality of {name}s: not tested ({mine['flag'].iloc[0]})")
            continue
        clear, first = int(answered["rejected"].fillna(False).sum()), answered.iloc[0]
        said = (
            f"minimality of {name}s: {clear} of {counted(len(answered), f'kept {name}')} change "
            f"the model more than {percent(first['threshold'])} of the {int(first['n'])} pruned "
            f"ones that are put back ({first['correction']})"
        )
        flag = first["flag"]
        lines.append(said if is_missing(flag) else f"{said}; {flag}")
    return lines


def _line(line: Any) -> dict[str, str]:
    test = line["hypothesis"]
    shares = test != INDEPENDENCE
    return {
        "hypothesis": test + (" (by layer)" if line["match"] == "layer" else ""),
        "by": line["criterion"],
        "mask": decimal(line["observed"], 3),
        "compared": decimal(line["compared"], 3),
        "share": decimal(line["value"], 3) if shares else "",
        "95%": between(line["ci_low"], line["ci_high"]) if shares else "",
        "ties": "" if is_missing(line["n_ties"]) else str(line["n_ties"]),
        "draws": str(line["n"]),
        "least": "" if is_missing(line["least_n"]) else str(line["least_n"]),
        "p": bare_p(line["p_adjusted"]),
    }


def _unit(line: Any) -> dict[str, str]:
    inner = line["head"] if line["unit"] == "head" else line["neuron"]
    place = str(line["layer"]) if is_missing(inner) else f"{line['layer']}.{inner}"
    return {
        "unit": f"{line['unit']} {place}",
        "effect": f"{line['effect']:.3g}",
        "beats": "" if is_missing(line["wins"]) else str(line["wins"]),
        "of pruned": str(line["n"]),
        "p": bare_p(line["p_adjusted"]),
    }
