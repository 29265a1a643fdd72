"""What probes find in several draws: means and ranges equal plain loops over the rows."""

import numpy as np
import pandas as pd
import pytest
from run_rows import MadeRun
from subprobe.analysis.summary.layers import layer_summary, pattern_summary
from subprobe.analysis.summary.probes import probe_draws, probe_table
from subprobe.data.output.tables import rows_frame

DRAWS = 5


@pytest.fixture(scope="module")
def rows():
    return MadeRun(draws=DRAWS, probe_draws=DRAWS, layers=3, heads=4).rows()


@pytest.fixture(scope="module")
def by_draw(rows):
    return probe_draws(rows)


def line_of(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


WHERE = {"probe": "attributions", "metric": "attribution_share", "relation": "subject"}


def values_of(rows, kind, column="value"):
    """Seed -> the values of its draws."""
    found = {}
    for row in rows.to_dict("records"):
        if all(row[n] == v for n, v in {**WHERE, "kind": kind, "state": "pruned"}.items()):
            found.setdefault(row["seed"], {})[row["draw"]] = row[column]
    return {seed: list(draws.values()) for seed, draws in found.items()}


def test_a_line_is_the_mean_of_seeds_and_the_range_of_all_draws(rows):
    table = probe_table(rows)
    for kind, count in (("good", 1), ("random", DRAWS), ("bad", DRAWS)):
        by_seed = values_of(rows, kind)
        means = [np.mean(values) for values in by_seed.values()]
        flat = np.concatenate(list(by_seed.values()))
        line = line_of(table, **WHERE, kind=kind, state="pruned")
        assert (line["n_seeds"], line["n_draws"]) == (2, count)
        assert line["mean"] == pytest.approx(np.mean(means))
        assert (line["seed_low"], line["seed_high"]) == pytest.approx((min(means), max(means)))
        assert (line["lowest"], line["highest"]) == (flat.min(), flat.max())
        largest = max(p for draws in values_of(rows, kind, "p_value").values() for p in draws)
        assert line["p_value"] == largest


def test_every_draw_has_its_line(rows, by_draw):
    mine = by_draw[(by_draw["kind"] == "random") & (by_draw["state"] == "pruned")]
    for name, value in WHERE.items():
        mine = mine[mine[name] == value]
    assert sorted(zip(mine["seed"], mine["draw"], strict=True)) == [
        (seed, draw) for seed in (1, 2) for draw in range(DRAWS)
    ]
    for seed, values in values_of(rows, "random").items():
        assert mine.loc[mine["seed"] == seed, "value"].tolist() == pytest.approx(values)


def test_attention_of_a_draw_is_compared_over_its_own_heads(rows, by_draw):
    """The reference is the full model's mean over the heads that live in that draw."""
    one = rows[(rows["probe"] == "attention-stats") & (rows["metric"] == "attention_to_self")]
    one = one[(one["seed"] == 2) & one["value"].notna()]
    full = {(r.layer, r.head): r.value for r in one[one["kind"] == "full"].itertuples()}
    drawn = one[(one["kind"] == "random") & (one["state"] == "pruned") & (one["draw"] == 3)]
    expected = np.mean([full[r.layer, r.head] for r in drawn.itertuples()])
    where = {"kind": "random", "state": "pruned", "seed": 2, "draw": 3}
    line = line_of(by_draw, metric="attention_to_self", **where)
    assert line["reference"] == pytest.approx(expected)


def made(probe, metric, values, **more):
    """Rows of one layer of random subnetworks: values[seed][draw]."""
    about = {"model": "m", "task": "t", "method": "structured", "kind": "random", "state": "pruned",
             "probe": probe, "metric": metric, "n": 9, **more}  # fmt: skip
    return rows_frame(
        [{**about, "seed": s, "draw": d, "value": v} for s, of in values.items()
         for d, v in enumerate(of)]
    )  # fmt: skip


def test_layers_and_patterns_count_every_draw():
    values = {1: [0.1, 0.4, 0.4], 2: [0.6, 0.2, 0.1]}
    layers = layer_summary(made("rollout", "x", values, unit="layer", layer=0, ci_low=0.0))
    patterns = pattern_summary(
        made("attention-patterns", "pattern_share", values, unit="model", relation="block")
    )
    for table in (layers, patterns):
        line = table.iloc[0]
        assert (line["n_seeds"], line["n_draws"]) == (2, 3)
        assert line[["mean", "seed_low", "seed_high", "lowest", "highest"]].tolist() == (
            pytest.approx([0.3, 0.3, 0.3, 0.1, 0.6])
        )
    assert pd.isna(layers["ci_low"].iloc[0])
    one = layer_summary(made("rollout", "x", {1: [0.1]}, unit="layer", layer=0, ci_low=0.0))
    assert one["ci_low"].iloc[0] == 0.0


def test_seeds_with_unequal_draws_weigh_alike():
    table = layer_summary(made("rollout", "x", {1: [0.0, 0.2], 2: [0.9]}, unit="layer", layer=0))
    assert table["mean"].iloc[0] == pytest.approx((0.1 + 0.9) / 2)
    assert table["n_draws"].iloc[0] == 1
