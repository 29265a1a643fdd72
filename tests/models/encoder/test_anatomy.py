"""Every family's table row against the module tree and the forward pass of a real model."""

from contextlib import ExitStack, contextmanager, nullcontext

import pytest
import torch
from subprobe.data.errors import UnknownNameError
from subprobe.models.encoder.anatomy import anatomy_of, max_tokens
from subprobe.models.encoder.families import FAMILIES as TABLE
from subprobe.models.encoder.layer_hooks import LayerHooks
from tiny import FAMILIES, RELATIVE, SDPA, tiny_model
from torch import nn

IDS = torch.tensor([[3, 50, 60, 70, 80, 4], [3, 90, 20, 30, 40, 4]])


def test_the_table_has_the_promised_families():
    assert set(TABLE) == set(FAMILIES)


@pytest.mark.parametrize("head", [None, "classification"])
@pytest.mark.parametrize("family", FAMILIES)
def test_sizes_and_modules(family, head):
    model = tiny_model(family, head, layers=3, heads=4, hidden=32)
    anatomy = anatomy_of(model)
    assert (anatomy.family, anatomy.num_layers, anatomy.num_heads) == (family, 3, 4)
    assert (anatomy.head_size, anatomy.num_neurons) == (8, 48)
    for layer in range(3):
        for name in ("query", "key", "value_projection"):
            linear = getattr(anatomy, name)(model, layer)
            assert linear.in_features == 32
            assert linear.out_features == 32 * (3 if anatomy.row.fused else 1)
        mixing = anatomy.attention_projection(model, layer)
        assert (mixing.in_features, mixing.out_features) == (32, 32)
        up, down = anatomy.mlp_up(model, layer), anatomy.mlp_output(model, layer)
        assert (up.in_features, up.out_features) == (32, 96 if anatomy.row.gated_mlp else 48)
        assert (down.in_features, down.out_features) == (48, 32)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_module_serves_two_roles_or_layers(family):
    model = tiny_model(family, layers=2)
    anatomy = anatomy_of(model)
    roles = ["query", "key", "value_projection", "attention_projection", "mlp_up", "mlp_output"]
    if anatomy.row.fused:
        del roles[1:3]
    layers = range(1 if anatomy.shared else 2)
    found = [getattr(anatomy, role)(model, layer) for role in roles for layer in layers]
    for layer in layers:
        found += anatomy.position_projections(model, layer)
    assert len({id(module) for module in found}) == len(found)
    # all dense layers of the blocks have a role: nothing is left out of the account
    blocks = [anatomy.block(model, layer) for layer in range(2)]
    dense = {id(m) for block in blocks for m in block.modules() if isinstance(m, nn.Linear)}
    assert dense == {id(module) for module in found}
    # and so have all parameters, but for those of LayerNorms, which belong to no head
    loose = {id(one) for layer in layers for one in anatomy.head_biases(model, layer)}
    loose |= {id(parameter) for module in found for parameter in module.parameters()}
    for block in blocks:
        for name, parameter in block.named_parameters():
            assert (id(parameter) in loose) == ("norm" not in name.lower())


def test_only_albert_shares_weights():
    shared = {family for family in FAMILIES if anatomy_of(tiny_model(family)).shared}
    assert shared == {"albert"}
    assert not anatomy_of(tiny_model("albert", num_hidden_groups=2)).shared


@contextmanager
def shown(model, module_of):
    """What a module of each layer gives, as [(layer, output)] in the order of the calls."""
    anatomy, seen = anatomy_of(model), []
    with ExitStack() as stack:
        hooks = LayerHooks(model, anatomy, stack)
        for layer in range(anatomy.num_layers):

            def keep(_module, _args, output, layer=layer):
                seen.append((layer, output))

            hooks.after(layer, module_of(anatomy, layer), keep)
        yield seen


@pytest.mark.parametrize("family", FAMILIES)
def test_the_attention_module_gives_the_weights(family):
    model = tiny_model(family, attention="eager")
    with shown(model, lambda anatomy, layer: anatomy.attention_module(model, layer)) as seen:
        expected = model(IDS, output_attentions=True).attentions
    assert [layer for layer, _ in seen] == [0, 1]
    assert len(expected) == 2
    for (_, ours), theirs in zip(seen, expected, strict=True):
        assert ours[1].shape == (2, 4, 6, 6)
        torch.testing.assert_close(ours[1], theirs, rtol=0, atol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_states_modules_give_the_hidden_states(family):
    model = tiny_model(family)
    with shown(model, lambda anatomy, layer: anatomy.states_module(model, layer)) as seen:
        expected = model(IDS, output_hidden_states=True).hidden_states[1:]
    assert [layer for layer, _ in seen] == [0, 1]
    for (_, ours), theirs in zip(seen, expected, strict=True):
        ours = ours[0] if isinstance(ours, tuple) else ours
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_embeddings_feed_the_first_block(family):
    model = tiny_model(family)
    anatomy = anatomy_of(model)
    assert anatomy.embeddings(model) is model.get_input_embeddings()
    block = anatomy.embedding_block(model)
    seen = []
    handle = block.register_forward_hook(lambda _m, _a, output: seen.append(output))
    first = model(IDS, output_hidden_states=True).hidden_states[0]
    handle.remove()
    (embedded,) = seen
    # where embeddings are smaller than D
    path = {"electra": "embeddings_project", "albert": "encoder.embedding_hidden_mapping_in"}
    projected = model.get_submodule(path[family])(embedded) if family in path else embedded
    torch.testing.assert_close(projected, first, rtol=0, atol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_longest_input_fits_and_one_more_does_not(family):
    model = tiny_model(family, positions=12)
    longest = max_tokens(model)
    assert longest == 12
    assert model(torch.full((1, longest), 50)).last_hidden_state.shape == (1, 12, 32)
    with nullcontext() if family in RELATIVE else pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, longest + 1), 50))


@pytest.mark.parametrize("family", FAMILIES)
def test_sdpa_is_claimed_exactly_where_it_works(family):
    model = tiny_model(family)
    assert anatomy_of(model).sdpa == (family in SDPA) == type(model)._supports_sdpa


def test_an_unsupported_family_is_refused_with_the_list():
    class Model:
        class config:
            model_type = "funnel"

    with pytest.raises(UnknownNameError, match=r"'funnel'.*bert, camembert, .*distilbert"):
        anatomy_of(Model())
