"""The estimated time of a curve, from operations that are counted another way."""

import numpy as np
import pytest
from subprobe.analysis.configuration.further_masks import CurveOptions
from subprobe.analysis.cost.curve_passes import scoring_passes, units_of
from subprobe.analysis.cost.shape import BASE
from subprobe.analysis.passes.curves import curve_seconds, operations_left
from subprobe.analysis.passes.ranking import ranking_passes
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


@pytest.mark.parametrize(
    ("units", "left"),
    [("joint", 0.5), ("heads", 1 - 0.5 / 3), ("mlps", 1 - 0.5 * 2 / 3), ("weights", 1.0)],
)
def test_passes_of_a_curve_are_known_from_the_shape(units, left):
    curve = CurveOptions(shares=[0.5], units=units, draws=10)
    masks = 1 + 10 + (1 if units == "weights" else 10)
    found = scoring_passes(curve, BASE, ("good", "random", "bad"))
    # beside the full model and the one without the units
    assert found == pytest.approx(2 + masks * left)
    assert scoring_passes(curve, BASE, ("super",)) == pytest.approx(2 + left)


def test_units_are_those_of_the_shape():
    found = [units_of(BASE, CurveOptions(units=name)) for name in ("joint", "heads", "neurons")]
    assert found == [156, 144, 36_864]
