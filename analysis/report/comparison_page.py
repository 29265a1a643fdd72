"""One page for a comparison: of the subnetworks of a run, or of several runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
from markupsafe import Markup

from ...data.files.atomic import write_text
from ..comparison.pair_records import ONE_DRAW, ONE_SEED
from ..comparison.pairs import PAIR_COLUMNS, spoken
from ..figures.charts import GREY, file_name, spec_of
from ..property_search.names import PROBE
from ..wording import MISSING, between, decimal, p_text
from .grids import MOST_LINES, Grid, draw_grid, grid_of
from .page import SCRIPTS, STYLES, library, policy, render, resource, script_json
from .part import Part
from .transfer_part import TITLE, transfer_parts

_LEVELS = {"one seed": "this seed", "these seeds": "these seeds",
           "seeds and examples": "other seeds as well"}  # fmt: skip


def write_page(tables: Mapping[str, pd.DataFrame], names: Sequence[str], target: Path) -> None:
    """Write the page of a comparison.

    Args:
        tables: what `comparison_tables`, `between_runs` or `transfer_tables` gave.
        names: the runs.
        target: the HTML file.
    """
    write_text(target, render_page(tables, names))


def render_page(tables: Mapping[str, pd.DataFrame], names: Sequence[str]) -> str:
    """The page as text; the same tables give the same page."""
    grids: list[Grid] = []
    if "transfer" in tables:
        title, parts = TITLE, list(transfer_parts(tables["transfer"]))
    elif "between_runs" in tables:
        title, parts = "Runs side by side", list(_between(tables))
    else:
        title, parts = "Subnetworks compared with each other", list(_within(tables))
    if "seed_points" in tables:
        grids = list(_further(tables))
    # the same look and scripts as the report of a run
    style, script = resource(*STYLES), resource(*SCRIPTS)
    return render(
        "comparison.html.j2",
        title=title,
        names=names,
        parts=parts,
        grids=grids,
        notes=[str(note) for note in tables["comparison_notes"]["note"]],
        style=style,
        script=script,
        library=library(),
        policy=policy(style, library(), script),
    )


def _within(tables: Mapping[str, pd.DataFrame]) -> Iterator[Part]:
    compared, tests = tables["comparisons"], tables["tests"]
    for (probe, model, task, variant), lines in _leading(compared):
        metric = " ".join(filter(None, (lines["metric"].iloc[0], variant)))
        shown = _over_seeds_first(lines)
        named = shown.assign(label=[_label(line) for line in shown.itertuples()])
        mine = tests[(tests["model"] == model) & (tests["task"] == task)]
        mine = mine[(mine["probe"] == probe) & mine["p_value"].notna()]
        mine = mine[(mine["level"] != ONE_DRAW) & (mine["variant"].fillna("") == variant)]
        mine = mine.sort_values("p_adjusted", kind="stable")
        yield Part(
            file_name("differences", "-".join(filter(None, (model, task, variant)))),
            f"{task}: differences in {metric}",
            f"Every line is one pair of models of {model}, the first minus the second. The points "
            "are differences, the bars 95% intervals; a point without a bar has none that "
            "simulations trust at these numbers.",
            f"Forest plot of {len(named)} differences in {metric}; the table below has them all.",
            _spec(named, f"difference in {metric}"),
            (
                _pair_grid(shown),
                _test_grid(mine, "tests.csv"),
            ),
        )


def _leading(compared: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """Primary scores of each task, and scores of masks for a property at each penalty."""
    primary = (compared["probe"] == "performance") & compared["primary"]
    lines = compared[primary | (compared["probe"] == PROBE)]
    key = ["probe", "model", "task", "variant"]
    yield from lines.assign(variant=lines["variant"].fillna("")).groupby(key, sort=False)


def _over_seeds_first(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines over seeds of each pair, or that of its one seed where there is no other."""
    lines = lines[lines["level"] != ONE_DRAW]
    over = lines[lines["level"] != ONE_SEED]
    keys = pd.MultiIndex.from_frame(over[PAIR_COLUMNS])
    alone = ~pd.MultiIndex.from_frame(lines[PAIR_COLUMNS]).isin(keys)
    return lines[(lines["level"] != ONE_SEED) | alone]


def _label(line: Any) -> str:
    method = line.method_a if line.method_a != "full" else line.method_b
    first, second = spoken(line.kind_a, line.state_a), spoken(line.kind_b, line.state_b)
    label = f"{first} - {second}"
    if line.method_a != line.method_b and "full" not in (line.method_a, line.method_b):
        return f"{label} ({line.method_a} - {line.method_b})"
    return label if method == "full" else f"{label} ({method})"


def _between(tables: Mapping[str, pd.DataFrame]) -> Iterator[Part]:
    compared, tests = tables["between_runs"], tables["between_tests"]
    scores = compared[(compared["probe"] == "performance") & compared["primary"]]
    for (first, second), lines in scores.groupby(["run_a", "run_b"], sort=False):
        labels = [f"{line.task}: {line.kind} {line.state} ({line.method})"
                  for line in lines.itertuples()]  # fmt: skip
        named = lines.assign(label=labels)
        mine = tests[(tests["run_a"] == first) & (tests["run_b"] == second)]
        mine = mine[mine["p_value"].notna()].sort_values("p_adjusted", kind="stable")
        yield Part(
            file_name("runs", f"{first}-{second}"),
            f"{first} against {second}",
            "Every line is one score that both runs have, the first run minus the second. The "
            "points are differences, the bars 95% intervals where simulations trust them.",
            f"Forest plot of {len(named)} differences between the runs; the table has them all.",
            _spec(named, "difference"),
            (_run_grid(named), _test_grid(mine, "between_tests.csv")),
        )


def _spec(lines: pd.DataFrame, unit: str) -> Markup:
    order = list(dict.fromkeys(lines["label"]))
    data = lines.assign(covers=lines["level"].map(_LEVELS))
    data = data[["label", "covers", "difference", "ci_low", "ci_high"]].astype(
        dict.fromkeys(("difference", "ci_low", "ci_high"), float)
    )
    base = alt.Chart(data)
    y = alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=320))
    offset = alt.YOffset("covers:N")
    hue = alt.Color(
        "covers:N", title="interval for",
        scale=alt.Scale(domain=list(_LEVELS.values()), range=["#009e73", "#0072b2", "#d55e00"]),
    )  # fmt: skip
    zero = alt.Chart(pd.DataFrame({"at": [0.0]})).mark_rule(color=GREY).encode(x="at:Q")
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("ci_low:Q", title=unit), x2="ci_high:Q", y=y, yOffset=offset, color=hue
    )
    points = base.mark_point(filled=True, size=45, opacity=1).encode(
        x=alt.X("difference:Q", title=unit),
        y=y,
        yOffset=offset,
        color=hue,
        tooltip=["label:N", "covers:N", alt.Tooltip("difference:Q", format=".3f")],
    )
    height = alt.Step(24, **{"for": "position"})
    chart = alt.layer(zero, bars, points).properties(width=340, height=height)
    return script_json(spec_of(chart), sort_keys=True, ensure_ascii=False)


def _pair_grid(lines: pd.DataFrame) -> Grid:
    cells = [
        (
            _label(line), _LEVELS[line.level], decimal(line.value_a, 3), decimal(line.value_b, 3),
            decimal(line.difference, 3), decimal(line.median_difference, 3),
            between(line.ci_low, line.ci_high, 3) or MISSING, decimal(line.effect_size),
            decimal(line.d_z), f"{line.n_seeds} × {_sampled(line)}",
            line.flag or "",
        )
        for line in lines.itertuples()
    ]  # fmt: skip
    header = ("pair", "interval for", "first", "second", "difference", "median", "95%",
              "Cohen's h", "d_z", "seeds × items", "flag")  # fmt: skip
    return grid_of("Differences", header, cells, "comparisons.csv", lines)


def _sampled(line: Any) -> str:
    """How many items, and how many clusters they come in where these are fewer."""
    clustered = pd.notna(line.n_clusters) and line.n_clusters < line.n
    return f"{line.n} in {line.n_clusters}" if clustered else str(line.n)


def _run_grid(lines: pd.DataFrame) -> Grid:
    cells = [
        (
            line.label, line.metric, _LEVELS[line.level], decimal(line.value_a, 3),
            decimal(line.value_b, 3), decimal(line.difference, 3),
            between(line.ci_low, line.ci_high, 3) or MISSING,
            f"{line.seeds_a}, {line.seeds_b}", line.flag or "",
        )
        for line in lines.itertuples()
    ]  # fmt: skip
    header = ("score", "metric", "interval for", "first", "second", "difference", "95%",
              "seeds", "flag")  # fmt: skip
    return grid_of("Differences", header, cells, "between_runs.csv", lines)


def _test_grid(tests: pd.DataFrame, source: str) -> Grid:
    within = "kind_a" in tests
    cells = [
        (
            _label(line) if within else f"{line.task}: {line.kind} {line.state} ({line.method})",
            line.test, line.metric, MISSING if not within or pd.isna(line.seed) else str(line.seed),
            decimal(line.difference, 3),
            f"{line.effect} {decimal(line.effect_size)}" if pd.notna(line.effect) else MISSING,
            p_text(line.p_value), p_text(line.p_adjusted),
            f"{line.correction} of {line.family_size}",
        )
        for line in tests.head(MOST_LINES).itertuples()
    ]  # fmt: skip
    header = ("pair" if within else "score", "test", "metric", "seed", "difference", "effect",
              "p", "adjusted", "family")  # fmt: skip
    return grid_of("Tests that can answer, smallest p first", header, cells, source, tests)


def _further(tables: Mapping[str, pd.DataFrame]) -> Iterator[Grid]:
    mixed = tables.get("mixed_model")
    if mixed is not None and len(mixed):
        cells = [
            (
                line.method, line.state, f"{line.kind_a} - {line.kind_b}",
                decimal(line.estimate, 3), between(line.ci_low, line.ci_high, 3),
                p_text(line.p_adjusted), f"{line.n_tasks} × {line.n_seeds}", line.flag,
            )
            for line in mixed.itertuples()
        ]  # fmt: skip
        header = ("method", "state", "pair", "estimate", "95%", "adjusted p", "tasks × seeds",
                  "flag")  # fmt: skip
        yield grid_of(
            "Over all tasks: mixed-effects model", header, cells, "mixed_model.csv", mixed
        )
    if "tests" in tables and (known := draw_grid(tables["tests"])) is not None:
        yield known
    points = tables["seed_points"]
    points = points[points["probe"] == "performance"]
    cells = [
        (
            *([line.run] if "run" in points else []), line.task, line.method, line.kind,
            line.state, line.metric, str(line.seed), str(line.n_draws), decimal(line.mean, 3),
            decimal(line.median, 3), line.flag,
        )
        for line in points.head(MOST_LINES).itertuples()
    ]  # fmt: skip
    titles = (*(["run"] if "run" in points else []), "task", "method", "kind", "state", "metric",
              "seed", "draws", "mean", "median", "flag")  # fmt: skip
    yield grid_of("Every seed", titles, cells, "seed_points.csv", points)
