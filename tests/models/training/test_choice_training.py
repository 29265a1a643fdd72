"""Multiple-choice models under masks: gates, scores, importance, training, and the probed head."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from questions import WITH_HEAD, batches_of, chooser, question_parts, questions
from scipy.special import softmax
from subprobe.data.encoding.collate import to_inputs
from subprobe.data.tasks.choices.generated import READING
from subprobe.models.checkpoint.checkpoint import load_tokenizer
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.language.task_models import load_task_model
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.smaller.bake import bake
from subprobe.models.training.divergence import unsaid_loss
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.finetune import finetune
from subprobe.models.training.recipes import Recipe
from subprobe.models.training.task_head import INVERSE_PENALTY, conditional_logit, probe_head
from subprobe.models.training.trainer import Collator, micro_batches
from subprobe.pruning.importance.gate_gradients import frozen, gate_gradients
from subprobe.pruning.importance.scoring import OVER_BATCHES, importance_pass
from tiers import mostly_slow

L, H = 2, 4
RECIPE = Recipe(learning_rate=1e-3, epochs=1, batch_size=16, max_length=128)


def some_dead():
    head, mlp = np.ones((L, H), dtype=bool), np.ones(L, dtype=bool)
    head[0, 1] = head[1, :2] = mlp[1] = False
    return head, mlp


@pytest.mark.parametrize("family", mostly_slow(WITH_HEAD))
def test_gates_of_one_change_nothing(family):
    model, tokenizer = chooser(family)
    inputs = to_inputs(batches_of(tokenizer, questions(4), 4).batch((0, 1, 2, 3)))
    with torch.no_grad():
        plain = model(**inputs).logits
        with Gates(model, torch.ones(L, H), torch.ones(L)):
            assert model(**inputs).logits.equal(plain)


@pytest.mark.parametrize("family", mostly_slow(WITH_HEAD))
def test_a_zero_gate_is_zeroed_columns_of_the_output_projection(family):
    model, tokenizer = chooser(family)
    if anatomy_of(model).shared:
        pytest.skip("layers share weights: columns belong to all of them")
    inputs = to_inputs(batches_of(tokenizer, questions(4), 4).batch((0, 1, 2, 3)))
    head, mlp = some_dead()
    mlp[:] = True
    mask = Subnetwork(head, mlp)
    anatomy = anatomy_of(model)
    with torch.no_grad():
        plain = model(**inputs).logits
        with gated(model, mask):
            masked = model(**inputs).logits
        baked = bake(model, mask)(**inputs).logits
        for layer in range(L):
            weight = anatomy.attention_projection(model, layer).weight
            columns = weight.view(len(weight), H, -1)
            columns[:, torch.from_numpy(~head[layer])] = 0
        by_columns = model(**inputs).logits
    torch.testing.assert_close(masked, by_columns, atol=1e-5, rtol=0)
    torch.testing.assert_close(baked, by_columns, atol=1e-5, rtol=0)
    assert (masked - plain).abs().max() > 1e-3


def test_scores_do_not_depend_on_batches_or_padding():
    model, tokenizer = chooser()
    examples = questions(12)
    head, mlp = some_dead()
    for mask in (None, Subnetwork(head, mlp)):
        one, eight = (
            evaluate(
                model,
                tokenizer,
                examples,
                READING,
                subnetwork=mask,
                batch_size=size,
                max_length=192,
            )
            for size in (1, 8)
        )
        np.testing.assert_allclose(one.logits, eight.logits, atol=1e-5)
        for place, example in enumerate(examples):
            pairs = [(" ".join(example.texts()), option) for option in example.options]
            with torch.no_grad(), gated(model, mask):
                alone = [
                    float(
                        model(**{k: v[:, None] for k, v in tokenizer(
                            *pair, return_tensors="pt").items()}).logits[0, 0]
                    )
                    for pair in pairs
                ]  # fmt: skip
            np.testing.assert_allclose(eight.logits[place], alone, atol=1e-5)
        right = np.mean(eight.logits.argmax(1) == [e.label for e in examples])
        assert eight.metrics == {"accuracy": right}
    items = eight.items()
    assert items["gold"].tolist() == [e.label for e in examples]
    assert items["cluster_id"].nunique() == 3


@pytest.mark.parametrize(
    "method", ["gate-example", "gate-token", "fisher", "ablation", "taylor-weight"]
)
def test_importance_is_the_same_for_batches_of_one_and_eight(method):
    model, tokenizer = chooser()
    examples = questions(9)
    head, mlp = some_dead()
    one, eight = (
        importance_pass(model, batches_of(tokenizer, examples, size), head, mlp, method=method)
        for size in ((1, 8) if method not in OVER_BATCHES else (8, 8))
    )
    for name in ("head", "mlp", "logits"):
        np.testing.assert_allclose(getattr(one, name), getattr(eight, name), atol=1e-5)
    assert eight.labels.tolist() == [e.label for e in examples]
    assert eight.head.max() > 1e-3


def test_the_order_of_the_options_is_without_effect():
    """Permuted options have permuted logits, and units the same importance."""
    model, tokenizer = chooser()
    examples, order = questions(6), [2, 0, 3, 1]
    moved = tuple(
        replace(
            one,
            options=tuple(one.options[k] for k in order),
            label=order.index(int(one.label or 0)),
        )
        for one in examples
    )
    head, mlp = some_dead()
    plain, other = (
        importance_pass(model, batches_of(tokenizer, given, 4), head, mlp)
        for given in (examples, moved)
    )
    np.testing.assert_allclose(plain.logits[:, order], other.logits, atol=1e-5)
    np.testing.assert_allclose(plain.head, other.head, atol=1e-5)
    np.testing.assert_allclose(plain.mlp, other.mlp, atol=1e-5)
    assert np.ptp(plain.logits, axis=1).max() > 1e-3


def test_gradients_of_a_question_are_sums_over_its_options():
    """Against gates on every input alone, whose gradients are added here, and differences."""
    model, tokenizer = chooser()
    model = model.double()
    examples = questions(3)
    batch = batches_of(tokenizer, examples, 3).batch((0, 1, 2))
    head, mlp = some_dead()
    with frozen(model):
        found = gate_gradients(model, batch, head.astype(float), mlp.astype(float))
        inputs = to_inputs(batch)
        gates = torch.tensor(head, dtype=torch.double).expand(12, L, H).clone().requires_grad_()
        with Gates(model, gates, torch.tensor(mlp, dtype=torch.double)):
            logits = model(**inputs).logits
            loss = torch.nn.functional.cross_entropy(logits, batch.labels, reduction="sum")
        alone = torch.autograd.grad(loss, gates)[0].view(3, 4, L, H).sum(1)
        torch.testing.assert_close(found.head, alone, atol=1e-10, rtol=0)
        step = 1e-5
        moved = []
        for sign in (1, -1):
            nudged = head.astype(float)
            nudged[0, 0] += sign * step
            with torch.no_grad(), Gates(model, torch.tensor(nudged), torch.tensor(mlp)):
                logits = model(**inputs).logits
            moved.append(torch.nn.functional.cross_entropy(logits, batch.labels, reduction="none"))
    slope = (moved[0] - moved[1]) / (2 * step)
    torch.testing.assert_close(found.head[:, 0, 0], slope, atol=1e-6, rtol=1e-4)
    assert slope.abs().max() > 1e-3


def train(encoder, recipe=RECIPE, **options):
    return finetune(str(encoder), question_parts(), recipe, seed_init=1, seed_order=1, **options)


def test_the_same_seed_gives_the_same_bytes(tiny_encoder):
    one, two = train(tiny_encoder), train(tiny_encoder)
    assert one.fingerprint == two.fingerprint
    states = one.model.state_dict(), two.model.state_dict()
    assert all(value.equal(states[1][name]) for name, value in states[0].items())
    assert one.losses == two.losses
    assert one.steps == 3
    assert not one.diverged
    assert one.loss_limit >= 2 * np.log(4)


def test_a_subnetwork_is_retrained_by_both_routes(tiny_encoder):
    """Dropout differs between the routes, so that only its absence makes them equal."""
    head, mlp = some_dead()
    mask = Subnetwork(head, mlp)
    masked = train(tiny_encoder, subnetwork=mask)
    compact = train(tiny_encoder, subnetwork=mask, route="compact")
    assert masked.losses == pytest.approx(compact.losses, rel=0.1)
    assert type(compact.model).__name__ == "BertForMultipleChoice"


def test_micro_batches_have_the_gradients_of_the_whole_batch():
    model, tokenizer = chooser()
    inputs = Collator(batches_of(tokenizer, questions(7), 7))(list(range(7)))
    parts = list(micro_batches(inputs, 3))
    assert [len(part["labels"]) for part, _ in parts] == [3, 3, 1]
    assert sum(share for _, share in parts) == pytest.approx(1)
    assert all(part["input_ids"].shape[1] == 4 for part, _ in parts)
    assert all(part["attention_mask"].sum((0, 1))[-1] > 0 for part, _ in parts)
    weight = model.classifier.weight
    whole = torch.autograd.grad(model(**inputs).loss, weight)[0]
    summed = sum(
        share * torch.autograd.grad(model(**part).loss, weight)[0] for part, share in parts
    )
    torch.testing.assert_close(summed, whole, atol=1e-5, rtol=0)
    assert whole.abs().max() > 1e-3


def test_a_memory_budget_counts_the_options(tiny_encoder):
    budget = train(tiny_encoder, replace(RECIPE, memory_gb=1.0))
    assert budget.micro_batch == 16
    tight = train(tiny_encoder, replace(RECIPE, memory_gb=0.01))
    assert tight.micro_batch < 16


def test_the_loss_of_guessing_is_that_of_k_options():
    assert unsaid_loss(question_parts()) == pytest.approx(np.log(4))


def test_the_conditional_logit_is_at_the_minimum_of_its_loss():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(60, 4, 5))
    labels = (features @ np.array([2.0, -1.0, 0.0, 0.0, 0.5])).argmax(axis=1)
    weight = conditional_logit(features, labels)
    likely = softmax(features @ weight, axis=1)
    expected = np.einsum("nk,nkd->d", likely, features)
    chosen = features[np.arange(60), labels].sum(axis=0)
    slope = weight + INVERSE_PENALTY * (expected - chosen)
    np.testing.assert_allclose(slope, 0, atol=1e-4)
    assert ((features @ weight).argmax(axis=1) == labels).mean() > 0.9


def test_a_probed_head_fits_the_examples_that_it_was_fitted_to(tiny_encoder):
    model = load_task_model(str(tiny_encoder), READING, new_head=True, seed=1)
    parts, tokenizer = question_parts(), load_tokenizer(str(tiny_encoder))
    encoded = batches_of(tokenizer, parts.train, 16, 128)
    batch = encoded.batch(tuple(range(len(parts.train))))

    def loss():
        with torch.no_grad():
            logits = model(**to_inputs(batch)).logits
        return float(torch.nn.functional.cross_entropy(logits, batch.labels))

    before = {name: value.clone() for name, value in model.state_dict().items()}
    probe_head(model, parts, encoded, seed=1)
    assert loss() < np.log(4)
    after = model.state_dict()
    changed = [name for name in before if not before[name].equal(after[name])]
    assert changed == ["classifier.weight"]
