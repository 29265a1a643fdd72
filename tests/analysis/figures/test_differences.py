"""Differences from random subnetworks: against plain arithmetic, and what titles claim of them."""

import altair as alt
import pandas as pd
import pytest
from run_rows import RELATIONS, MadeRun
from subprobe.analysis.figures.claims import difference_claim
from subprobe.analysis.figures.differences import (
    SMALL_N,
    Items,
    compared,
    differences,
    how_to_read,
    ordered,
    said_differences,
)
from subprobe.analysis.figures.figures import figures
from subprobe.analysis.summary.summaries import summaries

ITEMS = Items("relation", "difference in accuracy", "arcs")


def draw(kind, seed, number, value, *, relation="nsubj", n=50, state="pruned"):
    return {"kind": kind, "seed": seed, "draw": number, "value": value, "relation": relation,
            "n": n, "state": state}  # fmt: skip


TWO_SEEDS = pd.DataFrame(
    [
        draw("good", 1, 0, 0.9, n=40),
        *(draw("random", 1, k, value) for k, value in enumerate((0.5, 0.7))),
        draw("bad", 1, 0, 0.4),
        draw("good", 2, 0, 0.5),
        *(draw("random", 2, k, value) for k, value in enumerate((0.3, 0.4))),
        draw("good", 3, 0, 0.99),  # a seed without random draws has nothing to compare with
    ]
)


def test_the_mean_of_random_draws_is_taken_away_seed_by_seed():
    each = differences(TWO_SEEDS, "relation")
    table = compared(each, ITEMS).set_index("kind")
    # seed 1: .9 - .6 = .3; seed 2: .5 - .35 = .15
    assert table.loc["good", "difference"] == pytest.approx(0.225)
    assert table.loc["bad", "difference"] == pytest.approx(-0.2)
    assert table.loc["random", "difference"] == pytest.approx(0)
    assert table.loc["good", ["n", "n_seeds", "random_draws"]].tolist() == [40, 2, 2]
    assert table.loc["good", ["low", "high"]].tolist() == pytest.approx([-0.1, 0.1])
    assert not table["enough"].any()
    assert not table["small"].any()


def test_of_enough_draws_the_band_is_their_middle_and_of_one_there_is_none():
    values = [k / 100 for k in range(29)]
    many = [draw("random", 1, k, value) for k, value in enumerate(values)]
    table = compared(differences(pd.DataFrame([draw("good", 1, 0, 1), *many]), "relation"), ITEMS)
    expected = pd.Series(values) - 0.14
    assert table["enough"].all()
    assert table["low"].iloc[0] == pytest.approx(expected.quantile(0.025))
    assert "the middle 95% of 29 per seed" in how_to_read(table, ITEMS)
    lone = [draw("good", 1, 0, 1), draw("random", 1, 0, 0.5)]
    table = compared(differences(pd.DataFrame(lone), "relation"), ITEMS)
    assert table["low"].isna().all()
    assert "No band (pruned): 1 random draw per seed." in how_to_read(table, ITEMS)


def test_items_with_few_examples_are_marked_and_come_last():
    lines = [
        line
        for relation, good, n in (("neg", 0.9, SMALL_N - 1), ("obj", 0.6, 90), ("det", 0.7, 90))
        for line in (
            draw("good", 1, 0, good, relation=relation, n=n),
            *(draw("random", 1, k, 0.5, relation=relation, n=n) for k in range(2)),
        )
    ]
    table = compared(differences(pd.DataFrame(lines), "relation"), ITEMS)
    assert table.set_index("relation")["small"].to_dict() == {
        "neg": True, "obj": False, "det": False,
    }  # fmt: skip
    order = ordered(table, ITEMS)
    assert order == ["det", "obj", "neg"]
    assert said_differences(table, ITEMS, order) == "pruned: det +.200, obj +.100, neg +.400"
    assert f"fewer than {SMALL_N} arcs" in how_to_read(table, ITEMS)
    never = Items("relation", "share", "heads", may_be_small=False)
    assert not compared(differences(pd.DataFrame(lines), "relation"), never)["small"].any()


@pytest.fixture(scope="module")
def drawn():
    rows = MadeRun(probe_draws=5, layers=2, heads=2).rows()
    rows = rows[rows["probe"].isin(["performance", "mask", "dependency-heads"])]
    tables = summaries(rows)
    return tables, next(f for f in figures(rows, tables) if f.name.startswith("dependencies"))


def test_the_figure_shows_one_difference_for_each_relation_with_its_n(drawn):
    tables, figure = drawn
    alt.Chart.from_dict(figure.spec, validate=True)
    assert [panel["title"] for panel in figure.spec["concat"]] == ["pruned", "retrained"]
    draws = tables["summary_probe_draws"]
    draws = draws[draws["relation"].isin(list(RELATIONS))]
    means = draws.pivot_table("value", ["relation", "state", "seed"], "kind")
    expected = (means["good"] - means["random"]).groupby(["relation", "state"]).mean()
    found = [
        (one["item"], round(one["difference"], 9))
        for values in figure.spec["datasets"].values()
        for one in values
        if one.get("kind") == "good"
    ]
    assert sorted(found) == sorted(
        (f"{relation} (n = 200)", round(value, 9))
        for (relation, _), value in expected.dropna().items()
    )


def test_tooltips_and_axes_have_names_and_units(drawn):
    _, figure = drawn
    for panel in figure.spec["concat"]:
        for layer in panel["layer"]:
            title = layer["encoding"].get("x", {}).get("title")
            assert title in (None, "difference in accuracy of the best head")
            for one in layer["encoding"].get("tooltip", []):
                assert one["title"]


def outcome(difference, *, low=-0.1, high=0.1, small=False, enough=True, draws=30):
    return {"difference": difference, "low": low, "high": high, "small": small, "enough": enough,
            "random_draws": draws, "state": "pruned"}  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        ({"a": outcome(0.2), "b": outcome(0.0)},
         "is above the middle 95% of random draws for 1 of 2 items (a)"),
        ({"a": outcome(-0.2), "b": outcome(0.0)},
         "is below the middle 95% of random draws for 1 of 2 items (a)"),
        ({"a": outcome(-0.2), "b": outcome(0.3)},
         "is above the middle 95% of random draws for 1 of 2 items (b), below them for 1 of 2 "
         "items (a)"),
        ({"a": outcome(0.0)}, "is within the middle 95% of random draws for a"),
        ({name: outcome(0.2) for name in "abcd"},
         "is above the middle 95% of random draws for 4 of 4 items"),
        ({"a": outcome(0.2, enough=False, draws=3), "b": outcome(0.3, small=True)},
         "is above all random draws for 1 of 1 items (a); 3 draws per seed are too few for a test"),
    ],
)  # fmt: skip
def test_titles_say_for_how_many_items_good_lies_outside(lines, title):
    table = pd.DataFrame(lines).T.infer_objects()
    said = difference_claim("t", "attention", "items", table)
    assert said == f"On t, attention of pruned good subnetworks {title}"


def test_titles_say_why_nothing_can_be_said():
    lone = pd.DataFrame([outcome(0.2, low=None, high=None, enough=False, draws=1)])
    assert difference_claim("t", "attention", "items", lone) == (
        "On t, attention of pruned good subnetworks cannot be compared with random ones: 1 random "
        "draw per seed"
    )
    small = pd.DataFrame([outcome(0.2, small=True)])
    assert difference_claim("t", "attention", "items", small) == (
        "On t, no items have enough examples to compare attention"
    )
