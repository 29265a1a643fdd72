"""Importance, scores and training when pruned units have their activations on other inputs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from questions import chooser, question_parts
from subprobe.data.errors import MaskError
from subprobe.data.generator import acceptability
from subprobe.data.masking.masked_batches import task_batches
from subprobe.data.tasks.by_name import EMBEDDED
from subprobe.data.tasks.task import TaskParts
from subprobe.models.ablation.pairing import with_counterfactuals
from subprobe.models.ablation.partner_counts import partner_counts
from subprobe.models.ablation.resampled import with_resample
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.replacement import replacing
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.smaller.bake import bake
from subprobe.models.smaller.shrink import shrink
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.finetune import finetune
from subprobe.models.training.recipes import Recipe
from subprobe.pruning.importance.scoring import importance_pass
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer
from tiny_run import save_tiny_encoder

TOLERANCE = 1e-5
LENGTH = 96
MASK = Subnetwork(
    np.array([[True, False, True, False], [False] * 4]), np.array([True, False]), kind="good"
)


def generated(train=24, report=8):
    made = acceptability(0, {"train": train, "validation": report, "test": report})
    return TaskParts(
        EMBEDDED["acceptability"], made["train"], made["validation"], made["test"],
        "validation", "test",
    )  # fmt: skip


PARTS = generated()


def task_model(family="bert"):
    model = tiny_model(family, "classification", positions=LENGTH + 32)
    return model, tiny_tokenizer(TOKENIZER_OF[family])


def other_inputs(name, mask, tokenizer, parts=PARTS, **options):
    if name == "resample":
        return with_resample(mask, tokenizer, parts, max_length=LENGTH, **options)
    return with_counterfactuals(mask, tokenizer, parts, max_length=LENGTH)


def losses(model, tokenizer, mask, parts=PARTS):
    found = evaluate(model, tokenizer, parts.report, parts.spec, subnetwork=mask, max_length=LENGTH)
    return -np.log(found.probabilities[np.arange(len(found.labels)), found.labels])


def pairable(parts):
    """The examples that have a counterfactual with as many pieces of the tiny tokenizer."""
    _, tokenizer = task_model()

    def fits(one):
        lengths = [len(tokenizer(*texts)["input_ids"]) for texts in one.counterfactuals]
        return len(tokenizer(*one.texts())["input_ids"]) in lengths

    return replace(
        parts,
        train=tuple(filter(fits, parts.train)),
        selection=tuple(filter(fits, parts.selection)),
        report=tuple(filter(fits, parts.report)),
    )


@pytest.mark.parametrize("name", ["resample", "counterfactual"])
@pytest.mark.parametrize("family", ["bert", "albert"])
def test_exact_importance_is_the_rise_of_the_loss_without_a_unit(name, family):
    """One unit at a time, with the layers below replayed, as the gated model scores examples."""
    parts = pairable(PARTS) if family == "bert" else PARTS
    model, tokenizer = task_model(family)
    if name == "counterfactual" and family == "albert":
        parts = replace(
            parts,
            **{
                part: tuple(
                    replace(one, counterfactuals=(one.texts(),)) for one in getattr(parts, part)
                )
                for part in ("train", "selection", "report")
            },
        )
    whole = full_subnetwork(anatomy_of(model))
    like = other_inputs(name, whole, tokenizer, parts)
    batches = task_batches(tokenizer, parts.report, parts.spec, batch_size=3, max_length=LENGTH)
    ones = np.ones((2, 4)), np.ones(2)
    with replacing(model, like):
        found = importance_pass(model, batches, *ones, method="ablation", normalise="none")
    plain = losses(model, tokenizer, None, parts).mean()
    for layer, head in np.ndindex(2, 4):
        gone = like.head_mask.copy()
        gone[layer, head] = False
        rise = losses(model, tokenizer, replace(like, head_mask=gone), parts).mean() - plain
        assert found.head[layer, head] == pytest.approx(rise, abs=TOLERANCE)
    gone = np.array([True, False])
    rise = losses(model, tokenizer, replace(like, mlp_mask=gone), parts).mean() - plain
    assert found.mlp[1] == pytest.approx(rise, abs=TOLERANCE)
    if not (name == "counterfactual" and family == "albert"):
        assert np.abs(found.head).max() >= 100 * TOLERANCE


def test_a_counterfactual_that_is_the_input_itself_changes_nothing():
    model, tokenizer = task_model()
    same = replace(
        PARTS,
        **{
            part: tuple(
                replace(one, counterfactuals=(one.texts(),)) for one in getattr(PARTS, part)
            )
            for part in ("train", "selection", "report")
        },
    )
    mask = other_inputs("counterfactual", MASK, tokenizer, same)
    np.testing.assert_allclose(
        losses(model, tokenizer, mask), losses(model, tokenizer, None), atol=TOLERANCE
    )


@pytest.mark.parametrize("method", ["gate-example", "fisher", "gate-token"])
def test_importance_by_gradients_does_not_depend_on_batches(method):
    model, tokenizer = task_model()
    like = other_inputs("resample", full_subnetwork(anatomy_of(model)), tokenizer)
    found = []
    for size in (1, 8):
        batches = task_batches(
            tokenizer, PARTS.report, PARTS.spec, batch_size=size, max_length=LENGTH
        )
        with replacing(model, like):
            found.append(
                importance_pass(model, batches, np.ones((2, 4)), np.ones(2), method=method)
            )
    np.testing.assert_allclose(found[0].head, found[1].head, atol=TOLERANCE)
    np.testing.assert_allclose(found[0].mlp, found[1].mlp, atol=TOLERANCE)
    zeros = importance_pass(model, batches, np.ones((2, 4)), np.ones(2), method=method)
    assert np.abs(found[0].head - zeros.head).max() >= 100 * TOLERANCE


def test_scores_do_not_depend_on_batches_or_order():
    model, tokenizer = task_model()
    mask = other_inputs("resample", MASK, tokenizer)
    logits = [
        evaluate(
            model, tokenizer, examples, PARTS.spec, subnetwork=mask, batch_size=size,
            max_length=LENGTH,
        ).logits[::step]
        for examples, size, step in (
            (PARTS.report, 1, 1), (PARTS.report, 8, 1), (PARTS.report[::-1], 8, -1),
        )
    ]  # fmt: skip
    np.testing.assert_allclose(logits[0], logits[1], atol=TOLERANCE)
    np.testing.assert_allclose(logits[0], logits[2], atol=TOLERANCE)


def test_options_of_questions_draw_partners_that_are_right_or_wrong_alike():
    model, tokenizer = chooser()
    parts = question_parts(16, 8)
    mask = with_resample(
        Subnetwork(np.zeros((2, 4), dtype=bool), np.zeros(2, dtype=bool)),
        tokenizer, parts, max_length=160, match="label",
    )  # fmt: skip
    labels = mask.constants["donors.labels"]
    assert labels.sum() * parts.spec.choices == len(labels)
    found = [
        evaluate(
            model, tokenizer, parts.report, parts.spec, subnetwork=mask, batch_size=size,
            max_length=160,
        ).logits
        for size in (1, 8)
    ]  # fmt: skip
    assert found[0].shape == (8, parts.spec.choices)
    np.testing.assert_allclose(found[0], found[1], atol=TOLERANCE)


def test_partners_of_another_length_are_counted():
    _, tokenizer = task_model()
    options = {"max_length": LENGTH}
    drawn = other_inputs("resample", MASK, tokenizer)
    found = partner_counts(drawn, tokenizer, PARTS.report, PARTS.spec, **options)
    nearest = other_inputs("resample", MASK, tokenizer, match="length")
    near = partner_counts(nearest, tokenizer, PARTS.report, PARTS.spec, **options)
    assert found.n == len(PARTS.report)
    assert found.n_shorter + found.n_longer > near.n_shorter + near.n_longer
    assert f"of {found.n} inputs have partners of another length" in found.said()[0]
    of_class = other_inputs("resample", MASK, tokenizer, match="label")
    known = partner_counts(of_class, tokenizer, PARTS.report, PARTS.spec, **options)
    assert known.n_unmatched == 0
    others = acceptability(1, {"test": 8})["test"]
    strange = partner_counts(of_class, tokenizer, others, PARTS.spec, **options)
    assert strange.n_unmatched == 8
    assert "does not know the class of 8 of 8 inputs" in strange.said()[-1]
    pairs = pairable(PARTS)
    paired = other_inputs("counterfactual", MASK, tokenizer, pairs)
    assert not partner_counts(paired, tokenizer, pairs.report, pairs.spec, **options).said()


@pytest.mark.parametrize("change", [bake, shrink])
def test_what_depends_on_the_input_cannot_be_written_into_weights(change):
    model, tokenizer = task_model()
    mask = other_inputs("resample", MASK, tokenizer)
    with pytest.raises(MaskError, match="the ablation resample depends on the input"):
        change(model, mask)


def test_retraining_runs_under_the_partners_and_repeats_itself(tmp_path):
    encoder = str(save_tiny_encoder(tmp_path / "m"))
    tokenizer = tiny_tokenizer("wordpiece")
    recipe = Recipe(learning_rate=1e-3, epochs=1, batch_size=12, max_length=LENGTH, warmup=0.1)
    mask = other_inputs("resample", MASK, tokenizer)

    def trained(subnetwork):
        found = finetune(encoder, PARTS, recipe, seed_init=1, seed_order=1, subnetwork=subnetwork)
        return torch.cat([one.detach().flatten() for one in found.model.parameters()])

    first = trained(mask)
    assert torch.equal(first, trained(mask))
    zeros = trained(mask.with_meta(ablation="zero", constants={}))
    assert float((first - zeros).abs().max()) >= 100 * TOLERANCE
