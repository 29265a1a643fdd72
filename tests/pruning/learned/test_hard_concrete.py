"""The hard concrete distribution against a plain second implementation, draws and differences."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from subprobe.pruning.learned.hard_concrete import THRESHOLD, mean_gate, open_probability, sample

LOCATIONS = st.floats(-12, 12)


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def plain_sample(log_a, u):
    """Voita et al. (2019), section 5.1, for one gate and one draw."""
    within = 1 / (1 + math.exp(-(math.log(u) - math.log(1 - u) + log_a) / 0.33))
    return min(1.0, max(0.0, within * 1.2 - 0.1))


@given(LOCATIONS, st.floats(0.001, 0.999))
def test_a_draw_is_what_the_paper_says(log_a, u):
    drawn = sample(double(log_a), double(u))
    assert drawn.item() == pytest.approx(plain_sample(log_a, u), abs=1e-9)


@given(LOCATIONS)
def test_without_noise_it_is_the_stretched_sigmoid(log_a):
    expected = min(1.0, max(0.0, 1.2 / (1 + math.exp(-log_a)) - 0.1))
    assert mean_gate(double(log_a)).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("log_a", [-5.0, -2.4, -1.0, 0.0, 1.5, 4.0])
def test_the_open_probability_is_the_share_of_open_draws(log_a):
    count = 200_000
    uniform = torch.rand(count, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    location = torch.full((count,), log_a, dtype=torch.float64)
    share = (sample(location, uniform) > 0).double().mean().item()
    closed_form = open_probability(location[0]).item()
    # five standard errors of a share
    assert share == pytest.approx(closed_form, abs=5 * math.sqrt(0.25 / count))
    anchor = 1 / (1 + math.exp(-(log_a - 0.33 * math.log(0.1 / 1.1))))
    assert closed_form == pytest.approx(anchor, abs=1e-12)


@pytest.mark.parametrize("gate", [mean_gate, open_probability, "sample"])
def test_gradients_are_those_of_central_differences(gate):
    uniform = torch.rand(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    of = (lambda log_a: sample(log_a, uniform)) if gate == "sample" else gate
    log_a = torch.linspace(-4, 4, 40, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(of(log_a).sum(), log_a)
    step = 1e-6
    with torch.no_grad():
        expected = (of(log_a + step) - of(log_a - step)) / (2 * step)
    assert found.abs().max() > 0.1
    assert torch.allclose(found, expected, atol=1e-6)


def test_the_limits_are_exact():
    far = torch.tensor([-50.0, 50.0])
    assert mean_gate(far).tolist() == [0.0, 1.0]
    assert open_probability(far).tolist() == pytest.approx([0.0, 1.0], abs=1e-20)
    assert sample(far, torch.tensor([0.5, 0.5])).tolist() == [0.0, 1.0]


def test_the_threshold_is_where_a_gate_closes_and_saturates():
    near = double([THRESHOLD - 1e-6, THRESHOLD + 1e-6, -THRESHOLD - 1e-6, -THRESHOLD + 1e-6])
    gates = mean_gate(near)
    assert gates[0] == 0
    assert 0 < gates[1] < 1e-6
    assert 1 - 1e-6 < gates[2] < 1
    assert gates[3] == 1


def test_the_lowest_uniform_draw_gives_no_nan():
    log_a = torch.zeros(2, requires_grad=True)
    drawn = sample(log_a, torch.tensor([0.0, 1 - 2**-24]))
    drawn.sum().backward()
    assert drawn.tolist() == [0.0, 1.0]
    assert log_a.grad.isfinite().all()


@given(st.lists(LOCATIONS, min_size=2, max_size=6))
def test_a_higher_location_is_never_less_open(locations):
    log_a = double(sorted(locations))
    uniform = torch.full_like(log_a, 0.37)
    for gates in (sample(log_a, uniform), mean_gate(log_a), open_probability(log_a)):
        assert (gates.diff() >= 0).all()
