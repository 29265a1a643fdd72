from __future__ import annotations

import pytest
from probe_cases import random_examples, tiny_context
from subprobe.data.errors import UnknownNameError
from subprobe.data.output.tables import ITEM_TYPES, ROW_TYPES
from subprobe.probes.registry import PROBES, list_probes, run_named_probes

KNOWN = {
    "alti",
    "attention-change",
    "attention-patterns",
    "attention-stats",
    "attention-trees",
    "attributions",
    "dependency-heads",
    "effective-attention",
    "flow",
    "head-distances",
    "hidden-token-attribution",
    "norms",
    "rollout",
    "token-identifiability",
    "value-zeroing",
}


def test_every_probe_runs_by_name_and_names_itself():
    context = tiny_context("bert", "classification")
    names = [entry.name for entry in list_probes()]
    assert set(names) == set(PROBES) == KNOWN
    options = {
        "attributions": {"n_steps": 2, "permutations": 10},
        "dependency-heads": {"min_count": 1},
    }
    for order in (names, names[::-1]):
        results = run_named_probes(context, random_examples(5), order, options=options)
        assert [result.probe for result in results] == order
        for result in results:
            assert list(result.rows.columns) == list(ROW_TYPES)
            assert list(result.items.columns) == list(ITEM_TYPES)
            assert (result.rows["probe"] == result.probe).all()
            assert (result.items["probe"] == result.probe).all()


def test_each_probe_runs_in_one_way():
    for entry in PROBES.values():
        assert (entry.build is None) != (entry.run is None)
        assert "\n" not in entry.help


def test_unknown_probe_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="did you mean 'attributions'"):
        run_named_probes(tiny_context("bert"), random_examples(1), ["attribution"])
