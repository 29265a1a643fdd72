"""Both forms of gates against plain formulas, and the anchors of the papers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.pruning.learned.blocks import block_of, block_sizes, expanded, gates_shape
from subprobe.pruning.learned.continuous import beta_at, hard_gate, soft_gate
from subprobe.pruning.learned.gate_forms import Continuous, HardConcrete, binary_share, form_of


def test_a_hard_concrete_gate_of_nine_tenths_starts_where_the_paper_puts_it():
    form = HardConcrete()
    start = form.location(0.9)
    # (.9 + .1) / 1.2 = .8333, whose logit is 1.6094
    assert start == pytest.approx(math.log((1 / 1.2) / (1 - 1 / 1.2)))
    assert start == pytest.approx(1.6094, abs=5e-5)
    at = torch.tensor([start])
    assert form.soft(at, 0).item() == pytest.approx(0.9)
    # sigmoid(1.6094 - 2/3 ln(.1 / 1.1)) = sigmoid(3.208)
    expected = 1 / (1 + math.exp(-(start - 2 / 3 * math.log(0.1 / 1.1))))
    assert form.openness(at, 0).item() == pytest.approx(expected, abs=1e-6)
    assert form.openness(at, 0).item() == pytest.approx(0.961, abs=5e-4)


def test_the_openness_is_the_share_of_draws_above_zero():
    form, at = HardConcrete(), torch.full((100_000,), -1.0)
    drawn = form.value(at, 0, torch.Generator().manual_seed(1))
    # the standard error is below .0016
    assert (drawn > 0).double().mean().item() == pytest.approx(
        form.openness(at[:1], 0).item(), abs=0.007
    )


@given(st.floats(-30, 30), st.floats(1, 200))
def test_a_continuous_gate_is_a_sigmoid_and_its_mask_a_sign(location, beta):
    at = torch.tensor([location], dtype=torch.float64)
    expected = 0.5 * (1 + math.tanh(beta * location / 2))
    assert soft_gate(at, beta).item() == pytest.approx(expected, abs=1e-12)
    assert hard_gate(at).item() is (location > 0)


def test_beta_is_multiplied_by_the_same_factor_after_each_epoch():
    betas = [beta_at(epoch, 4, 81.0) for epoch in range(5)]
    assert betas == pytest.approx([1, 3, 9, 27, 81])
    form = Continuous(4, 81.0)
    at = torch.tensor([0.1, -0.1, 0.0])
    assert form.soft(at, 2).tolist() == pytest.approx(torch.sigmoid(9 * at).tolist())
    assert form.opened(at).tolist() == [True, False, False]


@given(st.floats(0.01, 0.99))
def test_both_forms_start_at_the_value_that_is_asked_for(gate):
    for form in (HardConcrete(), Continuous(3)):
        at = torch.tensor([form.location(gate)], dtype=torch.float64)
        assert form.soft(at, 0).item() == pytest.approx(gate, abs=1e-9)


def test_binary_gates_are_those_within_a_hundredth_of_an_end():
    gates = {"heads": torch.tensor([0.0, 0.009, 0.011, 0.5]), "mlps": torch.tensor([0.989, 0.9901])}
    assert binary_share(gates) == pytest.approx(3 / 6)


def test_an_unknown_form_is_refused():
    with pytest.raises(UnknownNameError, match="hard-concrete"):
        form_of("soft-concrete", 1, 2.0, 1.0)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 11), st.integers(1, 11))
def test_each_entry_has_the_gate_of_its_block(rows, columns, high, wide):
    shape, block = (rows, columns), (high, wide)
    gates = torch.arange(float(np.prod(gates_shape(shape, block)))).reshape(
        gates_shape(shape, block)
    )
    found = expanded(gates, shape, block)
    expected = [[gates[i // high, j // wide].item() for j in range(columns)] for i in range(rows)]
    assert found.tolist() == expected
    counted = np.bincount(found.int().numpy().ravel(), minlength=gates.numel())
    assert np.array_equal(counted, block_sizes(shape, block).ravel())


@pytest.mark.parametrize("text", ["64", "0x4", "4x", "axb", "-1x4", "4x4x4", "1e3x2"])
def test_a_block_that_is_none_is_refused(text):
    with pytest.raises(ConfigError, match="ROWSxCOLUMNS"):
        block_of(text)
