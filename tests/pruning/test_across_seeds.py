"""Super, anti and middle against their definitions, and against the published masks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from subprobe.data.errors import MaskError, UnknownNameError
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.pruning.across_seeds import across_seeds


@st.composite
def seeds_of_masks(draw):
    layers, heads = draw(st.tuples(st.integers(1, 4), st.integers(1, 6)))
    count = draw(st.integers(2, 5))
    return [
        Subnetwork(
            draw(hnp.arrays(np.bool_, (layers, heads))),
            draw(hnp.arrays(np.bool_, layers)),
            task="t",
            seed_init=seed,
            fingerprint="f" * 64,
        )
        for seed in range(count)
    ]


@given(seeds_of_masks(), st.integers(0, 99))
def test_definitions(goods, seed):
    kinds = {kind: across_seeds(kind, goods, seed) for kind in ("super", "anti", "middle")}
    for name in ("head_mask", "mlp_mask"):
        masks = np.array([getattr(good, name) for good in goods])
        found = {kind: getattr(one, name) for kind, one in kinds.items()}
        np.testing.assert_array_equal(found["super"], masks.all(axis=0))
        # as many as super, as far as there are others
        outside = int((~masks.all(axis=0)).sum())
        size = min(int(masks.all(axis=0).sum()), outside)
        for kind, own in (
            ("anti", ~masks.any(axis=0)),
            ("middle", masks.any(axis=0) & ~masks.all(axis=0)),
        ):
            chosen = found[kind]
            assert chosen.sum() == size
            assert not (chosen & found["super"]).any()
            # others only where there are too few of its own
            borrowed = int((chosen & ~own).sum())
            assert borrowed == max(0, size - int(own.sum()))
            share = kinds[kind].borrowed_heads if name == "head_mask" else kinds[kind].borrowed_mlps
            assert share == pytest.approx(borrowed / size if size else 0)
        left = masks.sum(axis=0)
        anti = found["anti"]
        if anti.any() and (~anti & ~found["super"]).any():
            assert left[anti].max() <= left[~anti & ~found["super"]].min()
    for kind, one in kinds.items():
        assert (one.kind, one.task, one.fingerprint, one.history) == (kind, "t", "", ())
        assert across_seeds(kind, goods, seed).to_bytes() == one.to_bytes()


def test_draws_differ_where_there_is_a_choice():
    random = np.random.default_rng(0)
    goods = [Subnetwork(random.random((12, 12)) < 0.7, np.ones(12, bool)) for _ in range(3)]
    drawn = {across_seeds("middle", goods, 0, draw).head_mask.tobytes() for draw in range(10)}
    assert len(drawn) == 10


def some(**fields):
    return Subnetwork(np.ones((2, 3), bool), np.ones(2, bool), **fields)


@pytest.mark.parametrize(
    ("goods", "said"),
    [
        ([some()], "at least two"),
        ([some(task="a"), some(task="b")], "different tasks"),
        ([some(), some(method="l0")], "different methods"),
        ([some(), Subnetwork(np.ones((2, 4), bool), np.ones(2, bool))], "different shapes"),
        ([some(), some(weight_masks={"a": np.ones((1, 1), bool)})], "only masks of heads and MLPs"),
    ],
)
def test_masks_that_do_not_belong_together_are_refused(goods, said):
    with pytest.raises(MaskError, match=said):
        across_seeds("super", goods)


def test_an_unknown_kind_is_refused():
    with pytest.raises(UnknownNameError, match="across seeds"):
        across_seeds("good", [some(), some()])


def test_published_super_and_anti_masks(realdata):
    """Super equals the product of five good masks; anti is of its size and shares no unit."""
    root = realdata / "published-masks"
    compared = 0
    sizes = {"CoLA": (34, 9), "MRPC": (28, 4), "MNLI": (40, 4), "RTE": (11, 2)}
    for task, size in sizes.items():
        folders = sorted((root / "heads_mlps" / task).glob("seed_*"))
        goods = [
            Subnetwork(*(np.load(f / f"{m}_mask.npy").astype(bool) for m in ("head", "mlp")))
            for f in folders
        ]
        ours = across_seeds("super", goods)
        assert (ours.n_heads, ours.n_mlps) == size
        for theirs in (root / "heads_mlps_super" / task).glob("seed_*"):
            for name in ("head_mask", "mlp_mask"):
                published = np.load(theirs / f"{name}.npy").astype(bool)
                np.testing.assert_array_equal(getattr(ours, name), published)
            compared += 1
        anti = across_seeds("anti", goods, seed=1)
        # CoLA keeps 9 of 12 MLPs in every seed, so that anti cannot have more than 3
        left = len(ours.mlp_mask) - ours.n_mlps
        assert (anti.n_heads, anti.n_mlps) == (ours.n_heads, min(ours.n_mlps, left))
        assert not (anti.head_mask & ours.head_mask).any()
        assert not (anti.mlp_mask & ours.mlp_mask).any()
    assert compared
