"""Masks of crossed seeds under names of the user's own."""

import numpy as np
from subprobe.analysis.stability.mask_sets import read_mask_sets
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
