"""The picture of the untrained null: what a mask has beyond its controls, in both encoders."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt

from ...untrained_null.names import UNTRAINED
from ...verdict.answer import Answer
from ...wording import decimal
from ..charts import COLOURS, Figure, file_name, spec_of, told
from ..probe_figures import SHOWN, lines_of

NULL = "untrained-null"
"""The figure of the entry of the untrained null."""
_NAMES = {
    "mask_minus_complement": "mask - complement", "mask_minus_random": "mask - random masks",
}  # fmt: skip


def untrained_null_figure(answer: Answer) -> Iterator[Figure]:
    """Mask minus complement and minus random masks, in the trained and the untrained encoder."""
    lines = lines_of(answer, NULL)
    lines = lines[lines["metric"].isin(list(_NAMES))]
    if lines.empty:
        return
    shown = lines[["metric", "state", "mean", "seed_low", "seed_high"]].assign(
        difference=lines["metric"].map(_NAMES),
        encoder=[UNTRAINED if one == UNTRAINED else "trained" for one in lines["state"]],
    )
    said = "; ".join(
        f"{one.difference}, {one.encoder}: {decimal(one.mean, 3)}" for one in shown.itertuples()
    )
    y = alt.Y("difference:N", title=None, sort=list(_NAMES.values()))
    scale = alt.Scale(domain=["trained", UNTRAINED], range=[COLOURS["good"], COLOURS[UNTRAINED]])
    colour = alt.Color("encoder:N", scale=scale, title=None)
    offset = alt.YOffset("encoder:N", sort=["trained", UNTRAINED])
    title = "difference of scores"
    base = alt.Chart(shown)
    range_ = base.mark_rule(strokeWidth=2).encode(
        y=y, yOffset=offset, color=colour, x=alt.X("seed_low:Q", title=title), x2="seed_high:Q"
    )
    points = base.mark_point(filled=True, size=80).encode(
        y=y, yOffset=offset, color=colour, x=alt.X("mean:Q", title=title),
        tooltip=told("encoder:N", "difference:N", alt.Tooltip("mean:Q", format=".3f")),
    )  # fmt: skip
    yield Figure(
        file_name(NULL, answer.label),
        f"The good mask compared with its controls, in the trained and the untrained encoder, "
        f"{answer.label}",
        "The same search in the encoder trained from random weights. A point is the mean over "
        "seeds, and a line goes from the lowest to the highest seed. Scores below chance count as "
        "chance. A mask that scores as high in the untrained encoder, and whose complement does so "
        "too, says nothing about the pretrained weights.",
        f"Differences of scores. {said}.",
        spec_of(alt.layer(range_, points).properties(width=360, height=120)),
        lines[SHOWN],
        "summary_probes.csv",
    )
