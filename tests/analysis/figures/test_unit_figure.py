from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd
import pytest
from run_rows import MadeRun
from subprobe.analysis.figures.charts import unchecked
from subprobe.analysis.figures.figures import figures
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.summary.unit_attributions import unit_attributions
from subprobe.data.output.tables import rows_frame

L, H = 3, 2
VARIANT = "ablation;target=predicted;players=heads+mlps"


def attributed(about, rng):
    """Rows of `head-attributions` on one model, about which other rows of its seed say the rest."""
    frames = []
    for metric, variant in (
        ("attribution", VARIANT), ("attribution_absolute", VARIANT), ("importance", "gate-example")
    ):  # fmt: skip
        heads = {"unit": "head", "metric": f"head_{metric}", "layer": np.repeat(range(L), H),
                 "head": np.tile(range(H), L)}  # fmt: skip
        mlps = {"unit": "mlp", "metric": f"mlp_{metric}", "layer": range(L)}
        frames += [pd.DataFrame(one).assign(variant=variant) for one in (heads, mlps)]
    rows = pd.concat(frames, ignore_index=True)
    values = rng.random(len(rows))
    rows["value"] = np.where(rows["metric"].str.endswith("_attribution"), values - 0.5, values)
    same = ("model", "task", "seed", "draw", "method", "kind", "state", "mask_id", "cell_id")
    return rows.assign(probe="head-attributions", n=20, **{name: about[name] for name in same})


@pytest.fixture(scope="module")
def rows():
    made = MadeRun(layers=L, heads=H, draws=2, probe_draws=1).rows()
    made = made[made["probe"].isin(["performance", "mask"])]
    rng, scored = np.random.default_rng(0), made[made["probe"] == "performance"]
    chosen = scored[scored["state"].isin(["finetuned", "pruned"]) & scored["kind"].isin(
        ["full", "good"])].drop_duplicates(["kind", "seed"])  # fmt: skip
    return rows_frame(
        pd.concat([made, *(attributed(one, rng) for one in chosen.to_dict("records"))])
    )


def test_the_summary_is_the_mean_over_seeds_beside_what_masks_keep(rows):
    table = unit_attributions(rows)
    mine = rows[(rows["probe"] == "head-attributions") & (rows["kind"] == "full")]
    for metric in mine["metric"].unique():
        own = mine[mine["metric"] == metric].groupby(["layer", "head"], dropna=False)["value"]
        found = table[(table["metric"] == metric) & (table["kind"] == "full")]
        assert found["mean"].tolist() == pytest.approx(own.mean().tolist())
        assert found["seed_low"].tolist() == pytest.approx(own.min().tolist())
        assert found["seed_high"].tolist() == pytest.approx(own.max().tolist())
        assert set(found["n_seeds"]) == {2}
    kept = table[(table["metric"] == "kept") & (table["unit"] == "head")]
    masks = rows[(rows["metric"] == "kept") & (rows["kind"] == "good") & (rows["unit"] == "head")]
    expected = masks.groupby(["layer", "head"])["value"].mean()
    assert kept["mean"].tolist() == pytest.approx(expected.tolist())
    assert set(table["kind"]) == {"full", "good"}


def test_a_run_without_the_probe_has_an_empty_summary_and_no_figure(rows):
    others = rows[rows["probe"] != "head-attributions"]
    assert unit_attributions(others).empty
    assert not [f for f in figures(others) if f.name.startswith("head-attributions")]


@pytest.fixture(scope="module")
def figure(rows):
    with unchecked():
        return next(f for f in figures(rows) if f.name.startswith("head-attributions"))


def test_maps_of_attribution_importance_and_survival_stand_beside_each_other(rows, figure):
    alt.Chart.from_dict(figure.spec, validate=True)
    titles = [panel["hconcat"][0]["title"] for panel in figure.spec["concat"]]
    assert titles == ["ablation", "importance: gate-example", "survival of good"]
    table = unit_attributions(rows)
    for panel, metric in zip(
        figure.spec["concat"], ("attribution_absolute", "importance", None), strict=True
    ):
        for part, unit in zip(panel["hconcat"], ("head", "mlp"), strict=True):
            data = pd.DataFrame(figure.spec["datasets"][part["data"]["name"]])
            wanted = table[table["metric"] == (f"{unit}_{metric}" if metric else "kept")]
            wanted = wanted[wanted["kind"].eq("full" if metric else "good")]
            wanted = wanted[wanted["unit"] == unit]["mean"].astype(float)
            assert data["mean"].tolist() == pytest.approx(wanted.tolist())
            largest = wanted.max() if metric else 1.0
            assert data["shade"].tolist() == pytest.approx((wanted / largest).tolist())


def test_the_numbers_are_lines_of_the_summary(rows, figure):
    source = summaries(rows)["summary_head_attributions"]
    assert figure.source == "summary_head_attributions.csv"
    for line, numbers in figure.table.iterrows():
        assert source.loc[line, "mean"] == numbers["mean"]
        assert source.loc[line, "metric"] == numbers["metric"]


def test_what_cannot_be_seen_is_said(rows, figure):
    table = unit_attributions(rows)
    wide = {
        name: part.set_index(["layer", "head"])["mean"].astype(float).rank()
        for name, part in table[table["unit"].eq("head")].groupby(["metric", "kind"])
    }
    kept = wide["kept", "good"]
    expected = wide["head_attribution_absolute", "full"].corr(kept)
    said = figure.alt.split("ablation ")[1].split(",")[0]
    assert float(said.replace("-.", "-0.").replace("\u2212", "-")) == pytest.approx(
        expected, abs=0.006
    )
