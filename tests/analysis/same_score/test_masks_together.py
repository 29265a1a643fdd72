"""Masks of one model: agreement, predictions, their core, and searches on samples."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.contingency_tables import cochrans_q
from subprobe.analysis.cost.amounts import core_sets
from subprobe.analysis.same_score.agreement import cohen_kappa, pair_table, stability_table
from subprobe.analysis.same_score.core import (
    Sets,
    asked_sets,
    drawn,
    size_notes,
    unit_table,
    without,
)
from subprobe.analysis.same_score.making import sampled
from subprobe.analysis.same_score.masks import check_masks, equal_pairs, numbered
from subprobe.analysis.same_score.predictions import (
    Answers,
    answers_of,
    differing,
    error_consistency,
    prediction_table,
)
from subprobe.analysis.statistics.clusters import units_of
from subprobe.data.errors import MaskError
from subprobe.data.output.tables import items_frame
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.models.masks.subnetwork import Subnetwork


def mask_of(rng, heads=6, mlps=2, **more):
    head = np.zeros(12, dtype=bool)
    head[rng.permutation(12)[:heads]] = True
    mlp = np.zeros(3, dtype=bool)
    mlp[rng.permutation(3)[:mlps]] = True
    return Subnetwork(head.reshape(3, 4), mlp, **more)


def made_masks(count=4, seed=0, **more):
    rng = np.random.default_rng(seed)
    return numbered({f"m{place}": mask_of(rng, **more) for place in range(count)})


# -- agreement ------------------------------------------------------------------------------------


@given(
    st.lists(st.booleans(), min_size=20, max_size=20),
    st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_kappa_is_that_of_scikit_learn(first, second):
    a, b = np.array(first), np.array(second)
    kappa = cohen_kappa(20, int(a.sum()), int(b.sum()), int((a & b).sum()))
    if len(set(first) | set(second)) > 1:
        assert kappa == pytest.approx(cohen_kappa_score(a, b))
    else:
        assert np.isnan(kappa)


def test_pairs_of_masks():
    masks = made_masks()
    table = pair_table(masks, "holm")
    heads = table[table["unit"] == "head"]
    assert list(zip(heads["mask"], heads["other"], strict=True)) == list(combinations(masks, 2))
    for line in heads.itertuples():
        a, b = masks[line.mask].head_mask, masks[line.other].head_mask
        assert line.shared == (a & b).sum()
        assert line.jaccard == pytest.approx((a & b).sum() / (a | b).sum())
        assert line.shared_expected == pytest.approx(3)
    assert heads["family_size"].dropna().eq(heads["p_value"].notna().sum()).all()


def test_a_mask_agrees_with_itself():
    rng = np.random.default_rng(0)
    mask = mask_of(rng)
    masks = numbered({"a": mask, "b": mask, "c": mask_of(rng)})
    assert equal_pairs(masks) == [("a", "b")]
    first = pair_table(masks, "holm").iloc[0]
    assert (first["jaccard"], first["kappa"], first["adjusted"]) == (1, 1, 1)
    table, _ = stability_table(numbered({"a": mask, "b": mask}), draws=99, seed=0)
    value = table[(table["unit"] == "head") & (table["statistic"] == "fleiss_kappa")]["value"]
    assert value.tolist() == [1.0]


# -- which masks ----------------------------------------------------------------------------------


def test_masks_of_different_sizes_or_models_are_refused():
    rng = np.random.default_rng(0)
    one = mask_of(rng, model="a", fingerprint="1" * 16)
    with pytest.raises(MaskError, match="1 mask: a comparison needs 2"):
        check_masks({"one": one})
    with pytest.raises(MaskError, match="one keeps 6 heads and 2 MLPs, other keeps 5 heads"):
        check_masks({"one": one, "other": mask_of(rng, heads=5)})
    with pytest.raises(MaskError, match="different models: one of 'a', other of 'b'"):
        check_masks({"one": one, "other": mask_of(rng, model="b")})
    with pytest.raises(MaskError, match="different models: one was found on the weights"):
        check_masks({"one": one, "other": mask_of(rng, model="a", fingerprint="2" * 16)})


# -- samples of the selection examples ------------------------------------------------------------


def examples_of(count, sources=0):
    return [
        Example(str(place), plain_sentence(str(place), "a b"), label=place % 2,
                cluster=f"s{place % sources}" if sources else "")
        for place in range(count)
    ]  # fmt: skip


def test_samples_are_fixed_by_seed_and_number():
    examples = examples_of(40)
    for sample in ("bootstrap", "half"):
        one, again = (sampled(examples, sample, 1, 2) for _ in range(2))
        assert [e.id for e in one] == [e.id for e in again]
        others = [sampled(examples, sample, 1, 3), sampled(examples, sample, 2, 2)]
        assert all([e.id for e in other] != [e.id for e in one] for other in others)
        assert len({e.id for e in one}) == len(one)


def test_a_bootstrap_sample_has_copies_and_a_half_none():
    examples = examples_of(40)
    texts = [e.first.id for e in sampled(examples, "bootstrap", 0, 1)]
    assert len(texts) == 40
    assert 15 < len(set(texts)) < 34  # 1 - 1/e of 40 is 25
    half = [e.first.id for e in sampled(examples, "half", 0, 1)]
    assert len(half) == len(set(half)) == 20


def test_sources_are_drawn_whole():
    examples = examples_of(40, sources=8)
    for sample in ("bootstrap", "half"):
        found = sampled(examples, sample, 0, 1)
        counts = pd.Series([e.cluster for e in found]).value_counts()
        assert (counts % 5 == 0).all()


# -- predictions ----------------------------------------------------------------------------------


def answers(right, said=None, clusters=None):
    right = np.asarray(right, dtype=float)
    names = tuple(f"m{place}" for place in range(len(right)))
    units = units_of(clusters or [""] * right.shape[1])
    return Answers(names, None if said is None else np.asarray(said, dtype=float), right, units)


def test_error_consistency_is_kappa_of_being_right():
    rng = np.random.default_rng(0)
    right = rng.random((3, 200)) < np.array([[0.6], [0.7], [0.8]])
    table = prediction_table(answers(right), {"probe": "p"}, 0)
    for line in table.itertuples():
        a, b = right[int(line.mask[1])], right[int(line.other[1])]
        assert line.error_consistency == pytest.approx(cohen_kappa_score(a, b))
        assert line.same_right == pytest.approx((a == b).mean())
        p, q = a.mean(), b.mean()
        assert line.same_right_expected == pytest.approx(p * q + (1 - p) * (1 - q))
        assert line.ci_low < line.error_consistency < line.ci_high
        assert line.ci_low < 0 < line.ci_high or abs(line.error_consistency) > 0.1


def test_equal_answers_are_consistent_and_have_no_interval():
    right = np.tile(np.arange(20) % 3 > 0, (2, 1))
    line = prediction_table(answers(right, right), {}, 0).iloc[0]
    assert (line["error_consistency"], line["same_prediction"]) == (1, 1)
    assert np.isnan(error_consistency(1.0, 1.0, 1.0))


def test_the_test_of_different_accuracies_is_that_of_cochran():
    rng = np.random.default_rng(1)
    right = rng.random((5, 150)) < np.array([0.6, 0.6, 0.65, 0.7, 0.72])[:, None]
    found = differing(answers(right), 2000, 0)
    assert found["p_value"] == pytest.approx(cochrans_q(right.T).pvalue, abs=0.02)
    assert found["floor"] == 1 / 2001


def test_the_test_holds_its_size():
    rng = np.random.default_rng(2)
    p_values = []
    for _ in range(200):
        hard = rng.random(40)
        right = rng.random((4, 40)) < hard
        p_values.append(differing(answers(right), 199, 0)["p_value"])
    assert np.mean(np.array(p_values) <= 0.05) < 0.1
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.1)


def test_clusters_are_exchanged_whole():
    rng = np.random.default_rng(3)
    # what is one answer of each mask to ten examples is one draw, not ten
    by_source = rng.random((4, 12)) < 0.5
    right = np.repeat(by_source, 10, axis=1)
    clusters = [f"s{place // 10}" for place in range(120)]
    alone = differing(answers(right), 999, 0)
    whole = differing(answers(right, clusters=clusters), 999, 0)
    assert whole["sd_expected"] > 2 * alone["sd_expected"]
    assert whole["p_value"] > alone["p_value"]
    assert whole["n_clusters"] == 12


def test_masks_that_answer_alike_are_not_tested():
    assert "p_value" not in differing(answers(np.ones((3, 10))), 99, 0)


def test_answers_are_those_of_the_same_examples():
    def items(ids, said):
        return items_frame(
            pd.DataFrame({"probe": "performance", "item_id": ids, "prediction": said, "gold": 1.0})
        )

    found = answers_of(
        {"a": items(["2", "1"], [1, 0]), "b": items(["1", "2"], [1, 1])}, "performance"
    )
    assert found is not None
    assert found.right.tolist() == [[0, 1], [1, 1]]
    other = {"a": items(["1"], [1]), "b": items(["2"], [1])}
    assert answers_of(other, "performance") is None
    assert answers_of(other, "heuristics") is None


# -- the core -------------------------------------------------------------------------------------


def test_the_core_is_what_all_masks_keep():
    masks = made_masks(3)
    sets = Sets.of(masks)
    heads = np.logical_and.reduce([mask.head_mask for mask in masks.values()])
    assert (sets.core.head_mask == heads).all()
    named = list(sets.named())
    assert [what for what, _ in named].count("mask minus core") == 3
    for what, mask in named:
        if what == "mask minus core":
            assert not (mask.head_mask & heads).any()
            assert mask.n_heads == 6 - heads.sum()
        if what == "full minus core":
            assert (mask.head_mask == ~heads).all()
    table = unit_table(sets)
    assert table["core"].sum() == heads.sum() + sets.core.n_mlps
    assert table["kept_in"].sum() == 3 * 8
    assert any(f"{heads.sum()} of 12 heads" in line for line in size_notes(sets))


def test_random_sets_have_the_size_of_the_core():
    masks = made_masks(3)
    sets = Sets.of(masks)
    for draw in range(6):
        found = dict(sets.random(0, draw))
        again = dict(sets.random(0, draw))
        core = sets.core
        assert found["core alone"].n_heads == core.n_heads
        assert found["core alone"].n_mlps == core.n_mlps
        assert found["full minus core"].n_heads == 12 - core.n_heads
        assert found["mask minus core"].n_heads == 6 - core.n_heads
        assert found["mask minus core"].n_mlps == 2 - core.n_mlps
        assert all(found[name].mask_id == again[name].mask_id for name in found)
        taken = list(masks.values())[draw % 3]
        assert not (found["mask minus core"].head_mask & ~taken.head_mask).any()


def test_units_that_no_mask_prunes_are_not_taken_away():
    rng = np.random.default_rng(0)
    masks = numbered({name: mask_of(rng, mlps=3) for name in "ab"})
    sets = Sets.of(masks)
    assert without(sets.whole, sets.core).mlp_mask.all()
    assert drawn(sets.whole, sets.core, rng).mlp_mask.all()


def test_masks_of_weights_have_no_core():
    mask = Subnetwork(
        np.ones((1, 2), dtype=bool), np.ones(1, dtype=bool),
        weight_masks={"layer": np.array([[True, False]])},
    )  # fmt: skip
    with pytest.raises(MaskError, match="no core"):
        Sets.of({"a": mask, "b": mask})


# -- cost -----------------------------------------------------------------------------------------


@given(st.integers(2, 6), st.integers(0, 5))
def test_the_models_that_the_core_takes_are_counted_before(count, draws):
    asked = asked_sets(Sets.of(made_masks(count)), draws, 0)
    assert core_sets({"masks": count, "draws": draws}) == len(asked)
    assert sum(one.drawn for one in asked) == 3 * draws
