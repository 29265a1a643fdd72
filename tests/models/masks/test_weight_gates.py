"""Gates on single weights: scaled weights, their gradients, and nothing left behind."""

import copy

import pytest
import torch
from model_state import PlantedError, failing_at, model_state
from subprobe.data.errors import MaskError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.masks.weight_gates import run_with_weights
from subprobe.pruning.search.magnitude import prunable_weights
from tiers import mostly_slow
from tiny import FAMILIES, tiny_model

INPUTS = {"input_ids": torch.tensor([[2, 7, 8, 9, 3]]), "attention_mask": torch.ones(1, 5)}


def random_gates(model):
    generator = torch.Generator().manual_seed(4)
    return {
        path: torch.rand(weight.shape, generator=generator)
        for path, weight in prunable_weights(model).items()
    }


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_gated_weights_are_scaled_weights(family):
    model = tiny_model(family, "classification")
    gates = random_gates(model)
    scaled = copy.deepcopy(model)
    with torch.no_grad():
        for path, gate in gates.items():
            scaled.base_model.get_submodule(path).weight *= gate
        found = run_with_weights(model, gates, INPUTS).last_hidden_state
        expected = scaled.base_model(**INPUTS).last_hidden_state
        whole = model.base_model(**INPUTS).last_hidden_state
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert not torch.allclose(found, whole, atol=1e-2)


def test_gates_of_0_and_1_are_a_mask():
    model = tiny_model("bert")
    kept = {path: (gate > 0.5) for path, gate in random_gates(model).items()}
    mask = full_subnetwork(anatomy_of(model)).with_meta(
        weight_masks={path: one.numpy() for path, one in kept.items()}
    )
    with torch.no_grad():
        found = run_with_weights(model, kept, INPUTS).last_hidden_state
        with gated(model, mask):
            expected = model(**INPUTS).last_hidden_state
    assert torch.equal(found, expected)


def test_the_gradient_is_that_of_the_loss():
    """Against central differences, at two gates of each module."""
    model = tiny_model("bert").double()
    gates = {path: one.double().requires_grad_() for path, one in random_gates(model).items()}

    def loss(values):
        return run_with_weights(model, values, INPUTS).last_hidden_state.pow(3).sum()

    found = torch.autograd.grad(loss(gates), list(gates.values()))
    step = 1e-5
    with torch.no_grad():
        for (path, gate), gradient in zip(gates.items(), found, strict=True):
            for place in ((0, 0), (3, 5)):
                ends = []
                for side in (step, -step):
                    moved = gate.detach().clone()
                    moved[place] += side
                    ends.append(loss({**gates, path: moved}))
                plain = (ends[0] - ends[1]) / (2 * step)
                assert float(gradient[place]) == pytest.approx(float(plain), rel=1e-5, abs=1e-6)


def test_an_error_leaves_nothing_behind():
    model = tiny_model("bert")
    names = [name for name, _ in model.named_parameters()]
    weights = {name: one.clone() for name, one in model.state_dict().items()}
    with failing_at(model, lambda number: number == 2):
        before = model_state(model)
        run_with_weights(model, random_gates(model), INPUTS)
        with pytest.raises(PlantedError):
            run_with_weights(model, random_gates(model), INPUTS)
        assert model_state(model) == before
    assert [name for name, _ in model.named_parameters()] == names
    assert all(torch.equal(one, weights[name]) for name, one in model.state_dict().items())


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ({"encoder.layer.9.nothing": torch.ones(1)}, "does not have"),
        ({"encoder.layer.0.attention.self.query": torch.ones(3, 2)}, r"shape \[3, 2\]"),
    ],
)
def test_gates_that_do_not_fit_are_refused(gates, said):
    with pytest.raises(MaskError, match=said):
        run_with_weights(tiny_model("bert"), gates, INPUTS)
