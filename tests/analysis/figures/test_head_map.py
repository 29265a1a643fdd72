"""The map of heads: shares and jobs of every head, from rows, and what its title claims."""

import altair as alt
import pandas as pd
import pytest
from run_rows import MadeRun
from subprobe.analysis.figures.charts import unchecked
from subprobe.analysis.figures.claims import spread_claim, survival_claim
from subprobe.analysis.figures.score_figures import survival_figure
from subprobe.analysis.figures.units.head_map import MOST_LETTERS, head_map_figure, jobs_of
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.verdict.answer import answers_of


def made(seeds=(1, 2)):
    rows = MadeRun(seeds=seeds, layers=3, heads=4).rows()
    full = rows["kind"].eq("full")
    rows.loc[full & rows["metric"].eq("attention_to_previous") & rows["layer"].eq(1), "value"] = 0.6
    first = rows["metric"].eq("dependency_accuracy") & rows["layer"].eq(0) & rows["head"].eq(0)
    rows.loc[full & first, ["value", "p_adjusted"]] = 0.9, 0.01
    answer = answers_of(rows, summaries(rows))[0]
    with unchecked():
        (large,) = head_map_figure(answer)
        (small,) = survival_figure(answer)
    return rows, answer, large, small


@pytest.fixture(scope="module")
def drawn():
    return made()


def head(**changed):
    line = {
        "best_relation": "nsubjpass", "best_relation_direction": "dependent->head",
        "best_relation_p_adjusted": 0.01, "pattern": pd.NA, "attends_to": "previous",
        "attends_to_share": 0.5,
    }  # fmt: skip
    return line | changed


def test_the_job_is_the_first_of_relation_pattern_and_target_that_is_clear():
    found = jobs_of(
        pd.DataFrame(
            [
                head(),
                head(best_relation_p_adjusted=0.06),
                head(best_relation_p_adjusted=pd.NA, pattern="vertical+diagonal"),
                head(best_relation=pd.NA, best_relation_p_adjusted=pd.NA, attends_to_share=0.2),
            ]
        )
    )
    assert found["job"].tolist() == ["nsubjp", "prev", "v+d", ""]
    assert found["said"].tolist() == [
        "relation nsubjpass, dependent->head", "50% of attention to previous",
        "pattern vertical+diagonal", "none clear",
    ]  # fmt: skip
    assert found["job"].str.len().max() <= MOST_LETTERS


def cells(figure, field):
    return [one for values in figure.spec["datasets"].values() for one in values if field in one]


def test_every_head_shows_the_share_of_seeds_that_keep_it(drawn):
    rows, _, figure, _ = drawn
    alt.Chart.from_dict(figure.spec, validate=True)
    kept = rows[(rows["metric"] == "kept") & (rows["kind"] == "good")]
    heads = kept[kept["unit"] == "head"].groupby(["layer", "head"])["value"].mean()
    found = {(one["layer"], one["head"]): one["kept_share"] for one in cells(figure, "job")}
    assert found == heads.to_dict()
    mlps = kept[kept["unit"] == "mlp"].groupby("layer")["value"].mean()
    side = [one for one in cells(figure, "share") if "head" not in one]
    assert {one["layer"]: one["share"] for one in side} == mlps.to_dict()


def test_the_key_explains_every_text_in_the_map(drawn):
    *_, figure, _ = drawn
    jobs = {one["job"] for one in cells(figure, "job")} - {""}
    assert jobs == {"nsubj", "prev"}
    assert {one["job"] for one in cells(figure, "job") if one["relation"]} == {"nsubj"}
    assert "Bold: a dependency relation" in figure.text
    assert "(prev = previous)" in figure.text


def test_small_maps_show_the_other_masks_in_the_colour_of_their_kind(drawn):
    *_, figure = drawn
    alt.Chart.from_dict(figure.spec, validate=True)
    titles = [panel["hconcat"][0]["title"] for panel in figure.spec["concat"]]
    assert titles == ["good: spread over seeds", "random", "bad"]
    assert "#e69f00" in str(figure.spec["concat"][2])
    *_, alone = made(seeds=(1,))
    titles = [panel["hconcat"][0]["title"] for panel in alone.spec["concat"]]
    assert titles == ["random", "bad"]
    assert alone.title == "Other masks of the same size on acceptability"


def kept(shares, n_seeds):
    return pd.DataFrame({"kept_share": shares, "share": shares, "n_seeds": n_seeds})


def agreement(p, expected=1.5):
    return pd.DataFrame(
        {"unit": "head", "statistic": ["kept_in_all", "kept_in_all_expected"],
         "value": [2, expected], "p_value": [p, None]}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("n_seeds", "p", "title"),
    [
        (1, None, "On t, the good subnetwork keeps 2 of 4 heads"),
        (2, 0.01, "On t, both seeds keep the same 2 of 4 heads, more than the 1.5 expected by "
         "chance (p = .010)"),
        (3, 0.4, "On t, all 3 seeds keep the same 2 of 4 heads, not clearly more than 1.5 "
         "expected by chance (p = .400)"),
        (3, None, "On t, all 3 seeds keep the same 2 of 4 heads (1.5 expected by chance)"),
    ],
)  # fmt: skip
def test_the_title_says_how_many_heads_all_seeds_keep(n_seeds, p, title):
    assert survival_claim("t", kept([1, 1, 0.5, 0], n_seeds), agreement(p)) == title


def test_without_statistics_the_title_is_the_count():
    title = survival_claim("t", kept([1, 0], 2), agreement(0.1).iloc[:0])
    assert title == "On t, both seeds keep the same 1 of 2 heads"


def test_the_title_of_small_maps_says_where_seeds_differ():
    assert spread_claim("t", kept([1, 0.5, 0], 2)) == (
        "On t, the good masks of 2 seeds differ in 1 of 3 heads"
    )
    assert spread_claim("t", kept([1, 0], 2)) == (
        "On t, the good masks of 2 seeds keep the same heads"
    )
