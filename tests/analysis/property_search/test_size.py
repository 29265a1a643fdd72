"""Sizes in bits against whole numbers, and the parameters of the probe that is fitted."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.property_search.readouts import Probes
from subprobe.analysis.property_search.size import choice_bits, mask_bits, probe_bits
from subprobe.models.masks.subnetwork import Subnetwork


@given(st.integers(0, 400), st.data())
def test_bits_are_the_logarithm_of_the_number_of_masks(n, data):
    k = data.draw(st.integers(0, n))
    assert choice_bits(n, k) == pytest.approx(math.log2(math.comb(n, k)), abs=1e-9)


def test_bits_of_many_weights():
    # Stirling: n times the binary entropy, less half the logarithm of 2 pi n p (1 - p)
    n, p = 10_616_832, 0.25
    entropy = -p * math.log2(p) - (1 - p) * math.log2(1 - p)
    expected = n * entropy - 0.5 * math.log2(2 * math.pi * n * p * (1 - p))
    assert choice_bits(n, n // 4) == pytest.approx(expected, abs=0.01)
    with pytest.raises(ValueError, match="5 of 4 units"):
        choice_bits(4, 5)


def test_levels_that_were_chosen_from_add_up():
    heads = np.arange(8).reshape(2, 4) < 3
    neurons = np.arange(20).reshape(2, 10) < 6
    mask = Subnetwork(heads, np.ones(2, dtype=bool), neurons)
    bits = math.log2(math.comb(8, 3)) + math.log2(math.comb(20, 6))
    assert mask_bits(mask, ("heads", "neurons")) == pytest.approx(bits)
    assert mask_bits(mask, ("heads",)) == pytest.approx(math.log2(56))


@pytest.mark.parametrize("rank", [0, 1, 5])
def test_bits_of_a_probe_are_those_of_its_weights_beyond_the_linear_read_out(rank):
    probes = Probes(16, 3, [rank, 0], 0, torch.device("cpu"))
    counts = [sum(one.numel() for one in each) for each in probes.parameters()]
    assert probe_bits(16, rank) == 32 * (counts[0] - counts[1])
