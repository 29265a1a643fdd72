"""The lottery protocol on made-up trainings, and its starts and rewinding on tiny encoders."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from subprobe.data.errors import ConfigError, InputError, UnknownNameError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.training.finetune import finetune
from subprobe.models.training.recipes import Recipe
from subprobe.models.training.starts import load_start, shuffle_layers
from subprobe.pruning.search.lottery import lottery, next_round
from subprobe.pruning.search.magnitude import largest, prunable_weights
from subprobe.pruning.search.plan import Rule
from tiny import tiny_model
from tiny_run import save_tiny_encoder
from toy_parts import toy_parts

RECIPE = Recipe(learning_rate=1e-3, epochs=2, batch_size=16, max_length=32)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return str(save_tiny_encoder(tmp_path_factory.mktemp("encoder") / "bert"))


def whole(model, **fields):
    return full_subnetwork(anatomy_of(model), kind="good", method="imp", **fields)


def vector(masks):
    return np.concatenate([masks[path].ravel() for path in sorted(masks)])


def test_a_round_removes_a_share_of_the_original_weights():
    model = tiny_model("bert")
    weights = prunable_weights(model)
    values = np.concatenate([w.abs().numpy().ravel() for w in weights.values()])
    mask, total = whole(model), len(values)
    expected = np.ones(total, dtype=bool)
    for step in range(1, 11):
        mask = next_round(model, mask, 0.1)
        order = np.argsort(np.where(expected, values, np.inf), kind="stable")
        expected[order[: min(round(0.1 * total), int(expected.sum()))]] = False
        np.testing.assert_array_equal(vector(mask.weight_masks), expected)
        assert abs(mask.counts()["weights"][0] - (1 - step / 10) * total) <= step
    assert next_round(model, mask, 0.1).counts()["weights"][0] == 0


def run_rounds(scores, **options):
    """A lottery whose trainings score as given; each round goes by the weights themselves."""
    model, seen = tiny_model("bert"), []

    def train(mask):
        seen.append(mask)
        return scores[len(seen) - 1], next_round(model, mask, 0.2)

    options = {"rounds": 4, "rule": Rule("study"), **options}
    return lottery(train, whole(model), **options), seen


def test_it_goes_on_while_training_still_works():
    found, seen = run_rounds([0.8, 0.81, 0.75, 0.7])
    assert [record["accepted"] for record in found.trace] == [True, True, True, False]
    assert found.ticket == seen[2]
    alive, total = found.ticket.counts()["weights"]
    assert alive == total - 2 * round(0.2 * total)


def test_it_stops_after_its_rounds():
    found, seen = run_rounds([0.8] * 9, rounds=2)
    assert len(seen) == 3
    assert found.ticket == seen[2]


def test_without_a_gain_nothing_is_searched():
    found, seen = run_rounds([0.5], rule=Rule("gain"), baseline=0.6)
    assert len(seen) == 1
    assert not found.ticket.weight_masks
    found, _ = run_rounds([0.8, 0.1])
    assert not found.ticket.weight_masks
    with pytest.raises(ConfigError, match="below the threshold"):
        run_rounds([0.5], rule=Rule("absolute", 0.6))


def train(encoder, recipe=RECIPE, **options):
    return finetune(encoder, toy_parts(train=48), recipe, seed_init=1, seed_order=1, **options)


def half_of(encoder, seed=0):
    model = load_start(encoder, toy_parts().spec, "pretrained", seed=1)
    total = sum(weight.numel() for weight in prunable_weights(model).values())
    return whole(model, weight_masks=largest(model, total // 2))


@pytest.mark.parametrize("rewind", [0, 2])
def test_retrained_weights_stay_exactly_zero(encoder, rewind):
    mask = half_of(encoder)
    trained = train(encoder, subnetwork=mask, rewind=rewind).model
    for path, weight in prunable_weights(trained).items():
        dead = torch.tensor(~mask.weight_masks[path])
        assert not weight[dead].any()
        assert weight[~dead].any()


def test_rewinding_starts_from_the_dense_model_after_some_steps(encoder):
    """The oracle trains densely to the step, zeroes, and goes no further."""
    mask, steps = half_of(encoder), 6
    dense = train(encoder).model
    # put on after the very last step, the mask only zeroes the dense result
    last = train(encoder, subnetwork=mask, rewind=steps).model
    for path, weight in prunable_weights(last).items():
        living = torch.tensor(mask.weight_masks[path])
        expected = prunable_weights(dense)[path] * living
        torch.testing.assert_close(weight, expected, atol=1e-6, rtol=0)
    early = train(encoder, subnetwork=mask).model
    path = next(iter(prunable_weights(early)))
    assert not torch.equal(prunable_weights(early)[path], prunable_weights(last)[path])


def test_only_weights_are_rewound(encoder):
    model = load_start(encoder, toy_parts().spec, "pretrained", seed=1)
    with pytest.raises(ConfigError, match="single weights"):
        train(encoder, subnetwork=whole(model), rewind=2)


def test_starts(encoder):
    still = replace(RECIPE, learning_rate=1e-30)
    weights = {
        start: prunable_weights(train(encoder, still, start=start).model)
        for start in ("pretrained", "random", "shuffled")
    }
    norms = {
        start: sorted(float(w.norm()) for w in found.values()) for start, found in weights.items()
    }
    np.testing.assert_allclose(norms["pretrained"], norms["shuffled"], rtol=1e-6)
    assert norms["random"] != pytest.approx(norms["pretrained"], rel=1e-2)
    for path, weight in weights["shuffled"].items():
        assert not torch.equal(weight, weights["pretrained"][path])
    with pytest.raises(UnknownNameError, match="start"):
        load_start(encoder, toy_parts().spec, "zeros", seed=1)


def test_every_layer_moves_and_the_seed_says_where():
    models = [tiny_model("bert", layers=5) for _ in range(4)]
    original = copy.deepcopy(models[0])
    for model, seed in zip(models, (1, 1, 2, 3), strict=True):
        shuffle_layers(model, seed=seed)
    keys = [prunable_weights(model) for model in models]
    path = "encoder.layer.{}.output.dense"
    moved = [
        [
            next(
                j
                for j in range(5)
                if torch.equal(found[path.format(i)], prunable_weights(original)[path.format(j)])
            )
            for i in range(5)
        ]
        for found in keys
    ]
    assert all(sorted(order) == list(range(5)) for order in moved)
    assert all(i != j for order in moved for i, j in enumerate(order))
    assert moved[0] == moved[1]
    assert len({tuple(order) for order in moved}) > 1
    with pytest.raises(InputError, match="to shuffle"):
        shuffle_layers(tiny_model("bert", layers=1), seed=1)
