"""Constants in the place of pruned units: the gates, the mask files and the set operations."""

import json
import struct

import numpy as np
import pytest
import torch
from subprobe.data.encoding.collate import Batch
from subprobe.data.errors import MaskError
from subprobe.data.files.atomic import canonical_json
from subprobe.models.ablation.constants import mean_constants
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.replacement import FixedOutputs, replacement_of, replacing
from subprobe.models.masks.subnetwork import ABLATIONS, Subnetwork, full_subnetwork
from subprobe.pruning.controls import bad_of, random_like
from tiers import mostly_slow
from tiny import FAMILIES, tiny_model

L, H, D = 2, 4, 8
TOLERANCE = 1e-5
EFFECT = 100 * TOLERANCE


def model_of(family):
    return tiny_model(family, "classification", layers=L, heads=H, hidden=H * D)


def batch_of(model, lengths, seed=1):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 500, (len(lengths), max(lengths)), generator=generator)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
        ids[row, length:] = model.config.pad_token_id
    return Batch(ids, mask, None, None, tuple(range(len(lengths))))


def logits(model, batch):
    with torch.inference_mode():
        return model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits


def some_mask(model, constants=None, *, seed=0, share=0.5, ablation="mean", neurons=True):
    generator = np.random.default_rng(seed)
    anatomy = anatomy_of(model)
    L, H, F = anatomy.num_layers, anatomy.num_heads, anatomy.num_neurons
    return Subnetwork(
        generator.random((L, H)) < share,
        generator.random(L) < share,
        generator.random((L, F)) < share if neurons else None,
        ablation=ablation if constants else "zero",
        constants=constants or {},
    )


@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ("bert", "modernbert")))
def test_every_ablation_of_the_full_mask_is_the_model(family):
    model = model_of(family)
    batch = batch_of(model, [9, 6])
    plain, anatomy = logits(model, batch), anatomy_of(model)
    for by_position in (False, True):
        constants = mean_constants(model, [batch], by_position)
        mask = full_subnetwork(
            anatomy,
            ablation="mean-by-position" if by_position else "mean",
            constants=constants,
            neuron_mask=np.ones((L, anatomy.num_neurons), dtype=bool),
        )
        with gated(model, mask):
            assert torch.equal(logits(model, batch), plain)
        # gates of 1 are attached, and still change no bit
        ones = (torch.ones(L, H), torch.ones(L), torch.ones(L, anatomy.num_neurons))
        with replacing(model, mask), Gates(model, *ones):
            assert torch.equal(logits(model, batch), plain)
        with replacing(model, mask), Gates(model, *ones), torch.enable_grad():
            found = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
            assert torch.equal(found.logits, plain)


@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ("bert", "albert", "modernbert")))
def test_means_of_constant_activations_change_nothing(family):
    model = model_of(family)
    # the only token of the only text: each activation is its own mean
    one = batch_of(model, [1])
    mask = some_mask(model, mean_constants(model, [one]))
    plain = logits(model, one)
    with gated(model, mask):
        assert torch.allclose(logits(model, one), plain, atol=TOLERANCE)
    # one text: at each position there is one activation
    text = batch_of(model, [7])
    mask = some_mask(model, mean_constants(model, [text], True), ablation="mean-by-position")
    plain = logits(model, text)
    with gated(model, mask):
        assert torch.allclose(logits(model, text), plain, atol=TOLERANCE)
    zeros = some_mask(model)
    with gated(model, zeros):
        assert (logits(model, text) - plain).abs().max() > EFFECT


@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ("bert", "modernbert")))
def test_means_are_those_of_single_texts_without_padding(family):
    model, lengths = model_of(family), [9, 6, 4]
    anatomy = anatomy_of(model)
    batch = batch_of(model, lengths)
    found = mean_constants(model, [batch])
    by_position = mean_constants(model, [batch], True)
    seen = [[] for _ in range(L)]

    def watch(layer):
        return lambda _module, args: seen[layer].append(args[0][0].numpy().copy())

    if anatomy.shared:
        return  # the layers have one module, whose calls follow one another
    hooks = [
        anatomy.mlp_output(model, layer).register_forward_pre_hook(watch(layer))
        for layer in range(L)
    ]
    for row, length in enumerate(lengths):
        ids = batch.input_ids[row : row + 1, :length]
        logits(model, Batch(ids, torch.ones_like(ids), None, None, (row,)))
    for hook in hooks:
        hook.remove()
    for layer in range(L):
        tokens = np.concatenate(seen[layer])
        assert len(tokens) == sum(lengths)
        assert np.allclose(found["neuron"][layer], tokens.mean(0), atol=TOLERANCE)
        for place in range(max(lengths)):
            here = np.mean([text[place] for text in seen[layer] if len(text) > place], axis=0)
            assert np.allclose(by_position["neuron"][place, layer], here, atol=TOLERANCE)
    assert by_position["head"].shape == (10, L, H, D)
    assert np.array_equal(by_position["mlp"][-1], found["mlp"])


def test_gradients_run_along_the_line_from_the_constant():
    model = model_of("bert").double()
    batch = batch_of(model, [6, 4])
    generator = torch.Generator().manual_seed(3)
    constants = {
        "head": torch.randn(L, H, D, generator=generator).double(),
        "mlp": torch.randn(L, H * D, generator=generator).double(),
        "neuron": torch.randn(L, anatomy_of(model).num_neurons, generator=generator).double(),
    }
    gates = [
        torch.rand(shape, generator=generator).double().requires_grad_()
        for shape in ((L, H), (L,), (L, anatomy_of(model).num_neurons))
    ]

    def loss():
        with Gates(model, *gates, instead=FixedOutputs(constants)):
            out = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
        return out.logits.square().sum()

    found = torch.autograd.grad(loss(), gates)
    for gate, gradient in zip(gates, found, strict=True):
        step, flat = 1e-5, gate.detach().view(-1)
        for unit in range(0, flat.numel(), max(1, flat.numel() // 4)):
            before = float(flat[unit])
            flat[unit] = before + step
            up = loss().item()
            flat[unit] = before - step
            down = loss().item()
            flat[unit] = before
            assert float(gradient.view(-1)[unit]) == pytest.approx((up - down) / 2 / step, rel=1e-4)


def test_gates_in_and_out_of_place_agree_and_a_later_position_gets_the_last_row():
    model = model_of("bert")
    short, long = batch_of(model, [4]), batch_of(model, [9])
    mask = some_mask(model, mean_constants(model, [short], True), ablation="mean-by-position")
    with gated(model, mask):
        in_place = logits(model, long)
        recorded = model(input_ids=long.input_ids, attention_mask=long.attention_mask).logits
    assert torch.allclose(in_place, recorded.detach(), atol=1e-6)
    padded = {
        name: np.concatenate([array, np.repeat(array[-1:], 9, axis=0)])
        for name, array in mask.constants.items()
    }
    with gated(model, mask.with_meta(constants=padded)):
        assert torch.equal(logits(model, long), in_place)


def test_further_gates_inside_the_context_replace_in_the_same_way():
    model = model_of("bert")
    batch = batch_of(model, [6, 5])
    constants = mean_constants(model, [batch_of(model, [9, 8], seed=5)])
    mask = some_mask(model, constants, neurons=False)
    head = torch.tensor(mask.head_mask)
    layer, unit = np.argwhere(mask.head_mask)[0]
    head[layer, unit] = False
    both = mask.with_meta(head_mask=head.numpy())
    with gated(model, both):
        whole = logits(model, batch)
    one_more = torch.ones(L, H)
    one_more[layer, unit] = 0
    with gated(model, mask), Gates(model, one_more):
        assert torch.allclose(logits(model, batch), whole, atol=TOLERANCE)
    with gated(model, mask.with_meta(ablation="zero", constants={})), Gates(model, one_more):
        assert (logits(model, batch) - whole).abs().max() > EFFECT
    # outside of every context, gates replace by zero again
    with Gates(model, torch.tensor(both.head_mask), torch.tensor(both.mlp_mask)):
        zeroed = logits(model, batch)
    with gated(model, both.with_meta(ablation="zero", constants={})):
        assert torch.equal(logits(model, batch), zeroed)


def test_a_mask_file_holds_the_ablation_and_its_constants(tmp_path):
    model = model_of("bert")
    mask = some_mask(model, mean_constants(model, [batch_of(model, [5])]))
    mask = mask.with_meta(constants_of="ab" * 32)
    mask.save(tmp_path / "mask.safetensors")
    again = Subnetwork.load(tmp_path / "mask.safetensors")
    assert again == mask
    assert again.to_bytes() == mask.to_bytes()
    assert again.mask_id == mask.mask_id
    assert (again.ablation, again.constants_of) == ("mean", "ab" * 32)
    assert all(
        np.array_equal(again.constants[name], mask.constants[name]) for name in again.constants
    )
    zero = mask.with_meta(ablation="zero", constants={})
    other = {**mask.constants, "mlp": mask.constants["mlp"] + 1}
    assert len({mask.mask_id, zero.mask_id, mask.with_meta(constants=other).mask_id}) == 3
    with pytest.raises(ValueError, match="read-only"):
        again.constants["head"][0, 0, 0] = 1
    assert json.loads(json.dumps(mask.describe()))["ablation"] == "mean"


def test_a_file_of_version_2_is_read_as_zero(tmp_path):
    model = model_of("bert")
    mask = some_mask(model, neurons=False)
    mask.save(tmp_path / "new.safetensors")
    content = (tmp_path / "new.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    meta = json.loads(header["__metadata__"]["subprobe"])
    del meta["ablation"], meta["constants_of"]
    meta["format_version"] = 2
    header["__metadata__"]["subprobe"] = canonical_json(meta)
    text = json.dumps(header).encode()
    old = tmp_path / "old.safetensors"
    old.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])
    assert Subnetwork.load(old) == mask
    assert Subnetwork.load(old).mask_id == mask.mask_id


CONSTANTS = {
    "head": np.zeros((L, H, D), np.float32),
    "mlp": np.zeros((L, H * D), np.float32),
}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ablation": "half"}, "unknown ablation 'half'"),
        ({"ablation": "mean"}, "has the constants none"),
        ({"ablation": "mean", "constants": {"head": CONSTANTS["head"]}}, "has the constants head"),
        ({"ablation": "zero", "constants": CONSTANTS}, "zero has constants"),
        (
            {"ablation": "mean", "constants": {**CONSTANTS, "mlp": np.full((L, 8), np.nan, "f4")}},
            "NaN",
        ),
        ({"ablation": "mean", "constants": {**CONSTANTS, "mlp": np.zeros((L, 8))}}, "float32"),
        ({"ablation": "mean", "constants": {**CONSTANTS, "mlp": np.zeros(8, "f4")}}, "dimensions"),
        ({"ablation": "mean-by-position", "constants": CONSTANTS}, "dimensions"),
        (
            {
                "ablation": "mean",
                "constants": CONSTANTS,
                "neuron_mask": np.ones((L, 5), dtype=bool),
            },
            "has the constants head, mlp",
        ),
        (
            {
                "ablation": "mean",
                "constants": CONSTANTS,
                "weight_masks": {"layer": np.ones((2, 2), dtype=bool)},
            },
            "mask of single weights",
        ),
    ],
)
def test_invalid_ablations_are_refused(fields, said):
    plain = Subnetwork(np.ones((L, H), dtype=bool), np.ones(L, dtype=bool))
    with pytest.raises(MaskError, match=said) as caught:
        plain.with_meta(**fields)
    assert "\n" not in str(caught.value)


def test_constants_of_another_size_do_not_fit():
    model = model_of("bert")
    mask = some_mask(model, {**CONSTANTS, "mlp": np.zeros((L, 5), "f4")}, neurons=False)
    with pytest.raises(MaskError, match="constants of the mask for MLPs"), gated(model, mask):
        pass
    assert set(ABLATIONS) >= {"zero", "mean"}


def test_set_operations_and_controls_keep_the_ablation_and_refuse_a_mixture():
    model = model_of("bert")
    constants = mean_constants(model, [batch_of(model, [5])])
    one, other = some_mask(model, constants), some_mask(model, constants, seed=1)
    for made in (one & other, one | other, one.with_meta(mlp_mask=np.ones(L, bool)) & other):
        assert made.ablation == "mean"
    for made in (random_like(one, 0), bad_of(one, 0)):
        assert made.ablation == "mean"
        assert np.array_equal(made.constants["head"], constants["head"])
    with pytest.raises(MaskError, match="different ablations: mean and zero"):
        one & some_mask(model)
    changed = other.with_meta(constants={**constants, "mlp": constants["mlp"] + 1})
    with pytest.raises(MaskError, match="different constants"):
        one | changed


def test_the_replacement_of_a_mask_gives_its_constants_by_layer():
    model = model_of("bert")
    mask = some_mask(model, mean_constants(model, [batch_of(model, [5])]))
    with replacement_of(model, mask) as instead:
        assert np.array_equal(instead.head(1).numpy(), mask.constants["head"][1])
        assert np.array_equal(instead.mlp(0).numpy(), mask.constants["mlp"][0])
        assert np.array_equal(instead.neuron(1).numpy(), mask.constants["neuron"][1])
    with replacement_of(model, some_mask(model)) as instead:
        assert [instead.head(0), instead.mlp(0), instead.neuron(0)] == [None] * 3
