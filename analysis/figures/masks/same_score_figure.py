"""The figure of masks of equal score: each mask as a point, a second metric against the score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from ....data.files.atomic import write_text
from ....data.output.folders import atomic_folder
from ....data.output.tables import write_csv
from ....models.masks.subnetwork import Subnetwork
from ...same_score.measure import SameScore
from ...same_score.points import FULL
from ...same_score.written import tasks_in
from ...verdict.answer import Tables
from ...verdict.same_score_findings import said_of_run
from ...wording import decimal, listed, named
from ..charts import Figure, beside, file_name, kind_scales, spec_of, told, vega_lite_version

SAME_SCORE = "same-score"
"""What the record of a folder calls the files of the command."""
FIGURE = "same-score.svg"
_PANELS = 4
_SIZE = 260


def emit_found(
    found: SameScore, masks: Mapping[str, Subnetwork], out: Path, *, overwrite: bool = False
) -> None:
    """Write one CSV file for each table, the figure, and `masks/NAME.safetensors`.

    Args:
        found: the tables.
        masks: the masks that were made.
        out: the folder.
        overwrite: write although the folder holds files that subprobe did not write; they stay.
    """
    with atomic_folder(out, SAME_SCORE, overwrite=overwrite) as folder:
        for name, table in found.tables().items():
            write_csv(table, folder / f"{name}.csv")
        if (svg := svg_of(found)) is not None:
            write_text(folder / FIGURE, svg)
        if masks:
            (folder / "masks").mkdir()
        for name, mask in masks.items():
            mask.save(folder / "masks" / f"{name}.safetensors")


def svg_of(found: SameScore) -> str | None:
    """The figure as SVG; None without a second metric, or for masks of several sizes."""
    spec = spec_of_found(found)
    if spec is None:
        return None
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=vega_lite_version())
    return svg


def spec_of_found(found: SameScore) -> dict[str, Any] | None:
    """Its Vega-Lite specification: one panel for each of the first four other metrics."""
    correlations = found.correlations[found.correlations["correlation"].eq("pearson")]
    r = dict(zip(_labels(correlations, found.points), correlations["r"], strict=True))

    def title(label: str) -> str:
        known = label in r and pd.notna(r[label])
        return _shown(label) + (f", r = {decimal(r[label])}" if known else "")

    drawn = list(_panels(scatter_table(found.points), found.points, title))
    return spec_of(beside(drawn[:_PANELS], shared=False)) if drawn else None


def same_score_figures(tables: Tables) -> Iterator[Figure]:
    """One figure for each task of a run whose models have several masks of one size."""
    for task, own in tasks_in(tables):
        points = own["mask_scores"]
        score = named(_score(points)["metric"])
        parts = [scatter_table(one) for _, one in points.groupby("seed", sort=False)]
        table = pd.concat(parts)
        drawn = list(_panels(table, points, _shown))[:_PANELS]
        against = "Other metrics against the score"
        if not drawn:
            table = points[points["primary"].astype(bool)].assign(label=score)
            table = table.assign(score=table["value"])
            drawn, against = [_strip(table, score)], "The score"
        shown = ["seed", "mask", "kind", "label", "score", "value", "n", "n_clusters"]
        words = said_of_run(task, own)
        yield Figure(
            file_name("same-score", task),
            f"{against} of masks of one size on {task}",
            " ".join(words),
            f"{against} ({score}): one point for each of {_counted(points)} and for each full "
            f"model. {words[0]}",
            spec_of(beside(drawn, shared=False)),
            table[shown],
            "mask_scores.csv",
        )


def scatter_table(points: pd.DataFrame) -> pd.DataFrame:
    """One line for each mask and other metric: `score`, `value`, and the names of both."""
    table = points[points["size"].isna()]
    if points["size"].notna().any():
        return table.head(0).assign(score=[], label=[])
    table = table.assign(label=_labels(table, table))
    score = table[table["primary"].astype(bool)].set_index("mask")
    others = table[~table["primary"].astype(bool) & table["mask"].isin(score.index)]
    return others.assign(score=others["mask"].map(score["value"]))


def _labels(table: pd.DataFrame, points: pd.DataFrame) -> pd.Series:
    """Metric and relation of each line, after the probe where several have that metric."""
    label, every = (one["metric"] + (" " + one["relation"]).fillna("") for one in (table, points))
    probes = points["probe"].fillna("").groupby(every).nunique()
    several = label.isin(probes.index[probes > 1])
    return label.mask(several, table["probe"].fillna("") + " " + label)


def _shown(label: str) -> str:
    metric, _, relation = label.partition(" ")
    return f"{named(metric)} {relation}".strip()


def _score(points: pd.DataFrame) -> pd.Series:
    return points[points["primary"].astype(bool)].iloc[0]


def _counted(points: pd.DataFrame) -> str:
    masks = points[points["kind"].ne(FULL)]
    counts = sorted(set(masks.groupby("seed")["mask"].nunique()))
    seeds = masks["seed"].nunique()
    each = listed([str(count) for count in counts])
    return f"{each} masks" + (f" of {seeds} models" if seeds > 1 else "")


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    kind = table["kind"].where(table["kind"].eq(FULL), "good")
    table = table.assign(kind=kind).astype({"score": float, "value": float})
    columns = [name for name in ("mask", "seed", "kind", "score", "value") if name in table]
    return table[columns]


def _panels(
    table: pd.DataFrame, points: pd.DataFrame, title: Callable[[str], str]
) -> Iterator[alt.Chart]:
    if table.empty:
        return
    score = named(_score(points)["metric"])
    for label, mine in table.groupby("label", sort=False):
        plain = _plain(mine)
        seen = ["mask:N", *(["seed:N"] if "seed" in plain else []), "score:Q", "value:Q"]
        yield _points(plain, title(str(label)), seen).encode(
            x=alt.X("score:Q", title=score, scale=_scale()),
            y=alt.Y("value:Q", title=named(mine["metric"].iloc[0]), scale=_scale()),
        )


def _strip(table: pd.DataFrame, score: str) -> alt.Chart:
    """The scores alone, a line for each seed."""
    plain = _plain(table)
    return _points(plain, score, ["mask:N", "seed:N", "value:Q"]).encode(
        x=alt.X("value:Q", title=score, scale=_scale()), y=alt.Y("seed:N", title="seed")
    )


def _points(plain: pd.DataFrame, title: str, seen: list[str]) -> alt.Chart:
    colour, shape = kind_scales(plain["kind"].unique().tolist())
    return (
        alt.Chart(plain, title=title, width=_SIZE, height=_SIZE)
        .mark_point(filled=True, size=70, opacity=0.85)
        .encode(
            color=alt.Color("kind:N", scale=colour, title=None),
            shape=alt.Shape("kind:N", scale=shape, title=None),
            tooltip=told(*seen),
        )
    )


def _scale() -> alt.Scale:
    return alt.Scale(zero=False, padding=12, nice=False)
