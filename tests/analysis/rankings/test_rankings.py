from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from math import comb

import numpy as np
import pandas as pd
import pytest
from model_state import PlantedError, failing_at, model_state
from probe_cases import tiny_context, with_dead_heads
from scipy.stats import spearmanr
from subprobe.analysis.configuration.config import ProbeOptions
from subprobe.analysis.rankings.agreement import agreement_rows, top, top_size
from subprobe.analysis.rankings.compared import beside_importances
from subprobe.analysis.rankings.kept import Kept, kept_rows, random_rankings, top_mask
from subprobe.analysis.rankings.ranking import Ranking, attribution_rankings, importance_rankings
from subprobe.analysis.steps.probing import probe_model
from subprobe.data.encoding.collate import text_batches
from subprobe.data.errors import UnknownNameError
from subprobe.data.tasks.metrics import score
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.compact_mask import compact_mask
from subprobe.models.smaller.shrink import shrink
from subprobe.models.training.evaluate import Evaluation, evaluate
from subprobe.probes.forward.held_out import halves, unit_digest
from subprobe.probes.head_attributions.head_attributions import run_head_attributions
from subprobe.pruning.importance.scoring import importance_pass
from toy_parts import toy_parts

NAME = "head-attributions"
IMPORTANCES = ("gate-example", "magnitude")


def ranking(name, head, mlp=(0.0, 1.0)):
    return Ranking(name, np.array(head, dtype=float), np.array(mlp, dtype=float), 5)


def rows_of(metric, relation, *rankings, keep=(0.5,)):
    rows = pd.DataFrame(agreement_rows(rankings[:1], rankings[1:], keep))
    return rows[(rows["metric"] == metric) & (rows["relation"] == relation)]


def test_correlation_and_its_p_value_are_those_of_all_orders():
    rng = np.random.default_rng(3)
    first, second = rng.random(6), rng.random(6)
    row = rows_of(
        "importance_spearman", "heads", ranking("a", first.reshape(2, 3)),
        ranking("b", second.reshape(2, 3)),
    ).iloc[0]  # fmt: skip
    assert row["value"] == pytest.approx(spearmanr(first, second).statistic)
    orders = [spearmanr(first, order).statistic for order in permutations(second)]
    sides = [np.mean(np.array(orders) >= row["value"] - 1e-12),
             np.mean(np.array(orders) <= row["value"] + 1e-12)]  # fmt: skip
    assert row["p_value"] == pytest.approx(2 * min(sides), abs=0.05)
    assert (row["variant"], row["target"], row["n"]) == ("a", "b", 6)


def test_overlap_of_tops_and_the_chance_of_one_so_large():
    first = ranking("a", [[9, 8, 7, 1], [2, 3, 0, 5]])
    second = ranking("b", [[9, 0, 8, 1], [2, 7, 3, 6]])
    row = rows_of("importance_overlap", "heads;top=0.5", first, second).iloc[0]
    # tops of four: units 0, 1, 2, 7 and 0, 2, 5, 7
    assert row["value"] == 3 / 4
    assert row["baseline_value"] == 0.5
    assert row["p_value"] == pytest.approx((comb(4, 3) * 4 + 1) / comb(8, 4))


def test_units_that_are_not_attributed_to_are_not_compared():
    nan = np.nan
    first = ranking("a", [[1, 2, nan], [3, nan, 4]], (nan, nan))
    second = ranking("b", [[1, 2, 9], [3, 9, 4]])
    row = rows_of("importance_spearman", "heads", first, second).iloc[0]
    assert (row["value"], row["n"]) == (pytest.approx(1.0), 4)
    assert rows_of("importance_spearman", "mlps", first, second).empty


def test_rankings_without_spread_have_no_correlation_and_whole_tops_no_overlap():
    flat, other = ranking("a", [[1, 1], [1, 1]]), ranking("b", [[1, 2], [3, 4]])
    row = rows_of("importance_spearman", "heads", flat, other).iloc[0]
    assert (row["flag"], row.get("value")) == ("degenerate", None) or np.isnan(row["value"])
    assert rows_of("importance_overlap", "heads;top=0.9", flat, other, keep=(0.9,)).empty


def test_of_equal_scores_the_last_is_kept_as_pruning_removes_the_first():
    assert top(np.array([1.0, 1.0, 0.0, 1.0]), 2).tolist() == [1, 3]
    assert [top_size(share, 10) for share in (0.01, 0.25, 0.5, 0.99)] == [1, 3, 5, 10]


@pytest.fixture(scope="module")
def ground():
    """A context with a task, its examples, and what is attributed to the units."""
    parts = toy_parts(train=8, report=24)
    context = replace(tiny_context("bert", "classification", double=False), spec=parts.spec)
    result = run_head_attributions(context, parts.report, methods=("ablation",))
    return context, list(parts.report), result


def compared(ground, context=None, **options):
    own, examples, result = ground
    asked = {"importances": IMPORTANCES, "keep": (0.5,), "draws": 39, "seed": 0, **options}
    if context is not None:
        result = run_head_attributions(context, examples, methods=("ablation",))
    return beside_importances(result, context or own, examples, **asked)


@pytest.fixture(scope="module")
def found(ground):
    return compared(ground)


def test_a_ranking_is_the_mean_of_the_items_of_its_half(ground):
    context, examples, result = ground
    chosen = {"e1", "e4", "e5"}
    signed, absolute = attribution_rankings(result.item_parts, context, chosen)
    items = result.items[result.items["item_id"].isin(chosen)]
    for layer, head in ((0, 0), (1, 3)):
        mine = items[(items["metric"] == "head_attribution") & (items["layer"] == layer)
                     & (items["head"] == head)]["score"]  # fmt: skip
        assert signed.head[layer, head] == pytest.approx(mine.mean())
        assert absolute.head[layer, head] == pytest.approx(mine.abs().mean())
    of_mlp = items[(items["metric"] == "mlp_attribution") & (items["layer"] == 1)]["score"]
    assert signed.mlp[1] == pytest.approx(of_mlp.mean())
    assert (signed.name.split(";")[-1], absolute.name.split(";")[-1]) == (
        "by=signed",
        "by=absolute",
    )
    assert signed.n == 3
    assert len(examples) == 24


def test_importances_are_those_by_name_under_the_mask(ground):
    whole, examples, _ = ground
    for context in (whole, with_dead_heads(whole, [(0, 1), (1, 0)])):
        mask = context.subnetwork
        units = (np.ones((2, 4)), np.ones(2)) if mask is None else (mask.head_mask, mask.mlp_mask)
        for own in importance_rankings(context, examples, IMPORTANCES):
            batches = text_batches(context.tokenizer, examples, batch_size=7, max_length=128)
            expected = importance_pass(
                context.model, batches, *units, method=own.name, normalise="none"
            )
            np.testing.assert_allclose(own.head, expected.head, atol=1e-6)
            np.testing.assert_allclose(own.mlp, expected.mlp, atol=1e-6)


def test_what_is_ranked_on_one_half_is_scored_on_the_other(ground, found):
    context, examples, result = ground
    half = halves([unit_digest(one, one.first) for one in examples])
    scored = [one for one, at in zip(examples, half, strict=True) if at == 1]
    ranked = [one for one, at in zip(examples, half, strict=True) if at == 0]
    assert (len(ranked), len(scored)) == (found.notes[f"{NAME}_n_ranked_on"], len(scored))
    rows = found.rows[found.rows["metric"] == "kept_accuracy"].set_index("variant")
    both = [
        *attribution_rankings(result.item_parts, context, {one.id for one in ranked}),
        *importance_rankings(context, ranked, IMPORTANCES),
    ]
    assert list(rows.index) == [one.name for one in both]
    for one in both:
        mask = top_mask(context, one, 0.5)
        assert (mask.n_heads, mask.n_mlps) == (4, 1)
        answer = evaluate(context.model, context.tokenizer, scored, context.spec, subnetwork=mask)
        assert rows.loc[one.name, "value"] == pytest.approx(answer.metrics["accuracy"])
        items = found.items[found.items["metric"].eq("kept_answer")
                            & found.items["variant"].eq(one.name)]  # fmt: skip
        right = items["prediction"] == items["gold"]
        assert rows.loc[one.name, "value"] == pytest.approx(right.mean())
        assert set(items["item_id"]) == {example.id for example in scored}
    assert (rows["n"] == len(scored)).all()
    assert np.ptp(rows["baseline_value"].to_numpy(float)) == 0


def test_draws_too_few_for_so_many_rankings_are_said(found):
    rows = found.rows[found.rows["metric"] == "kept_accuracy"]
    m = len(rows)
    said = f"smallest possible corrected p is {0.05 * m:.3g}: {m} tests, each with p >= 0.05"
    assert set(rows["flag"]) == {said}
    assert m > 1
    # all shuffles of eight heads are enough for as many correlations
    agreeing = found.rows[found.rows["metric"] == "importance_spearman"]
    assert agreeing.loc[agreeing["p_value"].notna(), "flag"].isna().all()
    assert "floor" not in found.rows


def test_differences_are_of_two_rankings_at_equal_size(found):
    rows = found.rows
    scores = rows[rows["metric"] == "kept_accuracy"].set_index("variant")["value"]
    differences = rows[rows["metric"] == "over_importance_accuracy"]
    assert len(differences) == 2 * len(IMPORTANCES)
    for row in differences.itertuples():
        assert row.value == pytest.approx(scores[row.variant] - scores[row.target])
        assert row.target in IMPORTANCES
    tested = rows[rows["p_value"].notna()]
    assert (tested["correction"] == "Holm").all()
    sizes = tested.groupby("metric")["p_value"].size()
    for metric, mine in tested.groupby("metric"):
        assert (mine["family_size"] == sizes[metric]).all()


def test_the_importance_of_each_unit_is_in_the_rows(found):
    rows = found.rows
    for unit, count in (("head", 8), ("mlp", 2)):
        mine = rows[rows["metric"] == f"{unit}_importance"]
        assert mine.groupby("variant").size().to_dict() == dict.fromkeys(IMPORTANCES, count)
        assert mine["value"].notna().all()


def test_a_better_ranking_is_seen_in_interval_and_test():
    spec = toy_parts(train=2, report=2).spec
    gold = np.tile([0, 1], 40)

    def kept(name, share_right):
        answers = np.where(np.arange(80) < share_right * 80, gold, 1 - gold)
        logits = np.eye(2)[answers]
        found = Evaluation(
            spec, tuple(f"e{n}" for n in range(80)), logits, gold, score(spec, answers, gold), 0,
            clusters=("",) * 80,
        )  # fmt: skip
        return Kept(ranking(name, [[1, 2], [3, 4]]), 0.5, found)

    tops = [kept("attribution", 0.9), kept("importance", 0.6)]
    random = [kept(f"random-{n}", 0.5 + n / 400) for n in range(39)]
    rows = pd.DataFrame(kept_rows(tops, random, ["importance"])).set_index("metric")
    best = rows.loc["kept_accuracy"].set_index("variant")
    assert best.loc["attribution", "p_value"] == pytest.approx(2 / 40)
    null = np.mean([one.score for one in random])
    assert best.loc["attribution", "baseline_value"] == pytest.approx(null)
    difference = rows.loc["over_importance_accuracy"]
    assert difference["value"] == pytest.approx(0.3)
    assert 0.15 < difference["ci_low"] < 0.3 < difference["ci_high"] < 0.45
    assert difference["p_value"] < 0.01
    few = pd.DataFrame(kept_rows(tops, random[:10], ["importance"])).set_index("metric")
    told = few.loc["kept_accuracy"]
    assert told["p_value"].isna().all()
    assert told["flag"].str.contains("10 draws; at least 39 are needed").all()


def test_random_tops_are_of_the_same_units_and_seeded(ground):
    context = with_dead_heads(ground[0], [(0, 1)])
    like = ranking("a", [[1, np.nan, 1, 1], [1, 1, 1, 1]])
    first, again = random_rankings(like, 3, 5), random_rankings(like, 3, 5)
    masks = [top_mask(context, one, 0.5).head_mask for one in first]
    assert all(mask.sum() == 4 and not mask[0, 1] for mask in masks)
    assert any((mask != masks[0]).any() for mask in masks)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.head, other.head)
    others = random_rankings(like, 3, 6)
    assert (others[0].mlp != first[0].mlp).all()


def test_units_that_do_not_play_stay_in_every_top(ground):
    context, *_ = ground
    alone = ranking("a", [[3, np.nan, 2, 1], [np.nan] * 4], (np.nan, np.nan))
    mask = top_mask(context, alone, 0.34)
    assert mask.head_mask.tolist() == [[True, True, False, False], [True] * 4]
    assert mask.mlp_mask.all()


def test_a_mask_is_compared_among_its_own_units(ground):
    masked = with_dead_heads(ground[0], [(0, 0), (0, 1)])
    rows = compared(ground, masked).rows
    correlated = rows[(rows["metric"] == "importance_spearman") & (rows["relation"] == "heads")]
    assert (correlated["n"] == 6).all()
    places = rows[rows["metric"] == "head_importance"][["layer", "head"]].to_numpy().tolist()
    assert [0, 0] not in places
    assert len(places) == 6 * len(IMPORTANCES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spec": None}, "the task of the model is not known"),
        ({"label": None}, "some examples have no label"),
        ({"count": 1}, "one for scoring"),
    ],
)
def test_what_cannot_be_compared_is_said(ground, change, said):
    context, examples, result = ground
    lines = []
    if "spec" in change:
        context = replace(context, spec=None)
    if "label" in change:
        examples = [*examples[:-1], replace(examples[-1], label=None)]
    examples = examples[: change.get("count", len(examples))]
    same = beside_importances(
        result, context, examples, importances=IMPORTANCES, keep=(0.5,), draws=2, seed=0,
        say=lines.append,
    )  # fmt: skip
    assert same is result
    assert [said in line for line in lines] == [True]


def test_a_model_that_lost_units_is_compared_by_gates_alone(ground):
    whole, examples, _ = ground
    mask = with_dead_heads(whole, [(0, 1), (0, 2)]).subnetwork
    model = shrink(whole.model, mask)
    context = replace(whole, model=model, anatomy=anatomy_of(model), subnetwork=compact_mask(model))
    result = run_head_attributions(context, examples, methods=("ablation",))
    lines = []
    found = beside_importances(
        result, context, examples, importances=("magnitude", "gate-example"), keep=(0.5,),
        draws=1, seed=0, say=lines.append,
    )  # fmt: skip
    assert ["not compared with the importance magnitude" in line for line in lines] == [True]
    own = found.rows[found.rows["metric"] == "head_importance"]
    masked = replace(whole, subnetwork=mask)
    same = run_head_attributions(masked, examples, methods=("ablation",))
    expected = beside_importances(
        same, masked, examples, importances=("gate-example",), keep=(0.5,), draws=1, seed=0
    ).rows
    expected = expected[expected["metric"] == "head_importance"]
    assert own["variant"].eq("gate-example").all()
    np.testing.assert_allclose(
        own["value"].to_numpy(float), expected["value"].to_numpy(float), atol=1e-5
    )


def test_nothing_is_compared_where_no_importance_is_named(ground):
    assert compared(ground, importances=()) is ground[2]


def test_a_fault_while_comparing_leaves_the_model_as_it_was(ground):
    context = with_dead_heads(ground[0], [(0, 0)])
    before = model_state(context.model)
    for late in (1, 2):
        fault = failing_at(context.model, late.__eq__)
        with fault, pytest.raises(PlantedError):
            list(importance_rankings(context, ground[1], IMPORTANCES))
        assert model_state(context.model) == before
    compared(ground, importances=("ablation",), draws=1)
    assert model_state(ground[0].model) == before


def test_a_step_of_a_run_adds_intervals_tests_and_directions(ground):
    context, examples, _ = ground
    asked = {"methods": "ablation", "importances": "gate-example", "keep": 0.5, "draws": 2}
    options = ProbeOptions(names=(NAME,), options={NAME: asked})
    output = probe_model(
        context.model, context.tokenizer, None, context.spec, None, tuple(examples), options,
        split="validation", progress=lambda *_: None,
    )  # fmt: skip
    rows = output.rows
    units = rows[rows["metric"].isin(["head_attribution", "mlp_attribution_absolute"])]
    assert (units["ci_low"] <= units["value"]).all()
    assert (units["value"] <= units["ci_high"]).all()
    assert units["ci_method"].eq("percentile bootstrap over examples (1000)").all()
    assert set(rows.loc[rows["metric"] == "kept_accuracy", "better"]) == {"higher"}
    assert set(rows["metric"]) >= {"importance_spearman", "importance_overlap", "head_importance"}
    assert (rows["split"] == "validation").all()
    again = probe_model(
        context.model, context.tokenizer, None, context.spec, None, tuple(examples), options,
        split="validation", progress=lambda *_: None,
    )  # fmt: skip
    pd.testing.assert_frame_equal(again.rows, rows)


def test_an_unknown_importance_is_refused_before_anything_is_computed(ground):
    context, examples, _ = ground
    options = ProbeOptions(names=(NAME,), options={NAME: {"importances": ["gates"]}})
    with pytest.raises(UnknownNameError, match="gates"):
        probe_model(
            context.model, context.tokenizer, None, context.spec, None, tuple(examples), options,
            split="validation", progress=lambda *_: None,
        )  # fmt: skip
