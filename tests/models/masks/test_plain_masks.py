"""Masks of other tools, read by one reader wherever a mask is asked for."""

import numpy as np
import pytest
from safetensors.numpy import save_file
from subprobe.data.errors import MaskError
from subprobe.models.masks.subnetwork import Subnetwork

HEADS = np.array([[1, 0, 1, 1], [0, 1, 1, 0]], dtype=np.int64)
MLPS = np.array([1, 0], dtype=np.float32)


def is_given(mask, heads, mlps, method):
    assert mask.head_mask.dtype == mask.mlp_mask.dtype == np.bool_
    assert np.array_equal(mask.head_mask, heads)
    assert np.array_equal(mask.mlp_mask, mlps)
    assert (mask.kind, mask.method, mask.fingerprint) == ("given", method, "")


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int8, np.bool_])
def test_arrays_and_tensors_give_the_same_mask(kind, tmp_path):
    np.save(tmp_path / "head_mask.npy", HEADS.astype(kind))
    np.save(tmp_path / "mlp_mask.npy", MLPS.astype(kind))
    arrays = {"head_mask": HEADS.astype(kind), "mlp_mask": MLPS.astype(kind)}
    save_file(arrays, tmp_path / "other.safetensors", {"format": "pt"})
    save_file(arrays, tmp_path / "bare.safetensors")
    for path in (tmp_path, tmp_path / "other.safetensors", tmp_path / "bare.safetensors"):
        is_given(Subnetwork.load(path), HEADS, MLPS, "structured")


def test_what_a_mask_leaves_out_is_kept(tmp_path):
    np.save(tmp_path / "anything.npy", HEADS)
    is_given(Subnetwork.load(tmp_path / "anything.npy"), HEADS, [1, 1], "structured-heads")
    save_file({"head_mask": HEADS}, tmp_path / "heads.safetensors")
    is_given(Subnetwork.load(tmp_path / "heads.safetensors"), HEADS, [1, 1], "structured-heads")
    np.save(tmp_path / "mlp_mask.npy", MLPS)
    for path in (tmp_path / "mlp_mask.npy", tmp_path):
        with pytest.raises(MaskError, match="number of heads is unknown"):
            Subnetwork.load(path)
        mask = Subnetwork.load(path, heads=4)
        is_given(mask, np.ones((2, 4)), MLPS, "structured-mlps")


def test_it_is_saved_as_one_of_ours(tmp_path):
    np.save(tmp_path / "head_mask.npy", HEADS)
    mask = Subnetwork.load(tmp_path)
    mask.save(tmp_path / "ours.safetensors")
    assert Subnetwork.load(tmp_path / "ours.safetensors") == mask


@pytest.mark.parametrize(
    ("heads", "mlps", "said"),
    [
        (HEADS * 0.5, MLPS, r"head_mask\.npy: contains 0\.5"),
        (HEADS * 2, MLPS, "contains 2"),
        (np.array([[1.0, np.nan]]), MLPS[:1], "contains nan"),
        (HEADS[0], MLPS, r"has shape \[4\], not \[L, H\]"),
        (HEADS, MLPS[None], r"has shape \[1, 2\], not \[L\]"),
        (HEADS[:, :0], MLPS, "has shape"),
        (HEADS, MLPS[:1], "different numbers of layers"),
        (HEADS.astype(str), MLPS, "which is not numeric"),
        (HEADS + 0j, MLPS, "which is not numeric"),
        (np.array([[1, None]], dtype=object), MLPS[:1], "pickled"),
    ],
)
def test_what_is_no_mask_is_refused_in_one_line(heads, mlps, said, tmp_path):
    np.save(tmp_path / "head_mask.npy", heads)
    np.save(tmp_path / "mlp_mask.npy", mlps)
    with pytest.raises(MaskError, match=said) as caught:
        Subnetwork.load(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"head_mask": HEADS * 3}, "contains 3"),
        ({"head_mask": HEADS[0]}, r"not \[L, H\]"),
        ({"head_mask": HEADS, "mlp_mask": MLPS[:1]}, "different numbers of layers"),
        ({"head_mask": HEADS, "classifier.weight": MLPS}, "contains classifier"),
        ({"mlp_mask": MLPS}, "number of heads is unknown"),
        ({}, "contains nothing"),
    ],
)
def test_tensors_that_are_no_mask_are_refused(tensors, said, tmp_path):
    path = tmp_path / "mask.safetensors"
    save_file(tensors, path)
    with pytest.raises(MaskError, match=said) as caught:
        Subnetwork.load(path)
    assert caught.value.where == str(path)


def test_folders_and_files_without_a_mask_are_named(tmp_path):
    for name, said in (
        ("", r"contains neither head_mask\.npy nor mlp_mask\.npy"),
        ("none.npy", "no such mask file"),
        ("none.safetensors", "no such mask file"),
    ):
        with pytest.raises(MaskError, match=said):
            Subnetwork.load(tmp_path / name)
