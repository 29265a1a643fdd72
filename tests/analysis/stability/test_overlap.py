"""Overlap of tasks and variance of masks against plain loops, and known extremes."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.stability.mask_sets import MaskSet
from subprobe.analysis.stability.mask_variance import (
    SOURCES,
    exchange_p,
    variance_components,
    variance_table,
)
from subprobe.analysis.stability.overlap import adjusted_overlap, overlap_table
from subprobe.analysis.stability.unit_weights import UnitWeights


def task(name, seeds, heads, mlps=None):
    units = {"head": np.asarray(heads, dtype=bool)}
    shapes: dict[str, tuple[int, ...]] = {"head": (2, units["head"].shape[1] // 2)}
    if mlps is not None:
        units["mlp"], shapes["mlp"] = np.asarray(mlps, dtype=bool), (np.shape(mlps)[1],)
    return MaskSet(name, tuple(seeds), units, shapes)


def random_task(name, seeds, rng, n_units=12):
    return task(name, seeds, rng.random((len(seeds), n_units)) < 0.6)


def test_adjusted_overlap_is_0_at_chance_and_1_when_nested():
    assert adjusted_overlap(6, 6, 9, 12) == 1
    assert adjusted_overlap(6 * 9 / 12, 6, 9, 12) == 0
    assert adjusted_overlap(3, 6, 9, 12) < 0
    assert np.isnan(adjusted_overlap(0, 0, 5, 12))
    assert np.isnan(adjusted_overlap(5, 12, 5, 12))


def test_table_equals_a_loop_over_pairs_of_masks():
    rng = np.random.default_rng(0)
    first, second = random_task("a", [1, 2, 3], rng), random_task("b", [2, 3, 4, 5], rng)
    table = overlap_table([first, second]).set_index(["task_a", "task_b", "seeds"])
    assert set(table.index) == {
        ("a", "b", "same"), ("a", "b", "other"), ("a", "a", "other"), ("b", "b", "other"),
    }  # fmt: skip
    for (a, b, which), line in table.iterrows():
        one, two = ({"a": first, "b": second}[name] for name in (a, b))
        shared = [
            int((one.units["head"][i] & two.units["head"][j]).sum())
            for i, j in product(range(len(one.seeds)), range(len(two.seeds)))
            if (one.seeds[i] == two.seeds[j]) == (which == "same") and (a != b or i < j)
        ]
        assert line["n_pairs"] == len(shared)
        assert line["shared_mean"] == pytest.approx(np.mean(shared))
        assert line["shared_sd"] == pytest.approx(np.std(shared, ddof=1))


def test_overlap_of_tasks_of_the_same_units_is_found_and_of_others_is_not():
    rng = np.random.default_rng(1)
    seeds = [1, 2, 3, 4, 5]
    core = rng.random(60) < 0.6
    alike = [
        task(name, seeds, np.where(rng.random((5, 60)) < 0.8, core, rng.random((5, 60)) < 0.6))
        for name in "ab"
    ]
    apart = task("c", seeds, rng.random((5, 60)) < 0.6)
    table = overlap_table([*alike, apart])
    same = table[table["seeds"] == "same"].set_index(["task_a", "task_b"])
    assert same.loc[("a", "b"), "p_value"] < 1e-6
    assert same.loc[("a", "b"), "adjusted"] > 0.4
    assert same.loc[("a", "c"), "p_value"] > 0.01
    assert abs(same.loc[("a", "c"), "adjusted"]) < 0.3
    assert table[table["seeds"] == "other"]["p_value"].isna().all()


def test_tasks_without_a_common_seed_have_no_same_seed_line():
    rng = np.random.default_rng(2)
    table = overlap_table([random_task("a", [1, 2], rng), random_task("b", [3, 4], rng)])
    assert set(table["seeds"]) == {"other"}


def textbook_components(values):
    """Sums of squares by explicit loops (balanced three-way table without repetition)."""
    t, s, u = values.shape
    mean = values.mean()
    by = {"t": values.mean(axis=(1, 2)), "s": values.mean(axis=(0, 2)), "u": values.mean((0, 1))}
    tu, su, ts = values.mean(axis=1), values.mean(axis=0), values.mean(axis=2)
    ms_t = s * u * sum((x - mean) ** 2 for x in by["t"]) / (t - 1)
    ms_s = t * u * sum((x - mean) ** 2 for x in by["s"]) / (s - 1)
    ms_u = t * s * sum((x - mean) ** 2 for x in by["u"]) / (u - 1)
    ms_tu = s * sum((tu[i, k] - by["t"][i] - by["u"][k] + mean) ** 2
                    for i in range(t) for k in range(u)) / ((t - 1) * (u - 1))  # fmt: skip
    ms_su = t * sum((su[j, k] - by["s"][j] - by["u"][k] + mean) ** 2
                    for j in range(s) for k in range(u)) / ((s - 1) * (u - 1))  # fmt: skip
    ms_ts = u * sum((ts[i, j] - by["t"][i] - by["s"][j] + mean) ** 2
                    for i in range(t) for j in range(s)) / ((t - 1) * (s - 1))  # fmt: skip
    left = sum(
        (values[i, j, k] - tu[i, k] - su[j, k] - ts[i, j] + by["t"][i] + by["s"][j] + by["u"][k]
         - mean) ** 2
        for i in range(t) for j in range(s) for k in range(u)
    ) / ((t - 1) * (s - 1) * (u - 1))  # fmt: skip
    return {
        "unit": (ms_u - ms_tu - ms_su + left) / (t * s),
        "task": (ms_t - ms_tu - ms_ts + left) / (s * u),
        "seed": (ms_s - ms_su - ms_ts + left) / (t * u),
        "task x unit": (ms_tu - left) / s,
        "seed x unit": (ms_su - left) / t,
        "task x seed": (ms_ts - left) / u,
        "run x unit": left,
    }


@given(st.integers(2, 4), st.integers(2, 4), st.integers(2, 6), st.integers(0, 10**6))
def test_components_equal_the_textbook(t, s, u, seed):
    values = (np.random.default_rng(seed).random((t, s, u)) < 0.5).astype(float)
    found = variance_components(values)
    assert set(found) == set(SOURCES)
    assert found == pytest.approx(textbook_components(values), abs=1e-12)


def test_components_are_unbiased():
    rng = np.random.default_rng(0)
    truth = {"unit": 0.5, "task x unit": 1.0, "run x unit": 2.0}
    found = []
    for _ in range(400):
        values = (
            rng.normal(0, 0.5**0.5, (1, 1, 20)) + rng.normal(0, 1, (4, 1, 20))
            + rng.normal(0, 2**0.5, (4, 5, 20))
        )  # fmt: skip
        found.append(list(variance_components(values).values()))
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / 20
    expected = [truth.get(source, 0.0) for source in variance_components(values)]
    assert (np.abs(mean - expected) <= 4 * error).all()
    with pytest.raises(ValueError, match="two tasks"):
        variance_components(np.zeros((1, 5, 3)))


def test_exchange_p_equals_enumeration():
    rng = np.random.default_rng(4)
    values = (rng.random((3, 3, 8)) < rng.random((3, 1, 8))).astype(float)

    def squares(table):
        means = table.mean(axis=1)
        centred = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
        return (centred**2).sum()

    every = [
        squares(np.stack([values[list(order), j] for j, order in enumerate(orders)], axis=1))
        for orders in product(permutations(range(3)), repeat=3)
    ]
    exact = np.mean(np.array(every) >= squares(values) - 1e-9)
    found = exchange_p(values, 8000, np.random.default_rng(0))
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact / 8000) + 1 / 8000)


def test_exchange_p_says_nothing_where_it_cannot():
    # two tasks and four seeds: 8 different arrangements, smallest p 1/8
    values = np.zeros((2, 4, 6))
    values[0, :, :3] = 1
    assert np.isnan(exchange_p(values, 99, np.random.default_rng(0)))
    many = np.concatenate([values] * 2, axis=1)
    assert exchange_p(many, 999, np.random.default_rng(0)) < 0.05


def test_variance_needs_tasks_with_the_same_seeds():
    rng = np.random.default_rng(0)
    one, two = random_task("a", [1, 2, 3], rng), random_task("b", [1, 2, 4], rng)
    assert variance_table([one, two], draws=99, seed=0).empty
    assert variance_table([one], draws=99, seed=0).empty
    same = variance_table([one, random_task("b", [1, 2, 3], rng)], draws=99, seed=0)
    assert set(same["source"]) == set(SOURCES)
    assert same["share"].sum() == pytest.approx(1)


def test_weights_of_a_bert():
    weights = UnitWeights.of_sizes(768, 64, 3072)
    assert 144 * weights.head + 12 * weights.mlp == 85_008_384
    heads, mlps = np.zeros((2, 144), bool), np.ones((2, 12), bool)
    assert weights.kept_share(heads, mlps) == pytest.approx(
        [12 * weights.mlp / (144 * weights.head + 12 * weights.mlp)] * 2
    )
