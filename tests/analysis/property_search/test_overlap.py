"""Overlap of masks against every permutation, and what cannot be compared."""

from itertools import combinations, product

import numpy as np
import pytest
from subprobe.analysis.property_search.overlap import (
    check_comparable,
    overlap_frame,
    overlap_rows,
)
from subprobe.analysis.property_search.shares import head_shares, mlp_shares
from subprobe.data.errors import MaskError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.pruning.search.magnitude import prunable_weights
from tiny import tiny_model


def heads_of(*kept, layers=2, heads=4, **more):
    mask = np.zeros((layers, heads), dtype=bool)
    for place in kept:
        mask.ravel()[place] = True
    return Subnetwork(mask, np.ones(layers, dtype=bool), **more)


def test_heads_against_every_placement():
    one, other = heads_of(0, 1, 4), heads_of(0, 1, 2, 4, task="acc")
    (row,) = overlap(one, other, name="good")
    assert (row["unit"], row["n_units"], row["kept"], row["other_kept"]) == ("head", 8, 3, 4)
    assert (row["mask"], row["other"], row["task"], row["shared"]) == ("upos", "good", "acc", 3)
    assert row["jaccard"] == 3 / 4
    second = {0, 1, 2, 4}
    placed = [len(second & set(found)) for found in combinations(range(8), 3)]
    assert row["p_value"] == pytest.approx(np.mean([s >= 3 for s in placed])) or np.isnan(
        row["p_value"]
    )
    assert row["shared_expected"] == pytest.approx(np.mean(placed))
    assert row["jaccard_expected"] == pytest.approx(np.mean([s / (7 - s) for s in placed]))
    assert row["adjusted"] == 1
    assert row["shared_expected_by_layer"] == pytest.approx(2 * 3 / 4 + 1 * 1 / 4)


def test_p_values_over_the_model_and_within_layers():
    one, other = heads_of(0, 1, 6, 7, heads=6), heads_of(0, 1, 2, 6, 7, heads=6)
    (row,) = overlap(one, other)
    placed = [len({0, 1, 2, 6, 7} & set(found)) for found in combinations(range(12), 4)]
    assert row["p_value"] == pytest.approx(np.mean([s >= 4 for s in placed]))
    first = [len({0, 1, 2} & set(found)) for found in combinations(range(6), 2)]
    second = [len({0, 1} & set(found)) for found in combinations(range(6), 2)]
    within = [a + b for a, b in product(first, second)]
    assert row["p_value_by_layer"] == pytest.approx(np.mean([s >= 4 for s in within]))


def test_sizes_that_can_reach_no_small_p_have_none():
    (row,) = overlap(heads_of(0, 1, 2, 3, 4, 5, 6), heads_of(0))
    assert np.isnan(row["p_value"])
    assert row["shared"] == 1


def test_neurons_and_weights_have_rows_of_their_own():
    rng = np.random.default_rng(0)
    masks = []
    for _ in range(2):
        weights = {path: rng.random((30, 40)) < 0.3 for path in ("one", "two")}
        masks.append(
            Subnetwork(
                np.ones((2, 4), dtype=bool), np.ones(2, dtype=bool), rng.random((2, 50)) < 0.4,
                weight_masks=weights,
            )
        )  # fmt: skip
    table = overlap_frame(overlap(masks[0], masks[1], ("neurons", "weights"))).set_index("unit")
    assert list(table.index) == ["neuron", "weight"]
    assert table.loc["weight", "n_units"] == 2400
    assert (table["p_value"] > 0.001).all()
    same = overlap_frame(overlap(masks[0], masks[0], ("neurons", "weights"))).set_index("unit")
    assert (same["jaccard"] == 1).all()
    assert (same["adjusted"] == 1).all()
    assert (same[["p_value", "p_value_by_layer"]] < 1e-10).all(axis=None)


def test_large_levels_take_their_limits(monkeypatch):
    rng = np.random.default_rng(0)
    first, second = (
        Subnetwork(np.ones((3, 4), dtype=bool), np.ones(3, dtype=bool), rng.random((3, 300)) < 0.4)
        for _ in range(2)
    )
    (exact,) = overlap(first, second, ("neurons",))
    monkeypatch.setattr("subprobe.analysis.stability.mask_pairs._MOST_SUMMED", 10)
    (limit,) = overlap(first, second, ("neurons",))
    for name in ("jaccard_expected", "p_value_by_layer"):
        assert limit[name] == pytest.approx(exact[name], rel=0.02)
    assert limit["p_value"] == exact["p_value"]


def overlap(first, second, levels=("heads",), name="acc"):
    return overlap_rows(None, "upos", first, levels, name, second)


def finer_masks(model):
    """A mask of weights that keeps head (0, 1) and MLP 1 whole, and half of the rest."""
    anatomy, rng = anatomy_of(model), np.random.default_rng(0)
    paths = {id(module): path for path, module in model.named_modules()}
    masks = {
        path: rng.random(tuple(weight.shape)) < 0.5
        for path, weight in prunable_weights(model).items()
    }
    own = slice(anatomy.head_size, 2 * anatomy.head_size)
    for find in (anatomy.query, anatomy.key, anatomy.value_projection):
        masks[paths[id(find(model, 0))]][own] = True
    masks[paths[id(anatomy.attention_projection(model, 0))]][:, own] = True
    for find in (anatomy.mlp_up, anatomy.mlp_output):
        masks[paths[id(find(model, 1))]][:] = True
    return full_subnetwork(anatomy).with_meta(weight_masks=masks)


def test_shares_of_heads_and_mlps_are_of_their_weights():
    model = tiny_model("bert")
    mask = finer_masks(model)
    shares = head_shares(model, mask)
    assert shares[0, 1] == 1
    others = np.delete(shares.ravel(), 1)
    assert (abs(others - 0.5) < 0.06).all()
    assert mlp_shares(model, mask)[1] == 1
    assert mlp_shares(model, mask)[0] == pytest.approx(0.5, abs=0.04)
    neurons = np.arange(96).reshape(2, 48) < 60
    of_neurons = full_subnetwork(anatomy_of(model)).with_meta(neuron_mask=neurons)
    assert mlp_shares(model, of_neurons).tolist() == [1, 0.25]


def test_finer_masks_are_compared_by_shares():
    model = tiny_model("bert")
    mask, good = finer_masks(model), heads_of(1)
    good = good.with_meta(mlp_mask=np.array([False, True]))
    heads, mlps = overlap_rows(model, "upos", mask, ("weights",), "acc", good)
    assert (heads["unit"], heads["n_units"], heads["other_kept"]) == ("head", 8, 1)
    assert heads["share_in_kept"] == 1
    assert heads["share_in_pruned"] == pytest.approx(0.5, abs=0.03)
    # one of eight heads, or of the four of its layer
    assert heads["p_value"] == pytest.approx(1 / 8, abs=0.02)
    assert heads["p_value_by_layer"] == pytest.approx(1 / 4, abs=0.02)
    assert (mlps["unit"], mlps["share_in_kept"]) == ("mlp", 1)
    assert mlps["p_value"] == pytest.approx(1 / 2, abs=0.02)


def test_masks_that_say_nothing_about_each_other_are_refused():
    model = tiny_model("bert")
    with pytest.raises(MaskError, match="acc: prunes heads, which gates on neurons say nothing"):
        check_comparable(model, ("neurons",), heads_of(1), "acc")
    with pytest.raises(MaskError, match="prunes nothing"):
        check_comparable(model, ("weights",), full_subnetwork(anatomy_of(model)), "acc")
    check_comparable(model, ("weights",), heads_of(1), "acc")
    odd = full_subnetwork(anatomy_of(model)).with_meta(
        weight_masks={"encoder.layer.0.attention.self.query": np.zeros((3, 2), dtype=bool)}
    )
    with pytest.raises(MaskError, match="which does not match the model"):
        check_comparable(model, ("weights",), odd, "acc")
