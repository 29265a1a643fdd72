"""Controls have exactly the good mask's size, are honest about borrowing, and can be redrawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from subprobe.data.errors import UnknownNameError
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.pruning.controls import CONTROLS, bad_of, random_like, sample_control


@st.composite
def goods(draw):
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 12)))
    return Subnetwork(
        draw(hnp.arrays(np.bool_, shape)),
        draw(hnp.arrays(np.bool_, shape[0])),
        draw(st.none() | hnp.arrays(np.bool_, (shape[0], 4))),
        draw(
            st.dictionaries(
                st.sampled_from(["a", "b"]),
                hnp.arrays(np.bool_, st.tuples(st.integers(1, 4), st.integers(1, 4))),
            )
        ),
        task="cola",
        seed_init=3,
        fingerprint="f" * 64,
        history=({"step": 0},),
    )


def good_of(heads, mlps, layers=6, width=12, seed=0):
    """A random mask with exactly so many heads and MLPs."""
    random = np.random.default_rng(seed)
    head = random.permutation(layers * width) < heads
    return Subnetwork(head.reshape(layers, width), random.permutation(layers) < mlps)


seeds = st.integers(0, 2**32 - 1)
draws = st.integers(0, 1000)


@given(goods(), seeds, draws, st.sampled_from(sorted(CONTROLS)))
def test_sizes_are_exact_and_the_seed_gives_the_bytes(good, seed, draw, kind):
    control = sample_control(kind, good, seed=seed, draw=draw)
    assert (control.n_heads, control.n_mlps) == (good.n_heads, good.n_mlps)
    assert control.head_mask.shape == good.head_mask.shape
    assert control.counts() == good.counts()
    shapes = {path: mask.shape for path, mask in good.weight_masks.items()}
    assert {path: mask.shape for path, mask in control.weight_masks.items()} == shapes
    again = sample_control(kind, good, seed=seed, draw=draw)
    assert again.to_bytes() == control.to_bytes()


@given(goods(), seeds, draws, st.sampled_from(sorted(CONTROLS)))
def test_a_control_knows_where_it_came_from(good, seed, draw, kind):
    control = CONTROLS[kind](good, seed=seed, draw=draw)
    assert (control.kind, control.seed_draw, control.draw) == (kind, seed, draw)
    assert control.history == ()
    for name in ("task", "method", "model", "seed_init", "seed_order", "fingerprint"):
        assert getattr(control, name) == getattr(good, name)


@given(goods(), seeds, draws)
def test_bad_is_the_complement_as_far_as_it_goes(good, seed, draw):
    bad = bad_of(good, seed, draw)
    sides = (
        (good.head_mask, bad.head_mask, bad.borrowed_heads),
        (good.mlp_mask, bad.mlp_mask, bad.borrowed_mlps),
    )
    for kept, chosen, share in sides:
        survivors = {int(i) for i in np.flatnonzero(kept)}
        removed = set(range(kept.size)) - survivors
        members = {int(i) for i in np.flatnonzero(chosen)}
        borrowed = members & survivors
        # borrowing starts only where everything that was removed is in
        assert not borrowed or removed <= members
        assert len(borrowed) == max(0, len(survivors) - len(removed))
        assert share == pytest.approx(len(borrowed) / len(members) if members else 0)


@pytest.mark.parametrize(
    ("heads", "mlps", "share_heads", "share_mlps"),
    [
        (72, 6, 1.0, 1.0),
        (54, 4, 36 / 54, 2 / 4),
        (36, 3, 0.0, 0.0),
        (5, 1, 0.0, 0.0),
        (0, 0, 0.0, 0.0),
        (0, 6, 0.0, 1.0),
    ],
)
def test_the_share_of_borrowed_survivors(heads, mlps, share_heads, share_mlps):
    good = good_of(heads, mlps)
    bad = bad_of(good, seed=1)
    assert (bad.n_heads, bad.n_mlps) == (heads, mlps)
    assert bad.borrowed_heads == pytest.approx(share_heads)
    assert bad.borrowed_mlps == pytest.approx(share_mlps)
    assert random_like(good, seed=1).borrowed_heads == 0


@pytest.mark.parametrize("kind", sorted(CONTROLS))
@pytest.mark.parametrize(("heads", "mlps"), [(54, 4), (20, 2)])
def test_draws_and_seeds_differ(kind, heads, mlps):
    good = good_of(heads, mlps)
    drawn = [sample_control(kind, good, seed=s, draw=d) for s in range(4) for d in range(5)]
    assert len({control.head_mask.tobytes() for control in drawn}) == 20


def test_random_draws_are_uniform_over_units():
    """Each head and MLP of 2,000 draws is kept as often as chance says, within 5 deviations."""
    good = good_of(20, 2)
    drawn = [random_like(good, seed=0, draw=draw) for draw in range(2000)]
    for name, share in (("head_mask", 20 / 72), ("mlp_mask", 2 / 6)):
        kept = np.sum([getattr(control, name) for control in drawn], axis=0)
        deviation = np.sqrt(2000 * share * (1 - share))
        assert np.abs(kept - 2000 * share).max() < 5 * deviation


def test_what_bad_masks_sample_is_uniform():
    few, many = good_of(20, 2), good_of(54, 4)
    for good, pool in ((few, ~few.head_mask), (many, many.head_mask)):
        kept = np.sum([bad_of(good, 0, draw).head_mask for draw in range(2000)], axis=0)[pool]
        share = (good.n_heads - (0 if good is few else 18)) / pool.sum()
        deviation = np.sqrt(2000 * share * (1 - share))
        assert np.abs(kept - 2000 * share).max() < 5 * deviation


def test_random_and_bad_draws_of_one_seed_are_independent():
    """With half of everything removed, the same stream would pick the same places in both."""
    good = good_of(36, 3)
    overlaps = [
        int((random_like(good, 0, d).head_mask & bad_of(good_of(20, 2), 0, d).head_mask).sum())
        for d in range(200)
    ]
    assert abs(np.mean(overlaps) - 36 * 20 / 72) < 5 * np.std(overlaps) / np.sqrt(200)


def test_an_unknown_kind_is_refused():
    with pytest.raises(UnknownNameError, match=r"control kind 'worst'.*bad, random"):
        sample_control("worst", good_of(10, 2), seed=0)
