"""Good and bad subnetworks compared with random ones, item by item: relations, targets, groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from ..statistics.draws import LEAST_DRAWS
from ..summary.kinds import BESIDE_FULL
from .charts import COLOURS, GREY, INK, beside, kind_scales, told
from .claims import signed

SMALL_N = 30
"""An item with fewer arcs or examples is greyed and left out of the title."""
MOST_DRAWS = 24
"""Random draws of one item that are drawn as points; of more, only their band is drawn."""
COMPARED = ("good", "bad")
_WIDTH, _ROW = 250, 30


@dataclass(frozen=True)
class Items:
    """What is compared.

    Attributes:
        column: the column that names the items.
        unit: unit of a difference, as the title of the axis.
        counted: what n counts.
        may_be_small: whether few of `counted` make an item unreliable.
    """

    column: str
    unit: str
    counted: str
    may_be_small: bool = True


def differences(draws: pd.DataFrame, column: str) -> pd.DataFrame:
    """Each kind's value minus the mean of the random draws of the same seed.

    Args:
        draws: one line for each draw of each seed, with `kind`, `state`, `seed`, `value` and `n`.
        column: the column that names the items.

    Returns:
        A line for each draw: `difference` to the mean of all random draws of its state, item and
        seed. Lines without random draws are left out.
    """
    place = ["state", column, "seed"]
    random = draws[draws["kind"] == "random"].groupby(place, dropna=False)["value"].mean()
    found = draws.merge(random.rename("expected").reset_index(), on=place, how="left")
    found = found[found["expected"].notna()]
    difference = found["value"].astype(float) - found["expected"].astype(float)
    return found.assign(difference=difference)


def compared(each: pd.DataFrame, items: Items) -> pd.DataFrame:
    """One line for each state, item and kind: the mean over seeds, beside the random draws.

    Args:
        each: what `differences` gives.
        items: what is compared.

    Returns:
        `difference` is the mean over seeds (of each seed's mean over draws); `low` and `high` are
        the middle 95% of all random draws around their seed's mean where each seed has enough
        (`enough`), else the lowest and highest; both are empty where each seed has one. `n` is
        that of the smallest draw and seed, `small` whether it is too small to be relied on.
    """
    line = ["state", items.column]
    lines = each.groupby([*line, "kind", "seed"], sort=False, dropna=False)
    by_seed = lines.agg(difference=("difference", "mean"), n=("n", "min")).reset_index()
    over = by_seed.groupby([*line, "kind"], sort=False, dropna=False)
    table = over.agg(
        difference=("difference", "mean"), n=("n", "min"), n_seeds=("seed", "nunique")
    ).reset_index()
    random = each[each["kind"] == "random"]
    counts = random.groupby([*line, "seed"], dropna=False).size().groupby(line, dropna=False).min()
    table = table.merge(counts.rename("random_draws").reset_index(), on=line)
    ends = random.groupby(line, dropna=False)["difference"]
    names = ("min", "max", "inner_low", "inner_high")
    found = (ends.min(), ends.max(), ends.quantile(0.025), ends.quantile(0.975))
    spread = pd.concat(found, axis=1, keys=names).reset_index()
    table = table.merge(spread, on=line)
    enough, several = table["random_draws"] >= LEAST_DRAWS, table["random_draws"] > 1
    return table.assign(
        enough=enough,
        low=table["inner_low"].where(enough, table["min"]).where(several),
        high=table["inner_high"].where(enough, table["max"]).where(several),
        small=(table["n"] < SMALL_N) & items.may_be_small,
    ).drop(columns=list(names))


def difference_panels(draws: pd.DataFrame, items: Items, order: list[str]) -> alt.ConcatChart:
    """A panel for each state: one row for each item, 0 is the mean of the random draws.

    Args:
        draws: every draw of every seed.
        items: what is compared.
        order: the items from top to bottom.
    """
    each = differences(draws, items.column)
    table = compared(each, items)
    panels = [
        _panel(each[each["state"] == state], table[table["state"] == state], items, order, state)
        for state in BESIDE_FULL
        if (table["state"] == state).any()
    ]
    return beside(panels, shared=False)


def ordered(table: pd.DataFrame, items: Items) -> list[str]:
    """The items by how far good is above random in the first state; small ones at the end."""
    states = [state for state in BESIDE_FULL if (table["state"] == state).any()]
    if not states:
        return []
    mine = table[(table["state"] == states[0]) & (table["kind"] == "good")]
    mine = mine.sort_values(["small", "difference"], ascending=[True, False], kind="stable")
    first = mine[items.column].astype(str).tolist()
    return list(dict.fromkeys([*first, *table[items.column].astype(str)]))


def said_differences(table: pd.DataFrame, items: Items, order: list[str]) -> str:
    """The differences of good in words, state by state."""
    parts = []
    for state in BESIDE_FULL:
        mine = table[(table["state"] == state) & (table["kind"] == "good")]
        mine = mine.set_index(items.column)["difference"]
        if len(mine):
            listed = ", ".join(f"{one} {signed(mine[one])}" for one in order if one in mine.index)
            parts.append(f"{state}: {listed}")
    return "; ".join(parts)


def how_to_read(table: pd.DataFrame, items: Items) -> str:
    """How to read the panels, as far as it depends on the numbers."""
    text = (
        "Circles: good, triangles: bad, each minus the mean of all random draws of its seed, "
        "averaged over seeds; the numbers at the right are those of good. "
    )
    several = table[table["low"].notna()]
    if len(several):
        draws = int(several["random_draws"].min())
        text += "Grey bands: the random draws, " + (
            f"the middle 95% of {draws} per seed; about 5% of items lie outside by chance alone."
            if several["enough"].all()
            else f"from the lowest to the highest of {draws} per seed: what was seen, no interval."
        )
    if table["low"].isna().any():
        states = [one for one in BESIDE_FULL if one in set(table.loc[table["low"].isna(), "state"])]
        text += f" No band ({', '.join(states)}): 1 random draw per seed."
    text += f" n: {items.counted} (of the seed and draw with the fewest)."
    if table["small"].any():
        text += f" Grey labels: fewer than {SMALL_N} {items.counted}, too few to rely on."
    return text


def _panel(
    each: pd.DataFrame, table: pd.DataFrame, items: Items, order: list[str], state: str
) -> alt.LayerChart:
    n = table.groupby(items.column)["n"].min()
    labels = {one: f"{one} (n = {n[one]:,.0f})" for one in order if one in n.index}
    small = set(table.loc[table["small"], items.column].map(labels))

    def ready(lines: pd.DataFrame, *columns: str) -> pd.DataFrame:
        return lines.assign(item=lines[items.column].map(labels))[["item", *columns]]

    shade = {"condition": {"test": _among(sorted(small)), "value": GREY}, "value": INK}
    axis = alt.Axis(labelLimit=220, labelColor=shade) if small else alt.Axis(labelLimit=220)
    y = alt.Y("item:N", sort=list(labels.values()), title=None, axis=axis)
    lanes = alt.YOffset("kind:N", sort=["good", "random", "bad"],
                        scale=alt.Scale(domain=["good", "random", "bad"], padding=0.7))  # fmt: skip
    name = alt.Tooltip("item:N", title="item")

    def x(field: str) -> alt.X:
        return alt.X(
            f"{field}:Q", title=items.unit, scale=alt.Scale(padding=8), axis=alt.Axis(tickCount=5)
        )

    zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=GREY, strokeDash=[4, 3])
    layers: list[Any] = [zero.encode(x=x("zero"))]
    band = table[(table["kind"] == "good") & table["low"].notna()]
    if len(band):
        layers.append(
            alt.Chart(ready(band, "low", "high", "random_draws"))
            .mark_bar(color=COLOURS["random"], opacity=0.3, height=_ROW * 0.8)
            .encode(
                x=x("low"), x2="high:Q", y=y,
                tooltip=told(
                    name,
                    alt.Tooltip("low:Q", title="random draws from", format="+.3f"),
                    alt.Tooltip("high:Q", title="to", format="+.3f"),
                    alt.Tooltip("random_draws:Q", title="draws per seed"),
                ),
            )
        )  # fmt: skip
    random = each[each["kind"] == "random"]
    if len(band) and random.groupby(items.column).size().max() <= MOST_DRAWS:
        layers.append(
            alt.Chart(ready(random, "kind", "seed", "draw", "value", "difference"))
            .mark_square(size=14, opacity=0.8, color=COLOURS["random"])
            .encode(x=x("difference"), y=y, yOffset=lanes, tooltip=told(name, *_OF_DRAW))
        )
    kinds = [kind for kind in COMPARED if (table["kind"] == kind).any()]
    colour, shape = kind_scales(kinds)
    hue = alt.Color("kind:N", scale=colour, title="minus random",
                    legend=alt.Legend(symbolOpacity=1))  # fmt: skip
    means = table[table["kind"].isin(kinds)]
    layers.append(
        alt.Chart(ready(means, "kind", "difference", "n", "n_seeds"))
        .mark_point(filled=True, size=60, opacity=1, stroke=INK, strokeWidth=0.4)
        .encode(
            x=x("difference"),
            y=y,
            yOffset=lanes,
            color=hue,
            shape=alt.Shape("kind:N", scale=shape, title="minus random"),
            tooltip=told(
                name,
                alt.Tooltip("kind:N", title="subnetwork"),
                alt.Tooltip("difference:Q", title="minus random", format="+.3f"),
                alt.Tooltip("n:Q", title=f"n ({items.counted})"),
                alt.Tooltip("n_seeds:Q", title="seeds"),
            ),
        )
    )
    good = means[means["kind"] == "good"]
    numbers = ready(good, "difference").assign(label=good["difference"].map(signed))
    layers.append(
        alt.Chart(numbers)
        .mark_text(align="left", fontSize=12, aria=False)
        .encode(x=alt.value(_WIDTH + 6), y=y, text="label:N")
    )
    height = alt.Step(_ROW, **{"for": "position"})
    return alt.layer(*layers).properties(width=_WIDTH, height=height, title=state)


_OF_DRAW = (
    alt.Tooltip("kind:N", title="subnetwork"),
    alt.Tooltip("seed:O", title="seed"),
    alt.Tooltip("draw:O", title="draw"),
    alt.Tooltip("value:Q", title="value", format=".3f"),
    alt.Tooltip("difference:Q", title="minus mean of random", format="+.3f"),
)


def _among(labels: list[str]) -> str:
    """A Vega expression: whether an axis label is one of these."""
    quoted = ", ".join("'" + label.replace("'", "\\'") + "'" for label in labels)
    return f"indexof([{quoted}], datum.value) >= 0"
