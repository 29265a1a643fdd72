"""The multipliers of a size: their term, its direction, and the schedule of the target."""

import pytest
import torch
from subprobe.pruning.sized.lagrangian import Multipliers, target_at


def test_the_target_rises_linearly_and_then_stays():
    found = [target_at(step, 8, 0.5, 0.6) for step in range(8)]
    assert found == pytest.approx([0.15, 0.3, 0.45, 0.6, 0.6, 0.6, 0.6, 0.6])
    assert [target_at(step, 8, 0.0, 0.6) for step in range(2)] == [0.6, 0.6]
    assert target_at(7, 8, 1.0, 0.6) == pytest.approx(0.6)
    # gates that start at a sparsity of .2 are not opened first
    assert [target_at(step, 4, 1.0, 0.6, 0.2) for step in (0, 3)] == pytest.approx([0.3, 0.6])


def test_the_term_is_that_of_the_paper_and_the_multipliers_climb():
    one = Multipliers(1.0)
    sparsity = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    expected = [0.0, 0.0]
    for _ in range(3):
        term = one.penalty(sparsity, 0.5)
        linear, quadratic = expected
        assert float(term.detach()) == pytest.approx(linear * 0.3 + quadratic * 0.3**2)
        one.clear()
        sparsity.grad = None
        term.backward()
        # more sparsity lowers the term, as soon as the multipliers are above 0
        slope = -linear - 2 * quadratic * 0.3
        assert float(sparsity.grad) == pytest.approx(slope)
        one.step()
        # a step of Adam along a constant gradient has the length of the learning rate
        expected = [expected[0] + 1, expected[1] + 1]
        assert one.values == pytest.approx(expected, rel=1e-5)


def test_beyond_the_target_the_first_multiplier_falls():
    one = Multipliers(0.5)
    one.penalty(torch.tensor(0.8, requires_grad=True), 0.5).backward()
    one.step()
    linear, quadratic = one.values
    assert linear == pytest.approx(-0.5)
    assert quadratic == pytest.approx(0.5)
