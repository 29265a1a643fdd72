from __future__ import annotations

import numpy as np
from probe_cases import random_examples, tiny_context, with_dead_heads
from scipy.spatial.distance import pdist, squareform
from subprobe.analysis.findings.head_map import clusters, head_map_rows, scaled
from subprobe.probes.attention.head_distances import HeadDistances
from subprobe.probes.forward.shared_pass import run_probes


def test_distances_of_a_plane_are_found_again_whatever_their_order():
    places = np.random.default_rng(0).normal(size=(12, 2)) * [3, 1]
    distances = squareform(pdist(places))
    found = scaled(distances)
    np.testing.assert_allclose(squareform(pdist(found)), distances, atol=1e-4)
    order = np.random.default_rng(1).permutation(12)
    again = scaled(distances[np.ix_(order, order)])
    np.testing.assert_allclose(again, found[order], atol=1e-4)


def test_groups_that_lie_apart_are_found_and_numbered_by_first_member():
    rng = np.random.default_rng(2)
    centres = np.array([[0, 0], [9, 0], [0, 9]])[[1, 0, 0, 2, 1, 2, 0, 1, 2]]
    distances = squareform(pdist(centres + rng.normal(size=centres.shape) * 0.2))
    assert clusters(distances).tolist() == [0, 1, 1, 2, 0, 2, 1, 0, 2]


def test_every_living_head_has_a_place_and_a_group():
    context = with_dead_heads(tiny_context("bert"), [(1, 2)])
    result = run_probes(context, random_examples(6), [HeadDistances(context)])[0]
    rows = head_map_rows(result)
    for metric in ("map_x", "map_y", "cluster"):
        some = rows[rows["metric"] == metric]
        assert len(some) == 7
        assert not ((some["layer"] == 1) & (some["head"] == 2)).any()
        assert some["value"].notna().all()
    assert len(rows) == len(result.rows) + 3 * 7
    dead = [(0, head) for head in range(4)] + [(1, 1)]
    few = run_probes(context, random_examples(3), [HeadDistances(with_dead_heads(context, dead))])
    assert len(head_map_rows(few[0])) == len(few[0].rows) == 3
