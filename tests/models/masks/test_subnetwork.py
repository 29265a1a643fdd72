"""The mask: immutable, the same bytes for the same content, and nothing invalid gets in."""

import json
import struct

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file
from subprobe.data.errors import MaskError, UnknownNameError
from subprobe.data.files.atomic import canonical_json
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from tiers import scaled
from tiny import FAMILIES, tiny_model

shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))
meta = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["full", "good", "random", "bad"]),
        "task": st.text(max_size=8),
        "model": st.text(max_size=8),
        "seed_init": st.integers(0, 2**32 - 1),
        "draw": st.integers(0, 99),
        "borrowed_heads": st.floats(0, 1),
        "fingerprint": st.text("0123456789abcdef", max_size=64),
        "history": st.lists(
            st.fixed_dictionaries(
                {"phase": st.text(max_size=5), "metric": st.none() | st.floats(-1, 1)}
            ),
            max_size=3,
        ).map(tuple),
    }
)


@st.composite
def subnetworks(draw):
    shape = draw(shapes)
    heads = draw(hnp.arrays(np.bool_, shape))
    neurons = draw(st.none() | hnp.arrays(np.bool_, (shape[0], 5)))
    weights = draw(
        st.dictionaries(
            st.sampled_from(["layer.0.dense", "layer.1.dense", "pooler"]),
            hnp.arrays(np.bool_, st.tuples(st.integers(1, 5), st.integers(1, 5))),
        )
    )
    return Subnetwork(heads, draw(hnp.arrays(np.bool_, shape[0])), neurons, weights, **draw(meta))


def some(**fields):
    heads = np.array([[True, False, True], [False, False, False]])
    return Subnetwork(heads, np.array([False, True]), **fields)


@given(subnetworks())
def test_a_file_gives_the_same_mask_and_the_same_bytes(tmp_path_factory, mask):
    folder = tmp_path_factory.mktemp("masks")
    mask.save(folder / "a.safetensors")
    loaded = Subnetwork.load(folder / "a.safetensors")
    np.testing.assert_array_equal(loaded.head_mask, mask.head_mask)
    np.testing.assert_array_equal(loaded.mlp_mask, mask.mlp_mask)
    np.testing.assert_equal(loaded.neuron_mask, mask.neuron_mask)
    np.testing.assert_equal(dict(loaded.weight_masks), dict(mask.weight_masks))
    assert loaded.metadata() == mask.metadata()
    assert loaded == mask
    assert hash(loaded) == hash(mask)
    loaded.save(folder / "b.safetensors")
    written = [(folder / f"{name}.safetensors").read_bytes() for name in "ab"]
    assert written[0] == written[1] == mask.to_bytes()


@given(subnetworks())
def test_counts_and_sparsity(mask):
    layers, heads = mask.head_mask.shape
    alive = sum(bool(bit) for row in mask.head_mask for bit in row)
    mlps = sum(bool(bit) for bit in mask.mlp_mask)
    assert (mask.n_heads, mask.n_mlps) == (alive, mlps)
    assert mask.sparsity("heads") == pytest.approx(1 - alive / (layers * heads))
    assert mask.sparsity("mlps") == pytest.approx(1 - mlps / layers)
    assert mask.sparsity("units") == pytest.approx(1 - (alive + mlps) / (layers * heads + layers))
    if mask.neuron_mask is not None:
        assert mask.sparsity("neurons") == pytest.approx(1 - mask.neuron_mask.mean())
    bits = [bit for one in mask.weight_masks.values() for row in one for bit in row]
    if bits:
        assert mask.sparsity("weights") == pytest.approx(1 - sum(bits) / len(bits))
        assert mask.empty is (not any(bits))
    else:
        with pytest.raises(UnknownNameError, match="denominator"):
            mask.sparsity("weights")


@given(subnetworks())
def test_a_description_is_plain_json(mask):
    described = json.loads(json.dumps(mask.describe(), allow_nan=False))
    assert described["mask_id"] == mask.mask_id
    assert described["head_mask"] == mask.head_mask.astype(int).tolist()
    assert described["n_heads"] == mask.n_heads


@given(subnetworks(), st.data())
def test_the_id_is_of_the_masks_and_the_weights_alone(mask, data):
    renamed = mask.with_meta(kind="random", draw=mask.draw + 1, history=())
    assert renamed.mask_id == mask.mask_id
    assert renamed != mask
    assert mask.with_meta(fingerprint="other").mask_id != mask.mask_id
    flipped = mask.head_mask.copy()
    place = data.draw(st.integers(0, flipped.size - 1))
    flipped.ravel()[place] ^= True
    assert mask.with_meta(head_mask=flipped).mask_id != mask.mask_id
    for path, weights in mask.weight_masks.items():
        changed = {**mask.weight_masks, path: ~weights}
        assert mask.with_meta(weight_masks=changed).mask_id != mask.mask_id


def test_ids_tell_shapes_apart():
    ids = {
        Subnetwork(np.ones(shape, dtype=bool), np.ones(shape[0], dtype=bool)).mask_id
        for shape in ((2, 6), (3, 4), (4, 3), (6, 2))
    }
    assert len(ids) == 4


def test_a_mask_cannot_be_changed():
    given_heads = np.ones((2, 3), dtype=bool)
    mask = Subnetwork(given_heads, np.ones(2, dtype=bool))
    given_heads[0, 0] = False
    assert mask.n_heads == 6
    with pytest.raises(ValueError, match="read-only"):
        mask.head_mask[0, 0] = False
    with pytest.raises(AttributeError):
        mask.kind = "bad"  # type: ignore[misc]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "ugly"},
        {"method": "guessing"},
        {"seed_init": "1"},
        {"seed_init": True},
        {"draw": 1.0},
        {"draw": -1},
        {"seed_init": 2**32},
        {"borrowed_heads": 1.5},
        {"borrowed_mlps": float("nan")},
        {"history": ({"metric": float("inf")},)},
        {"head_mask": np.ones((2, 3))},
        {"head_mask": np.ones(2, dtype=bool)},
        {"mlp_mask": np.ones(3, dtype=bool)},
        {"mlp_mask": np.ones((2, 1), dtype=bool)},
    ],
)
def test_an_invalid_mask_cannot_be_made(fields):
    with pytest.raises(MaskError):
        some().with_meta(**fields)


def write(path, arrays=None, meta=None, key="subprobe"):
    mask = some()
    arrays = {"head_mask": mask.head_mask, "mlp_mask": mask.mlp_mask} if arrays is None else arrays
    text = canonical_json({**mask.metadata(), "weight_shapes": {}, **(meta or {})})
    save_file({name: np.array(array) for name, array in arrays.items()}, path, {key: text})


HEADS, MLPS = some().head_mask, some().mlp_mask
WEIGHTS = {
    "head_mask": HEADS,
    "mlp_mask": MLPS,
    "weight_masks.a": np.array([255], dtype=np.uint8),
}


@pytest.mark.parametrize(
    ("arrays", "meta", "said"),
    [
        ({"head_mask": HEADS}, {}, "contains the tensors"),
        ({"head_mask": HEADS, "mlp_mask": MLPS, "surprise": HEADS}, {}, "surprise"),
        (
            {"head_mask": HEADS, "mlp_mask": MLPS, "neuron_mask": HEADS[:1]},
            {},
            "but the neuron mask has 1",
        ),
        (WEIGHTS, {}, "contains the tensors"),
        (WEIGHTS, {"weight_shapes": {"a": [3, 4]}}, "1 bytes"),
        (WEIGHTS, {"weight_shapes": {"a": [2, 2]}}, "non-zero padding bits"),
        (WEIGHTS, {"weight_shapes": {"a": [-1]}}, "shape of a"),
        (WEIGHTS, {"weight_shapes": []}, "weight_shapes"),
        ({"head_mask": HEADS.astype(np.float32), "mlp_mask": MLPS}, {}, "float32"),
        ({"head_mask": HEADS.astype(np.uint8), "mlp_mask": MLPS}, {}, "uint8"),
        ({"head_mask": HEADS[0], "mlp_mask": MLPS}, {}, "1 dimensions"),
        ({"head_mask": HEADS, "mlp_mask": np.ones(5, dtype=bool)}, {}, "5"),
        (None, {"format_version": 1}, "format version 1, this subprobe reads 3"),
        (None, {"semantics_version": 0}, "semantics version 0"),
        (None, {"kind": "ugly"}, "'ugly'"),
        (None, {"seed_init": "one"}, "seed_init"),
        (None, {"borrowed_mlps": float("nan")}, "borrowed_mlps"),
        (None, {"history": {}}, "history"),
        (None, {"history": [1]}, "history"),
        (None, {"history": [{"metric": float("nan")}]}, "contains NaN or infinity"),
        (None, {"surprise": 1}, "surprise"),
    ],
)
def test_a_file_with_other_content_is_refused_by_name(tmp_path, arrays, meta, said):
    path = tmp_path / "odd.safetensors"
    write(path, arrays, meta)
    with pytest.raises(MaskError, match=said) as caught:
        Subnetwork.load(path)
    assert caught.value.where == str(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_masks_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file({"classifier.weight": np.ones((2, 3), dtype=np.float32)}, path)
    with pytest.raises(MaskError, match=r"not a mask: it contains classifier\.weight"):
        Subnetwork.load(path)
    write(path, key="other")
    assert Subnetwork.load(path).kind == "given"
    save_file({"head_mask": HEADS, "mlp_mask": MLPS}, path, {"subprobe": "[1]"})
    with pytest.raises(MaskError, match="not a JSON object"):
        Subnetwork.load(path)
    save_file({"head_mask": HEADS, "mlp_mask": MLPS}, path, {"subprobe": "{"})
    with pytest.raises(MaskError, match="not valid JSON"):
        Subnetwork.load(path)
    path.write_text("kind: good")
    with pytest.raises(MaskError, match="is not a valid safetensors file"):
        Subnetwork.load(path)
    with pytest.raises(MaskError, match="no such mask file"):
        Subnetwork.load(tmp_path / "nowhere.safetensors")
    with pytest.raises(MaskError, match="contains neither head_mask"):
        Subnetwork.load(tmp_path)


def test_bytes_that_are_no_booleans_are_refused(tmp_path):
    path = tmp_path / "two.safetensors"
    content = bytearray(some().to_bytes())
    content[-1] = 2
    path.write_bytes(content)
    with pytest.raises(MaskError, match="other than 0 and 1"):
        Subnetwork.load(path)


@settings(max_examples=scaled(200))
@given(place=st.integers(0, 10_000), value=st.integers(0, 255), missing=st.integers(0, 20))
@example(place=0, value=255, missing=0)
@example(place=-1, value=2, missing=0)
@example(place=-1, value=0, missing=0)
@example(place=-8, value=1, missing=0)
@example(place=0, value=0, missing=1)
def test_a_damaged_file_is_refused_or_read_as_it_is(tmp_path_factory, place, value, missing):
    """Its last bytes are the units; what is read has just these, whatever else was changed."""
    sound = some(history=({"step": 0, "metric": 0.5},)).to_bytes()
    content = bytearray(sound)
    content[place % len(content)] = value
    path = tmp_path_factory.mktemp("masks") / "damaged.safetensors"
    path.write_bytes(content[: len(content) - missing])
    try:
        loaded = Subnetwork.load(path)
    except MaskError:
        assert missing or content != sound
        return
    assert not missing
    units = np.concatenate([loaded.head_mask.ravel(), loaded.mlp_mask])
    assert units.tobytes() == content[-units.size :]
    assert set(units.tobytes()) <= {0, 1}
    assert (loaded.head_mask.shape, loaded.mlp_mask.shape) == ((2, 3), (2,))


def test_a_huge_header_is_refused_without_reading_on(tmp_path):
    path = tmp_path / "huge.safetensors"
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(MaskError):
        Subnetwork.load(path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "good.safetensors"
    some().save(path)
    before = path.read_bytes()

    def fail(_self):
        raise OSError("disk full")

    monkeypatch.setattr(Subnetwork, "to_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        some(kind="bad").save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_full_mask_fits_its_model(family):
    model = tiny_model(family, "classification", layers=3, heads=2)
    fingerprint = weights_fingerprint(model)
    mask = full_subnetwork(anatomy_of(model), task="cola", fingerprint=fingerprint)
    assert (mask.kind, mask.method, mask.task) == ("full", "full", "cola")
    assert (mask.n_heads, mask.n_mlps, mask.sparsity()) == (6, 3, 0)
    mask.check_fits(anatomy_of(model), fingerprint)


def test_a_model_of_another_shape_is_refused_with_both_shapes():
    mask = full_subnetwork(anatomy_of(tiny_model("bert", layers=3, heads=4)))
    other = anatomy_of(tiny_model("distilbert", layers=2, heads=4))
    expected = r"mask.safetensors: .*\[3, 4\].*distilbert.*\[2, 4\]"
    with pytest.raises(MaskError, match=expected):
        mask.check_fits(other, allow_other_weights=True, where="mask.safetensors")


def test_other_weights_of_the_same_shape_are_refused_unless_allowed():
    one, two = (tiny_model("bert", seed=seed) for seed in (0, 1))
    anatomy = anatomy_of(one)
    mask = full_subnetwork(anatomy, fingerprint=weights_fingerprint(one))
    mask.check_fits(anatomy)
    mask.check_fits(anatomy, weights_fingerprint(one))
    mask.check_fits(anatomy, weights_fingerprint(two), allow_other_weights=True)
    with pytest.raises(MaskError, match="other weights"):
        mask.check_fits(anatomy, weights_fingerprint(two))
    # a mask written by hand belongs to no weights
    mask.with_meta(fingerprint="").check_fits(anatomy, weights_fingerprint(two))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_fingerprint_is_of_the_encoder_alone(family):
    model = tiny_model(family, "classification", seed=3)
    before = weights_fingerprint(model)
    assert before == weights_fingerprint(tiny_model(family, "classification", seed=3))
    assert before == weights_fingerprint(model.base_model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith(model.base_model_prefix + "."):
                parameter.add_(1)
    assert weights_fingerprint(model) == before


def test_a_pooler_does_not_enter_the_fingerprint(tmp_path):
    """RoBERTa's classifier has none; its encoder loaded alone gets a random one."""
    classifier = tiny_model("roberta", "classification")
    classifier.save_pretrained(tmp_path)
    alone = type(tiny_model("roberta")).from_pretrained(tmp_path)
    assert alone.pooler is not None
    assert weights_fingerprint(alone) == weights_fingerprint(classifier)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_fingerprint_sees_every_encoder_weight(family):
    model = tiny_model(family, "classification")
    seen = {weights_fingerprint(model)}
    encoder = [
        parameter
        for name, parameter in model.base_model.named_parameters()
        if not name.startswith("pooler.")
    ]
    for parameter in encoder:
        with torch.no_grad():
            parameter.view(-1)[-1] += 1
        seen.add(weights_fingerprint(model))
    assert len(seen) == len(encoder) + 1


def test_the_fingerprint_sees_the_number_type():
    model = tiny_model("bert")
    assert len({weights_fingerprint(model.to(t)) for t in (torch.float32, torch.bfloat16)}) == 2
