"""IoU and containment of two masks against every placement of their units."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom
from subprobe.analysis.stability import mask_pairs
from subprobe.analysis.stability.mask_pairs import overlap_of, same_unit_overlaps, shared_law
from subprobe.analysis.stability.pair_table import PAIR_COLUMNS, pair_table
from subprobe.data.errors import MaskError
from subprobe.models.masks.subnetwork import Subnetwork


def kept(n, places):
    mask = np.zeros(n, dtype=bool)
    mask[list(places)] = True
    return mask


@given(
    st.integers(2, 9).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)),
                            st.sets(st.integers(0, n - 1)))
    )
)  # fmt: skip
def test_every_number_against_every_placement(case):
    n, first, second = case
    found = overlap_of([(kept(n, first), kept(n, second))])
    shared = len(first & second)
    assert (found["n_units"], found["kept"], found["other_kept"], found["shared"]) == (
        n, len(first), len(second), shared,
    )  # fmt: skip
    placed = sorted(len(first & set(one)) for one in combinations(range(n), len(second)))
    both, smaller = len(first) + len(second), min(len(first), len(second))
    assert found["shared_expected"] == pytest.approx(np.mean(placed))
    if both:
        assert found["jaccard"] == shared / (both - shared)
        mean = np.mean([one / (both - one) for one in placed])
        assert found["jaccard_expected"] == pytest.approx(mean)
    else:
        assert np.isnan(found["jaccard"])
    if not smaller:
        assert np.isnan(found["containment"])
        assert np.isnan(found["containment_expected"])
        return
    assert found["containment"] == shared / smaller
    assert found["containment_expected"] == pytest.approx(np.mean(placed) / smaller)
    # at most 2.5% of placements lie below and above
    for name, scale in (
        ("jaccard", lambda k: k / (both - k)),
        ("containment", lambda k: k / smaller),
    ):
        values = np.array([scale(one) for one in placed])
        low, high = found[f"{name}_low"], found[f"{name}_high"]
        assert (
            (values < low - 1e-12).mean() <= 0.025 + 1e-12 < (values < low + 1e-12).mean() + 0.026
        )
        assert (values > high + 1e-12).mean() <= 0.025 + 1e-12
        assert low <= found[f"{name}_expected"] + 1e-12
        assert high >= found[f"{name}_expected"] - 1e-12
    if not np.isnan(found["p_value"]):
        assert found["p_value"] == pytest.approx(np.mean([one >= shared for one in placed]))


def test_a_part_of_a_mask_is_contained_in_it():
    found = overlap_of([(kept(40, range(10)), kept(40, range(20)))])
    assert (found["containment"], found["adjusted"], found["jaccard"]) == (1.0, 1.0, 0.5)
    apart = overlap_of([(kept(40, range(10)), kept(40, range(20, 40)))])
    assert (apart["containment"], apart["jaccard"]) == (0.0, 0.0)
    assert apart["adjusted"] < 0


def test_a_window_around_the_mean_holds_the_whole_law(monkeypatch):
    whole = shared_law(5000, 1200, 2100)
    monkeypatch.setattr(mask_pairs, "_MOST_SUMMED", 10)
    counts, chance = shared_law(5000, 1200, 2100)
    assert len(counts) < len(whole[0]) / 2
    np.testing.assert_allclose(chance, hypergeom.pmf(counts, 5000, 1200, 2100), rtol=1e-9)
    assert chance.sum() == pytest.approx(1, abs=1e-10)
    full = overlap_of([(np.arange(5000) < 1200, np.arange(5000) % 2 == 0)])
    monkeypatch.undo()
    exact = overlap_of([(np.arange(5000) < 1200, np.arange(5000) % 2 == 0)])
    assert full == pytest.approx(exact, nan_ok=True)


def heads(*places, **more):
    mask = kept(24, places).reshape(4, 6)
    return Subnetwork(mask, np.ones(4, dtype=bool), method="structured-heads", **more)


def test_neurons_of_a_pruned_mlp_are_pruned_and_unlisted_modules_kept():
    neurons = np.ones((2, 3), dtype=bool)
    neurons[1, 0] = False
    one = Subnetwork(np.ones((2, 2), bool), np.array([True, False]), neurons)
    other = Subnetwork(np.ones((2, 2), bool), np.array([True, True]), neurons)
    (line,) = same_unit_overlaps(one, other)
    assert (line["unit"], line["kept"], line["other_kept"], line["shared"]) == ("neuron", 3, 5, 3)
    weights = {"a": np.eye(3, dtype=bool), "b": np.eye(2, dtype=bool)}
    both = Subnetwork(np.ones((2, 2), bool), np.ones(2, bool), None, weights)
    lacking = both.with_meta(weight_masks={"a": weights["a"]})
    (line,) = same_unit_overlaps(lacking, both)
    assert (line["n_units"], line["kept"], line["other_kept"], line["shared"]) == (13, 7, 5, 5)


def test_the_p_values_of_all_pairs_are_one_family():
    masks = {"a": heads(*range(8)), "b": heads(*range(8)), "c": heads(*range(16, 24))}
    table = pair_table(masks)
    assert tuple(table.columns) == PAIR_COLUMNS
    assert list(zip(table["mask"], table["other"], strict=True)) == [
        ("a", "b"), ("a", "c"), ("b", "c"),
    ]  # fmt: skip
    p = table["p_value"].to_numpy()
    assert p[0] == pytest.approx(hypergeom.pmf(8, 24, 8, 8))
    assert table["p_adjusted"].iloc[0] == pytest.approx(3 * p[0])
    assert set(table["family_size"]) == {3}
    assert set(table["correction"]) == {"Holm"}
    assert pair_table(masks, "fdr_bh")["correction"].iloc[0] == "Benjamini-Hochberg"


def test_masks_that_cannot_be_compared_are_refused():
    with pytest.raises(MaskError, match="at least two masks, got 1"):
        pair_table({"a": heads(1)})
    wide = Subnetwork(np.zeros((4, 5), dtype=bool), np.ones(4, dtype=bool))
    with pytest.raises(MaskError, match=r"heads \[L, H\]: \[4, 6\] in a, \[4, 5\] in b"):
        pair_table({"a": heads(1), "b": wide})
    mlps = Subnetwork(np.ones((4, 6), dtype=bool), kept(4, [1]), method="structured-mlps")
    with pytest.raises(MaskError, match=r"different levels \(a: heads and b: mlps\)"):
        pair_table({"a": heads(1), "b": mlps})
