"""Counts against torch's own counter, real parameters, and the study's published masks."""

import numpy as np
import pytest
import torch
from random_masks import random_mask
from subprobe.data.errors import InputError, MaskError
from subprobe.models.encoder.anatomy import Anatomy, anatomy_of
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.smaller.bake import bake
from subprobe.models.smaller.cost import UnitParameters, cost, kept_share, prunable_parameters
from subprobe.models.smaller.shrink import shrink
from tiers import mostly_slow
from tiny import POST_NORM, SEPARABLE, tiny_model
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForSequenceClassification

L, H, D, F = 3, 4, 32, 48
BERT_BASE = Anatomy("bert", 12, 64, 3072, 512, tuple(f"encoder.layer.{i}" for i in range(12)))


def counted(model, batch, length):
    """Oracle: what torch sees the model do."""
    ids = torch.randint(5, 500, (batch, length), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    return counter.get_total_flops()


@pytest.mark.parametrize("head", [None, "classification"])
@pytest.mark.parametrize("family", mostly_slow(SEPARABLE))
def test_counts_of_whole_and_smaller_models(family, head):
    model = tiny_model(family, head, layers=L, heads=H, hidden=D, attention="eager")
    mask = random_mask(L, H, F, 4, with_neurons=True, share=0.6)
    compact = shrink(model, mask)
    for one in (model, compact):
        found = cost(one, 3, 7)
        assert found.parameters == sum(p.numel() for p in one.parameters())
        # torch cannot count inside what DeBERTa compiles; its relative positions are left out
        if not family.startswith("deberta"):
            assert found.flops == counted(one, 3, 7)
    removed = sum(p.numel() for p in model.parameters()) - cost(compact, 3, 7).parameters
    assert cost(model, 3, 7).prunable - cost(compact, 3, 7).prunable == removed
    # a mask is counted as if it were taken out
    assert cost(model, 3, 7, mask) == cost(compact, 3, 7)
    assert cost(compact, 3, 7).prunable < cost(model, 3, 7).prunable
    full = cost(model, 3, 7)
    assert (
        kept_share(mask, anatomy_of(model), model) == cost(compact, 3, 7).prunable / full.prunable
    )
    if family in POST_NORM:
        assert kept_share(mask, anatomy_of(model)) == kept_share(mask, anatomy_of(model), model)
    nothing = Subnetwork(np.zeros((L, H), dtype=bool), np.zeros(L, dtype=bool))
    assert cost(shrink(model, nothing), 3, 7).prunable == 0


@pytest.mark.parametrize("family", ["bert", "modernbert"])
@pytest.mark.parametrize("with_neurons", [True, False])
def test_constants_in_place_of_units_are_counted_as_biases(family, with_neurons):
    model = tiny_model(family, "classification", layers=L, heads=H, hidden=D, attention="eager")
    rng = np.random.default_rng(5)
    shapes = {"head": (L, H, D // H), "mlp": (L, D), "neuron": (L, F)}
    constants = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    units = random_mask(L, H, F, 4, with_neurons=with_neurons, share=0.6)
    zero = units.with_meta(mlp_mask=np.arange(L) != 1)
    mean = zero.with_meta(ablation="mean", constants=constants)
    anatomy, full = anatomy_of(model), cost(model, 1, 7)
    found = cost(shrink(model, mean), 1, 7)
    assert kept_share(mean, anatomy, model) == found.prunable / full.prunable
    assert found == cost(model, 1, 7, mean)
    # one vector for the pruned MLP, and of models without biases one for each MLP that lost some
    bare = 0
    if family != "bert" and with_neurons:
        kept = np.asarray(zero.neuron_mask)
        bare = sum(not kept[layer].all() for layer in (0, 2))
    gap = kept_share(mean, anatomy, model) - kept_share(zero, anatomy, model)
    assert gap * full.prunable == pytest.approx((1 + bare) * D)
    if family == "bert":
        assert kept_share(mean, anatomy) == kept_share(mean, anatomy, model)


def test_shared_layers_are_counted_once_and_nothing_is_taken_out_of_them():
    model = tiny_model("albert", "classification", layers=L, heads=H, hidden=D, attention="eager")
    found = cost(model, 3, 7)
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert 0 < found.prunable < found.parameters
    assert found.flops == counted(model, 3, 7)
    with pytest.raises(InputError, match="share their weights"):
        cost(model, 3, 7, random_mask(L, H, F, 4, with_neurons=False, share=0.6))


def test_bert_base_has_the_known_sizes():
    with torch.device("meta"):
        model = BertForSequenceClassification(BertConfig(num_labels=2))
    assert anatomy_of(model) == BERT_BASE
    found = cost(model, 1, 128)
    assert (found.prunable, found.parameters) == (85_008_384, 109_483_778)
    # 2 a weight and token, biases and the first-token layers aside, and the attention maps
    matrices = 12 * (4 * 768 * 768 + 2 * 768 * 3072)
    maps = 12 * 12 * 4 * 64 * 128 * 128
    assert found.prunable_flops == 2 * matrices * 128 + maps
    assert found.flops == found.prunable_flops + 2 * (768 * 768 + 2 * 768)
    nothing = Subnetwork(np.zeros((12, 12), dtype=bool), np.zeros(12, dtype=bool))
    assert cost(model, 1, 128, nothing).prunable == cost(model, 1, 128, nothing).prunable_flops == 0


@pytest.mark.parametrize("family", ["bert", "deberta", "modernbert"])
def test_dead_single_weights_are_taken_off_once(family):
    """A weight of a pruned head is not counted twice: the share is of non-zero weights."""
    model = tiny_model(family, "classification", layers=L, heads=H, hidden=D)
    anatomy, random = anatomy_of(model), np.random.default_rng(0)
    names = {id(module): path for path, module in model.base_model.named_modules()}
    roles = ("query", "key", "value_projection", "attention_projection", "mlp_up", "mlp_output")
    modules = [getattr(anatomy, role)(model, layer) for role in roles for layer in range(L)]
    masks = {names[id(m)]: random.random(tuple(m.weight.shape)) < 0.7 for m in modules}
    units = random_mask(L, H, F, 4, with_neurons=True, share=0.6)
    mask = Subnetwork(units.head_mask, units.mlp_mask, units.neuron_mask, masks)
    zeros = [sum(int((p == 0).sum()) for p in m.parameters()) for m in (model, bake(model, mask))]
    whole = prunable_parameters(anatomy, unit=UnitParameters.of(anatomy, model))
    assert whole == cost(model, 1, 1).prunable
    found = kept_share(mask, anatomy, model)
    assert found == pytest.approx(1 - (zeros[1] - zeros[0]) / whole, abs=1e-12)
    assert kept_share(full_subnetwork(anatomy), anatomy, model) == 1


def test_a_mask_of_another_shape_is_refused():
    mask = Subnetwork(np.ones((2, H), dtype=bool), np.ones(2, dtype=bool))
    with pytest.raises(MaskError, match=r"\[2, 4\]"):
        kept_share(mask, BERT_BASE)


def published(folder):
    head, mlp = (
        np.load(folder / f"{name}.npy", allow_pickle=False) == 1
        for name in ("head_mask", "mlp_mask")
    )
    return Subnetwork(head, mlp)


@pytest.mark.parametrize(
    ("task", "mean", "deviation"),
    [("MRPC", 71.8, 7.0), ("MNLI", 68.7, 5.9), ("CoLA", 81.3, 5.9), ("RTE", 68.2, 12.2)],
)
def test_published_masks_keep_the_published_shares(realdata, task, mean, deviation):
    folders = sorted((realdata / "published-masks" / "heads_mlps" / task).glob("seed_*"))
    shares = {one.name: kept_share(published(one), BERT_BASE) for one in folders}
    assert len(shares) == 5
    values = 100 * np.array(list(shares.values()))
    assert values.mean() == pytest.approx(mean, abs=0.05)
    assert values.std(ddof=1) == pytest.approx(deviation, abs=0.05)
    if task == "MRPC":
        assert shares["seed_1337"] == pytest.approx(0.6481, abs=5e-5)
