"""Blocks are the paper's, and orders are the same for every model."""

import numpy as np
import pytest
from subprobe.data.errors import InputError
from subprobe.probes.description_length.blocks import FRACTIONS, block_ends, shuffled


def test_blocks_end_where_the_paper_has_them():
    assert block_ends(10_000) == [10, 20, 40, 80, 160, 320, 625, 1250, 2500, 5000, 10_000]
    assert block_ends(2000) == [2, 4, 8, 16, 32, 64, 125, 250, 500, 1000, 2000]
    assert len(FRACTIONS) == 11


@pytest.mark.parametrize("texts", [2, 3, 7, 50, 240, 999])
def test_blocks_without_a_text_are_one_with_the_next(texts):
    ends = block_ends(texts)
    assert ends[0] >= 1
    assert ends[-1] == texts
    assert (np.diff(ends) > 0).all()
    assert 2 <= len(ends) <= 11


def test_few_texts_have_the_blocks_that_remain():
    assert block_ends(240) == [1, 2, 4, 8, 15, 30, 60, 120, 240]
    assert block_ends(2) == [1, 2]


@pytest.mark.parametrize("texts", [0, 1])
def test_one_text_is_no_code(texts):
    with pytest.raises(
        InputError, match=f"an online code needs at least 2 labelled sentences.*got {texts}"
    ):
        block_ends(texts)


def test_orders_are_of_seed_and_number():
    texts = np.arange(3, 60, 2)
    orders = [shuffled(texts, seed, number) for seed in (0, 1) for number in (0, 1, 2)]
    assert all(sorted(order) == sorted(texts) for order in orders)
    assert len({tuple(order) for order in orders}) == 6
    np.testing.assert_array_equal(shuffled(texts, 1, 2), orders[-1])
