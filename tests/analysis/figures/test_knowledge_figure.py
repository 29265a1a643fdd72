"""What probes read in hidden states: a headline, a heat map, curves and sentences, from rows."""

import altair as alt
import numpy as np
import pandas as pd
import pytest
from run_rows import MadeRun
from subprobe.analysis.figures.figures import figures
from subprobe.analysis.summary.probes import probe_table
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.verdict.answer import answers_of
from subprobe.analysis.verdict.knowledge import MOST_PROPERTIES, knowledge_of
from subprobe.data.output.tables import rows_frame
from subprobe.probes import registry
from subprobe.probes.entry import Headline, Measure, ProbeEntry

pytestmark = pytest.mark.slow

STATES = 4
BASELINES = {"chain": 0.3, "majority": 0.2}
ENTRY = ProbeEntry(
    "planted-states",
    "a probe of hidden states",
    "nowhere:run",
    further=("training-part",),
    rows=(Measure("tree_score", ("layer",), "share of arcs"),),
    headline=Headline("tree_score", "layer", by_variant=True),
    curves="hidden states",
)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(registry, "PROBES", {**registry.PROBES, ENTRY.name: ENTRY})


@pytest.fixture(scope="module")
def rows():
    made = MadeRun(layers=4, heads=4).rows()
    cells = made[made["probe"] == "attention-stats"].drop_duplicates("cell_id").to_dict("records")
    full = next(one for one in cells if one["kind"] == "full")
    cells += [full | {"state": state} for state in ("pretrained", "untrained")]
    draw = np.random.default_rng(3)
    records = []
    for about in cells:
        same = {name: about[name] for name in made.columns[:16] if name != "schema_version"}
        for variant in ("own", "transferred"):
            for layer, value in enumerate(draw.random(STATES)):
                records += [
                    same | {
                        "probe": ENTRY.name, "variant": variant, "unit": "layer", "layer": layer,
                        "metric": "tree_score", "value": value, "n": 50 + layer,
                        "baseline": name, "baseline_value": number,
                    }
                    for name, number in BASELINES.items()
                ]  # fmt: skip
    return rows_frame(pd.concat([made, rows_frame(records)], ignore_index=True))


def test_the_headline_is_the_mean_over_states_without_the_embeddings(rows):
    table = probe_table(rows)
    table = table[table["probe"] == ENTRY.name]
    assert set(table["metric"]) == {"tree_score_own", "tree_score_transferred"}
    for line in table.itertuples():
        values = {}
        for row in rows[rows["probe"] == ENTRY.name].itertuples():
            kind = "untrained" if row.state == "untrained" else row.kind
            who = (f"tree_score_{row.variant}", kind, row.state, row.task)
            if who == (line.metric, line.kind, line.state, line.task) and row.layer:
                values.setdefault((row.seed, row.draw, row.layer), row.value)
        by_seed: dict = {}
        for (seed, which, _), value in values.items():
            by_seed.setdefault(seed, {}).setdefault(which, []).append(value)
        seeds = [np.mean([np.mean(v) for v in draws.values()]) for draws in by_seed.values()]
        assert line.mean == pytest.approx(np.mean(seeds))
        assert line.baseline_value == BASELINES[line.baseline]


def test_the_heat_map_and_the_curves_show_every_kind_once(rows):
    drawn = figures(rows)
    heat = next(figure for figure in drawn if figure.name.startswith("knowledge"))
    alt.Chart.from_dict(heat.spec, validate=True)
    (data,) = heat.spec["datasets"].values()
    assert len({(one["property"], one["kind"]) for one in data}) == len(data)
    kinds = {one["kind"] for one in data}
    assert {"full", "good", "random", "bad", "pretrained", "untrained"} <= kinds
    assert {one["place"] for one in data} >= {0, 1}
    curves = next(figure for figure in drawn if figure.name.startswith(ENTRY.name))
    alt.Chart.from_dict(curves.spec, validate=True)
    points = [one for values in curves.spec["datasets"].values() for one in values if "kind" in one]
    seen = {(one["kind"], one["layer"], one["mean"]) for one in points}
    assert len({(kind, layer) for kind, layer, _ in seen}) == len(kinds) * STATES
    assert len(seen) == 2 * len(kinds) * STATES
    nulls = [
        one for values in curves.spec["datasets"].values() for one in values if "kind" not in one
    ]
    assert {one["baseline"]: one["baseline_value"] for one in nulls} == BASELINES


def test_the_verdict_says_each_property_with_its_null(rows):
    answer = answers_of(rows, summaries(rows))[0]
    said = list(knowledge_of(answer.tables["summary_probes"], rows))
    mine = [one for one in said if ENTRY.name in one]
    assert len(mine) == 2
    for sentence in mine:
        assert sentence.startswith("Tree score (")
        for kind in ("full", "good", "random", "bad", "untrained encoder"):
            assert f"{kind} " in sentence
    several = rows[rows["probe"] == ENTRY.name]
    many = [several.assign(relation=f"property {k}") for k in range(MOST_PROPERTIES)]
    rows = rows_frame(pd.concat([rows, *many], ignore_index=True))
    answer = answers_of(rows, summaries(rows))[0]
    said = list(knowledge_of(answer.tables["summary_probes"], rows))
    assert len([one for one in said if ENTRY.name in one]) == MOST_PROPERTIES
    assert "8 more properties are in the figure of hidden states." in said
