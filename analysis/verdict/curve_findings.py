"""What a curve over sizes shows, in sentences."""

from __future__ import annotations

from ..curve.areas import EFFECTIVE, SCORE
from ..curve.written import Curve
from ..wording import decimal, listed, named, p_text, percent


def finding_lines(found: Curve) -> list[str]:
    """At which sizes good masks are clearly better than random ones, in a sentence each."""
    points, tests = found.points, found.tests
    task, metric = points["task"].iloc[0], named(points["metric"].iloc[0])
    lines = []
    sizes = found.areas[found.areas["measure"].eq(EFFECTIVE)].set_index("kind")["value"]
    full = points[points["share"].eq(1)]["value"].iloc[0]
    within = found.areas["within"].dropna()
    if len(within):
        each = [f"{percent(value)} of the units for {kind}" for kind, value in sizes.items()]
        lines.append(
            f"{task}: {metric} of the full model is {decimal(full)}. The smallest masks within "
            f"{100 * float(within.iloc[0]):g} points of it keep {listed(each)}."
        )
    scores = tests[tests["measure"].eq(SCORE)]
    for test, lines_of in scores.groupby("test", sort=False):
        clear = lines_of[lines_of["p_adjusted"].le(0.05).fillna(False)]
        if clear.empty:
            why = lines_of["note"].dropna()
            said = f": {why.iloc[0]}" if len(why) else ""
            lines.append(
                f"{task}: no difference of good from random masks was found by {test}{said}."
            )
            continue
        shares = listed([percent(share) for share in clear["share"]])
        most = clear["p_adjusted"].max()
        lines.append(
            f"{task}: good masks differ from random ones at {shares} of the units "
            f"({test}, corrected {p_text(most)} at most)."
        )
    return lines
