"""Masks of crossed seeds under names of the user's own."""

import numpy as np
from subprobe.analysis.stability.mask_sets import read_mask_sets
from subprobe.analysis.stability.measure import OF_CROSSED, P_OF_CROSSED, measure_stability
from subprobe.analysis.stability.seed_intervals import JACKKNIFE
from subprobe.models.masks.subnetwork import Subnetwork


def test_masks_of_one_initialisation_and_two_orders_are_two_seeds(tmp_path):
    for name, order in (("one", 1), ("other", 3)):
        heads = np.array([[True, order == 1]])
        mask = Subnetwork(
            heads, np.array([True]), model="m", task="t", kind="good", seed_init=2, seed_order=order
        )
        mask.save(tmp_path / f"{name}.safetensors")
    (found,) = read_mask_sets(tmp_path)
    assert sorted(found.seeds) == [2001, 2003]
    # one initialisation: the orders are independent
    assert not found.crossed


def write_grid(folder, pairs):
    rng = np.random.default_rng(0)
    for init, order in pairs:
        mask = Subnetwork(
            rng.random((4, 8)) < 0.5, rng.random(4) < 0.5, model="m", task="t", kind="good",
            seed_init=init, seed_order=order,
        )  # fmt: skip
        mask.save(folder / f"{init}-{order}.safetensors")
    return read_mask_sets(folder)


def test_agreement_of_crossed_seeds_has_no_interval_over_seeds(tmp_path):
    (tmp_path / "grid").mkdir()
    (tmp_path / "plain").mkdir()
    grid = write_grid(tmp_path / "grid", [(i, j) for i in (1, 2, 3) for j in (1, 2, 3)])
    plain = write_grid(tmp_path / "plain", [(i, i) for i in range(1, 10)])
    assert [one.crossed for one in (*grid, *plain)] == [True, False]
    found, other = (measure_stability(one, draws=99) for one in (grid, plain))
    of_seeds = found.intervals[found.intervals["interval"] == JACKKNIFE]
    assert not of_seeds["given"].any()
    assert other.intervals["given"].any()
    rows = found.stability[found.stability["statistic"] == "fleiss_kappa"]
    assert rows["ci_low"].isna().all()
    said = set(found.notes["note"])
    assert {OF_CROSSED, P_OF_CROSSED} <= said
    assert not {OF_CROSSED, P_OF_CROSSED} & set(other.notes["note"])
