"""Differences of floored scores against plain loops, and the figures of Lepori et al. (2023)."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.statistics.clusters import units_of
from subprobe.analysis.untrained_null.contrasts import Gold, Reading, above_chance, contrast
from subprobe.analysis.untrained_null.rows import Scored, null_rows

PUBLISHED = """model,0_Model_ID,0_ablation,0_train,1_task,2_test_acc
trained,a,,0,own,1.0
trained,a,,0,other,.208
trained,a,zero,0,own,.372
trained,a,zero,0,other,.977
random,a,,0,own,1.0
random,a,,0,other,.256
random,a,zero,0,own,.981
random,a,zero,0,other,.262
random,a,zero,1,own,.5
"""
"""The published form (verb, plural, pretrained; means), with a training row, which is left out."""


def published(model):
    """Accuracy of the mask and of the rest on both sub-tasks."""
    table = pd.read_csv(io.StringIO(PUBLISHED))
    table = table[table["0_train"].eq(0) & table["model"].eq(model)]
    rest = table["0_ablation"].eq("zero")
    return {
        kind: table[lines].set_index("1_task")["2_test_acc"].to_dict()
        for kind, lines in (("mask", ~rest), ("complement", rest))
    }


def test_the_published_figures_tell_trained_from_random_by_the_complement_alone():
    own_minus_other, gap = {}, {}
    for model in ("trained", "random"):
        scores = published(model)
        floored = {
            kind: {task: above_chance(one, 0.25) for task, one in of.items()}
            for kind, of in scores.items()
        }
        own_minus_other[model] = {
            kind: float(of["own"] - of["other"]) for kind, of in floored.items()
        }
        gap[model] = float(floored["mask"]["own"] - floored["complement"]["own"])
    # .208 counts as chance; the mask alone hardly differs between the models
    assert own_minus_other["trained"]["mask"] == pytest.approx(0.75)
    assert own_minus_other["random"]["mask"] == pytest.approx(0.744)
    assert own_minus_other["trained"]["complement"] == pytest.approx(-0.605)
    assert own_minus_other["random"]["complement"] == pytest.approx(0.719)
    assert gap["trained"] == pytest.approx(0.628)
    assert gap["random"] == pytest.approx(0.019)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_below_chance_is_chance(one, other, chance):
    a, b = above_chance(np.array([one, other]), chance)
    assert a - b == pytest.approx(max(one, chance) - max(other, chance))
    assert above_chance(one, chance, "bits") == -min(one, chance)


def of(correct, chance=0.5, clusters=None):
    n = len(correct[0])
    ids = tuple(map(str, range(n)))
    gold = Gold("accuracy", ids, np.ones(n, dtype=int), units_of(clusters or ids), chance)
    return gold, gold.read(np.array(correct, dtype=int).T)


def test_a_reading_is_the_score_and_its_resamples():
    gold, (one, same, low) = of([[1, 1, 1, 0] * 10, [1, 1, 1, 0] * 10, [0] * 40])
    assert one.value == 0.75
    assert one.drawn.min() >= 0.5
    assert low.value == 0.5
    nothing = contrast(one - same, gold)
    assert (nothing["value"], nothing["n"], nothing["baseline_value"]) == (0, 40, 0)
    assert np.isnan(nothing["ci_low"])
    assert nothing["ci_method"].startswith("no interval")
    found = contrast(one - low, gold)
    assert found["value"] == 0.25
    assert found["ci_low"] < 0.25 < found["ci_high"]


def test_differences_are_paired_and_clusters_drawn_whole():
    rng = np.random.default_rng(0)
    base = (rng.random(200) < 0.8).astype(int)
    almost = base.copy()
    almost[np.flatnonzero(base)[:4]] = 0
    gold, (one, other) = of([base, almost], chance=0.0)
    paired = contrast(one - other, gold)
    assert paired["ci_high"] - paired["ci_low"] < 0.05
    unpaired = Reading(one.value - other.value, one.drawn - other.drawn[::-1])
    wide = contrast(unpaired, gold)
    assert wide["ci_high"] - wide["ci_low"] > 3 * (paired["ci_high"] - paired["ci_low"])
    gold, readings = of([base, almost], clusters=[str(k // 20) for k in range(200)])
    assert contrast(readings[0] - readings[1], gold)["n_clusters"] == 10


def scored(state, kind, read, draw=0):
    value = float(np.mean(read))
    rows = pd.DataFrame([{"metric": "accuracy", "value": value, "kind": kind, "state": state,
                          "draw": draw, "baseline_value": 0.5, "method": "l0"}])  # fmt: skip
    return Scored(state, kind, draw, np.asarray(read), rows)


def test_rows_of_a_mask_that_random_weights_solve_too():
    n = 100
    right, half = np.ones(n, dtype=int), (np.arange(n) % 2)
    ids = tuple(map(str, range(n)))
    gold = Gold("accuracy", ids, np.ones(n, dtype=int), units_of(ids), 0.5)
    models = [
        scored("pruned", "good", right),
        scored("pruned", "complement", half),
        scored("untrained", "good", right),
        scored("untrained", "complement", right),
    ]
    models += [scored("pruned", "random", half, draw) for draw in range(29)]
    models += [scored("untrained", "random", right, draw) for draw in range(29)]
    rows = null_rows(gold, models)
    gaps = rows[rows["metric"].eq("mask_minus_complement")].set_index("state")["value"]
    assert gaps.to_dict() == {"pruned": 0.5, "untrained": 0.0}
    against = rows[rows["metric"].eq("trained_minus_untrained")].set_index("variant")["value"]
    assert against.to_dict() == {
        "of=mask": 0.0, "of=complement": -0.5, "of=mask_minus_complement": 0.5,
    }  # fmt: skip
    tested = rows[rows["p_value"].notna()].set_index("state")
    assert set(tested["metric"]) == {"mask_minus_random"}
    assert tested["value"].to_dict() == {"pruned": 0.5, "untrained": 0.0}
    # better than all 29 draws, and than none
    assert tested["p_value"].to_dict() == pytest.approx({"pruned": 1 / 30, "untrained": 1.0})
    assert tested["p_adjusted"].to_dict() == pytest.approx({"pruned": 2 / 30, "untrained": 1.0})
    assert null_rows(gold, models[:20])["p_value"].isna().all()


def test_differences_have_the_flags_of_what_they_compare():
    n = 40
    ids = tuple(map(str, range(n)))
    gold = Gold("accuracy", ids, np.ones(n, dtype=int), units_of(ids), 0.5)
    right, half = np.ones(n, dtype=int), (np.arange(n) % 2)
    models = [
        scored("pruned", "good", right), scored("pruned", "complement", half),
        scored("untrained", "good", half), scored("untrained", "complement", half),
        *(scored(state, "random", half, draw) for state in ("pruned", "untrained")
          for draw in range(29)),
    ]  # fmt: skip
    for one in models:
        one.rows["flag"] = "unlearned" if one.state == "untrained" else ""
    rows = null_rows(gold, models)
    gaps = rows[rows["metric"].eq("mask_minus_complement")].set_index("state")["flag"].fillna("")
    assert gaps.to_dict() == {"pruned": "", "untrained": "unlearned"}
    against = rows[rows["metric"].eq("trained_minus_untrained")]["flag"]
    assert set(against) == {"unlearned"}
    # 2 of 30, twice: no mask could be told from random ones
    tested = rows[rows["metric"].eq("mask_minus_random")].set_index("state")
    assert "smallest possible corrected p is 0.0667" in tested.loc["pruned", "flag"]
    assert tested.loc["pruned", "p_adjusted"] == pytest.approx(2 / 30)
    assert "floor" not in rows
