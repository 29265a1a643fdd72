"""Training a subnetwork under gates, and without what they switch off: one training, two routes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from subprobe.data.errors import InputError, MaskError, UnknownNameError
from subprobe.models.checkpoint.checkpoint import load_classifier
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.smaller.shrink import shrink
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.finetune import finetune
from subprobe.models.training.recipes import Recipe
from subprobe.models.training.trainer import FineTuner
from tiers import mostly_slow
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer
from tiny_run import save_tiny_encoder
from toy_parts import toy_parts

RECIPE = Recipe(learning_rate=1e-3, epochs=5, batch_size=16, max_length=32, warmup=0.1)
STEPS = 20
PARTS = toy_parts(train=64)
# a layer without heads, and a pruned MLP
MASK = Subnetwork(
    np.array([[True, False, True, False], [False] * 4]), np.array([True, False]), kind="good"
)
TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=mostly_slow(["bert", "mpnet"], ["bert"]))
def still(request, tmp_path_factory):
    """Folder of an encoder without dropout."""
    folder, family = tmp_path_factory.mktemp("still") / "m", request.param
    options: dict[str, Any] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    tiny_model(family, **options).save_pretrained(folder)
    tiny_tokenizer(TOKENIZER_OF[family]).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return str(save_tiny_encoder(tmp_path_factory.mktemp("encoder") / "m"))


def train(encoder, route, recipe=RECIPE, mask=MASK, seed=1):
    return finetune(
        encoder, PARTS, recipe, seed_init=seed, seed_order=seed, subnetwork=mask, route=route
    )


def answers(trained, mask=MASK):
    return evaluate(
        trained.model, trained.tokenizer, PARTS.report, PARTS.spec, subnetwork=mask
    ).logits


@pytest.mark.parametrize("head", ["random", "probed"])
def test_without_dropout_both_routes_are_one_training(still, head, monkeypatch):
    steps = []
    plain = FineTuner.training_step

    def noted(self, *args, **options):
        loss = plain(self, *args, **options)
        steps.append(float(loss))
        return loss

    monkeypatch.setattr(FineTuner, "training_step", noted)
    recipe = replace(RECIPE, head=head)
    masked, compact = (train(still, route, recipe) for route in ("masked", "compact"))
    losses = np.array(steps).reshape(2, STEPS)
    np.testing.assert_allclose(losses[0], losses[1], atol=TOLERANCE)
    assert np.ptp(losses[0]) >= 100 * TOLERANCE
    found, expected = answers(compact), answers(masked)
    np.testing.assert_allclose(found, expected, atol=10 * TOLERANCE)
    assert np.abs(expected - answers(masked, None)).max() >= 1000 * TOLERANCE
    assert compact.losses == pytest.approx(masked.losses, abs=TOLERANCE)


def test_the_whole_model_comes_back_and_dead_units_stay_as_they_started(encoder):
    before = load_classifier(encoder, PARTS.spec, new_head=True, seed=1)
    after = train(encoder, "compact").model
    anatomy = anatomy_of(after)
    assert not hasattr(after, "subprobe_kept_units")
    assert not after.training
    for layer, heads in enumerate(MASK.head_mask):
        rows = torch.tensor(heads).repeat_interleave(anatomy.head_size)
        moved = anatomy.query(after, layer).weight - anatomy.query(before, layer).weight
        assert torch.equal(moved.abs().sum(1) > 0, rows)
        same = torch.equal(
            anatomy.mlp_output(after, layer).weight, anatomy.mlp_output(before, layer).weight
        )
        assert same != MASK.mlp_mask[layer]


def test_with_dropout_the_routes_draw_differently(encoder):
    masked, compact = answers(train(encoder, "masked")), answers(train(encoder, "compact"))
    assert np.abs(masked - compact).max() >= 100 * TOLERANCE
    np.testing.assert_array_equal(compact, answers(train(encoder, "compact")))


def test_a_route_that_cannot_be_taken_is_refused(encoder, tmp_path):
    with pytest.raises(UnknownNameError, match="route 'short'"):
        train(encoder, "short")
    path = "encoder.layer.0.intermediate.dense"
    single = Subnetwork(
        np.ones((2, 4), dtype=bool),
        np.ones(2, dtype=bool),
        weight_masks={path: np.zeros((48, 32), dtype=bool)},
    )
    with pytest.raises(MaskError, match="single weights"):
        train(encoder, "compact", mask=single)
    albert = str(save_tiny_encoder(tmp_path / "albert", "albert"))
    with pytest.raises(InputError, match="share their weights"):
        train(albert, "compact")


def test_a_smaller_model_is_trained_where_one_is_asked_for(encoder, monkeypatch):
    """The route is no name only: what the steps see has fewer weights."""
    seen = []
    plain = FineTuner.training_step

    def noted(self, model, *args, **options):
        seen.append(sum(p.numel() for p in model.parameters()))
        return plain(self, model, *args, **options)

    monkeypatch.setattr(FineTuner, "training_step", noted)
    quick = replace(RECIPE, epochs=0.25)
    model = load_classifier(encoder, PARTS.spec, new_head=True, seed=1)
    for route in ("masked", "compact"):
        train(encoder, route, quick)
    small = sum(p.numel() for p in shrink(model, MASK).parameters())
    assert seen == [sum(p.numel() for p in model.parameters()), small]
    assert seen[1] < seen[0]
    full = full_subnetwork(anatomy_of(model))
    np.testing.assert_array_equal(
        answers(train(encoder, "compact", quick, full), None),
        answers(train(encoder, "masked", quick, full), None),
    )
