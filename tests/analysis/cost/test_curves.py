"""The estimated time of a curve, from operations that are counted another way."""

import numpy as np
import pytest
from subprobe.analysis.cost.curves import curve_seconds, operations_left, ranking_passes
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.smaller.cost import cost
from subprobe.models.smaller.shrink import shrink
from tiny import tiny_model


def test_operations_are_those_of_the_smaller_model():
    model = tiny_model("bert", "classification")
    counts = [{"heads": 4, "mlps": 1}, {"heads": 8, "mlps": 2}]
    found = operations_left(model, counts)
    kept = Subnetwork(np.array([[True] * 4, [False] * 4]), np.array([True, False]))
    left = cost(shrink(model, kept), 1, 32).flops / cost(model, 1, 32).flops
    assert found == pytest.approx([left, 1.0])
    assert operations_left(model, [{"weights": 10}]) == [1.0]
    # layers that share weights cannot lose units
    assert operations_left(tiny_model("albert", "classification"), counts) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("importance", "search", "passes"),
    [("", False, 0), ("gate-example", False, 2), ("random", False, 1), ("ablation", False, 79),
     ("gate-example", True, 2 * (6 + 11))],
)  # fmt: skip
def test_passes_of_a_ranking(importance, search, passes):
    assert ranking_passes(importance, 78, [0.01, 0.5, 1.0], search=search) == passes


def test_seconds_add_up():
    assert curve_seconds(2.0, [0.5, 1.0], [10, 3], 2, 0.25) == pytest.approx(2 * (5 + 3 + 0.5))
