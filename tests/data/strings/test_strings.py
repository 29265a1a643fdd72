"""Generated strings: pairs, nesting, crossing, frequencies and lengths."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.data.strings.kinds import KINDS
from subprobe.data.strings.strings import StringOptions, generate_strings, token_chances

kinds = st.sampled_from(["nested", "flat"])
sizes = st.integers(2, 40).flatmap(lambda low: st.tuples(st.just(low), st.integers(low, 60)))


def reduced(tokens):
    """What is left of a string if equal neighbours cancel: nothing of a well-nested one."""
    stack = []
    for token in tokens:
        if stack and stack[-1] == token:
            stack.pop()
        else:
            stack.append(token)
    return stack


def crossing(pairs):
    return sum(a < c < b < d for a, b in pairs for c, d in pairs)


@given(kinds, sizes, st.integers(0, 1000), st.integers(2, 30))
@settings(max_examples=15)
def test_every_parenthesis_is_closed_once_by_its_own_token(kind, lengths, seed, vocabulary):
    low, high = lengths
    options = StringOptions(vocabulary, low, max(high, 4), exponent=0.5)
    for one in generate_strings(kind, 5, options, seed=seed):
        assert sorted(place for pair in one.pairs for place in pair) == list(range(len(one.tokens)))
        assert all(begin < close for begin, close in one.pairs)
        assert all(one.tokens[begin] == one.tokens[close] for begin, close in one.pairs)
        assert low - low % 2 <= len(one.tokens) <= max(high, 4)
        assert all(0 <= token < vocabulary for token in one.tokens)
        if kind == "nested":
            assert crossing(one.pairs) == 0
            assert reduced(one.tokens) == []


def test_flat_parentheses_cross_and_have_the_distances_of_nested_ones():
    options = StringOptions(1000, 40, 40, exponent=0.0)
    nested, flat = (generate_strings(kind, 300, options, seed=1) for kind in ("nested", "flat"))
    assert np.mean([crossing(one.pairs) > 0 for one in flat]) > 0.85
    assert np.mean([len(reduced(one.tokens)) > 0 for one in flat]) > 0.85
    means = [np.mean([close - begin for one in kind for begin, close in one.pairs])
             for kind in (nested, flat)]  # fmt: skip
    assert means[1] == pytest.approx(means[0], rel=0.15)
    # a chance of .4 to open keeps most pairs near each other
    shares = Counter(close - begin for one in nested for begin, close in one.pairs)
    assert shares[1] / sum(shares.values()) > 0.5


def test_zipf_has_its_exponent_and_uniform_has_none():
    options = StringOptions(50, 60, 60, exponent=1.5)
    counts = {}
    for kind in ("zipf", "uniform"):
        tokens = [t for one in generate_strings(kind, 1500, options, seed=3) for t in one.tokens]
        counts[kind] = np.bincount(tokens, minlength=50)
        assert not any(one.pairs for one in generate_strings(kind, 3, options))
    ranks = np.log(np.arange(1, 51) + 2.7)
    slope = np.polyfit(ranks, np.log(counts["zipf"]), 1)[0]
    assert slope == pytest.approx(-1.5, abs=0.05)
    assert abs(np.polyfit(ranks, np.log(counts["uniform"]), 1)[0]) < 0.03
    assert token_chances(1.5, 50).sum() == pytest.approx(1)
    assert len(set(generate_strings("uniform", 1, StringOptions(4, 60, 60))[0].tokens)) == 4


def test_lengths_are_uniform_or_mostly_short():
    uniform = generate_strings("zipf", 2000, StringOptions(10, 10, 30))
    short = generate_strings("zipf", 2000, StringOptions(10, 10, 30, "geometric"))
    lengths = [np.array([len(one.tokens) for one in each]) for each in (uniform, short)]
    assert lengths[0].mean() == pytest.approx(20, abs=0.5)
    assert set(lengths[0]) == set(range(10, 31))
    assert 12 < lengths[1].mean() < 16
    assert lengths[1].min() == 10
    assert lengths[1].max() <= 30


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_strings_and_another_gives_others(kind):
    first, again, other = (generate_strings(kind, 20, seed=seed) for seed in (5, 5, 6))
    assert first == again != other
    assert generate_strings(kind, 10, seed=5) != generate_strings(
        next(one for one in KINDS if one != kind), 10, seed=5
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"vocabulary": 1}, "vocabulary must be >= 2, got 1"),
        ({"shortest": 9, "longest": 8}, "at most longest, got 9 and 8"),
        ({"shortest": 2, "longest": 3}, "longest must be >= 4, got 3"),
        ({"exponent": -1.0}, "exponent must be >= 0, got -1"),
        ({"exponent": float("nan")}, "exponent must be >= 0, got nan"),
    ],
)
def test_options_out_of_range_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        StringOptions(**options)


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match="kind of strings"):
        generate_strings("nestd", 3)
    with pytest.raises(UnknownNameError, match="distribution of lengths"):
        StringOptions(lengths="normal")  # type: ignore[arg-type]
