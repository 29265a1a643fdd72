"""Every family's table row against the module tree and the forward pass of a real model."""

import pytest
import torch
from subprobe.data.errors import UnknownNameError
from subprobe.pruning.anatomy import FAMILIES as TABLE
from subprobe.pruning.anatomy import anatomy_of, max_tokens
from tiny import FAMILIES, SDPA, tiny_model
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
        for name in ("query", "key", "value_projection", "attention_projection"):
            linear = getattr(anatomy, name)(model, layer)
            assert (linear.in_features, linear.out_features) == (32, 32)
        up, down = anatomy.mlp_up(model, layer), anatomy.mlp_output(model, layer)
        assert (up.in_features, up.out_features) == (32, 48)
        assert (down.in_features, down.out_features) == (48, 32)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_module_serves_two_roles_or_layers(family):
    model = tiny_model(family, layers=2)
    anatomy = anatomy_of(model)
    roles = ("query", "key", "value_projection", "attention_projection", "mlp_up", "mlp_output")
    found = [getattr(anatomy, role)(model, layer) for role in roles for layer in range(2)]
    assert len({id(module) for module in found}) == len(found)
    # all dense layers of the blocks have a role: nothing is left out of the account
    blocks = [anatomy.block(model, layer) for layer in range(2)]
    dense = {id(m) for block in blocks for m in block.modules() if isinstance(m, nn.Linear)}
    assert dense == {id(module) for module in found}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_attention_module_gives_the_weights(family):
    model = tiny_model(family, attention="eager")
    anatomy, seen = anatomy_of(model), []
    handles = [
        anatomy.attention_module(model, layer).register_forward_hook(
            lambda _module, _args, output: seen.append(output[1])
        )
        for layer in range(anatomy.num_layers)
    ]
    expected = model(IDS, output_attentions=True).attentions
    for handle in handles:
        handle.remove()
    assert len(seen) == len(expected) == 2
    for ours, theirs in zip(seen, expected, strict=True):
        assert ours.shape == (2, 4, 6, 6)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_blocks_give_the_hidden_states(family):
    model = tiny_model(family)
    anatomy, seen = anatomy_of(model), []
    handles = [
        anatomy.block(model, layer).register_forward_hook(
            lambda _module, _args, output: seen.append(
                output[0] if isinstance(output, tuple) else output
            )
        )
        for layer in range(anatomy.num_layers)
    ]
    expected = model(IDS, output_hidden_states=True).hidden_states[1:]
    for handle in handles:
        handle.remove()
    for ours, theirs in zip(seen, expected, strict=True):
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
    projected = getattr(model, "embeddings_project", nn.Identity())(embedded)
    torch.testing.assert_close(projected, first, rtol=0, atol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_longest_input_fits_and_one_more_does_not(family):
    model = tiny_model(family, positions=12)
    longest = max_tokens(model)
    assert longest == 12
    assert model(torch.full((1, longest), 50)).last_hidden_state.shape == (1, 12, 32)
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, longest + 1), 50))


@pytest.mark.parametrize("family", FAMILIES)
def test_sdpa_is_claimed_exactly_where_it_works(family):
    model = tiny_model(family)
    assert anatomy_of(model).sdpa == (family in SDPA) == type(model)._supports_sdpa


def test_an_unsupported_family_is_refused_with_the_list():
    class Model:
        class config:
            model_type = "deberta-v2"

    with pytest.raises(UnknownNameError, match=r"'deberta-v2'.*bert, camembert, distilbert"):
        anatomy_of(Model())
