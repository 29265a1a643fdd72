"""Memory that runs out halves the micro-batch once; the gradient stays what it was."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from random_masks import every_third_weight_dead
from subprobe.data.encoding.collate import text_batches
from subprobe.data.errors import ConfigError, MemoryLimitError
from subprobe.models.checkpoint.checkpoint import load_classifier, load_encoder, load_tokenizer
from subprobe.models.encoder.out_of_memory import is_out_of_memory, once_halved
from subprobe.models.training.finetune import finetune
from subprobe.models.training.recipes import Recipe
from subprobe.models.training.trainer import FineTuner, micro_batches
from subprobe.models.training.training_memory import GB, training_bytes
from tiers import mostly_slow
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer
from tiny_run import save_tiny_encoder
from toy_parts import toy_parts

pytestmark = pytest.mark.slow

RECIPE = Recipe(learning_rate=1e-3, epochs=2, batch_size=16, max_length=64)
PARTS = toy_parts(train=46)
"""Three steps an epoch, the last of 14 examples."""

CPU = (
    "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: ..."
)
ERRORS = [torch.OutOfMemoryError("CUDA out of memory. Tried"), MemoryError(), RuntimeError(CPU)]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder") / "m")


def train(encoder, recipe=RECIPE, parts=PARTS, **options):
    return finetune(str(encoder), parts, recipe, seed_init=1, seed_order=1, **options)


def content(trained):
    return {name: tensor.numpy().tobytes() for name, tensor in trained.model.state_dict().items()}


@pytest.fixture
def limited(monkeypatch):
    """A machine without memory for more than so many examples at once."""

    def limit(most, error=ERRORS[0], after=0):
        plain, seen = FineTuner.compute_loss, []

        def compute(self, model, inputs, *args, **options):
            seen.append(len(inputs["labels"]))
            if len(inputs["labels"]) > most and len(seen) > after:
                raise error
            return plain(self, model, inputs, *args, **options)

        monkeypatch.setattr(FineTuner, "compute_loss", compute)
        return seen

    return limit


def gradients(encoder, recipe, parts, monkeypatch):
    """The loss and the gradient of every step of a training."""
    plain, found = FineTuner.training_step, []

    def noted(self, model, *args, **options):
        loss = plain(self, model, *args, **options)
        flat = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        found.append((float(loss), torch.cat(flat).numpy().copy()))
        return loss

    with monkeypatch.context() as patch:
        patch.setattr(FineTuner, "training_step", noted)
        train(encoder, recipe, parts)
    return found


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("family", mostly_slow(["bert", "deberta-v2", "modernbert"], ["bert"]))
def test_micro_batches_give_the_gradient_of_the_batch(family, classes, tmp_path, monkeypatch):
    """Uneven ones too: 16 as 5, 5, 5 and 1, and 14 as 5, 5 and 4."""
    dropout = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    options: dict[str, Any] = {} if family == "modernbert" else dict.fromkeys(dropout, 0)
    tiny_model(family, **options).save_pretrained(tmp_path / "m")
    tiny_tokenizer(TOKENIZER_OF[family]).save_pretrained(tmp_path / "m")
    # the rate is too low to move a weight, so that every step is compared at the same weights
    still = replace(RECIPE, learning_rate=1e-12, epochs=1)
    parts = toy_parts(classes, train=46)
    whole = gradients(tmp_path / "m", still, parts, monkeypatch)
    small = gradients(tmp_path / "m", replace(still, micro_batch=5), parts, monkeypatch)
    assert len(whole) == len(small) == 3
    for (loss, gradient), (found_loss, found) in zip(whole, small, strict=True):
        assert found_loss == pytest.approx(loss, abs=1e-5)
        size = np.abs(gradient).max()
        np.testing.assert_allclose(found / size, gradient / size, atol=1e-5)


def test_parts_of_equal_weight_would_be_another_gradient(tmp_path, monkeypatch):
    """The shares matter: without them the last, smaller part counts too much."""
    tiny_model("bert", hidden_dropout_prob=0, attention_probs_dropout_prob=0).save_pretrained(
        tmp_path
    )
    tiny_tokenizer("wordpiece").save_pretrained(tmp_path)
    still = replace(RECIPE, learning_rate=1e-12, epochs=1)
    whole = gradients(tmp_path, still, PARTS, monkeypatch)
    module = "subprobe.models.training.trainer.micro_batches"

    def equal(inputs, size):
        found = list(micro_batches(inputs, size))
        return [(part, 1 / len(found)) for part, _ in found]

    monkeypatch.setattr(module, equal)
    naive = gradients(tmp_path, replace(still, micro_batch=5), PARTS, monkeypatch)
    assert np.abs(whole[0][1] - naive[0][1]).max() > 1e-3 * np.abs(whole[0][1]).max()


@pytest.mark.parametrize("error", ERRORS, ids=lambda one: type(one).__name__)
def test_half_the_size_is_tried_once_and_said(error, encoder, limited):
    said = []
    seen = limited(8, error)
    trained = train(encoder, say=said.append)
    assert said == [
        "out of memory: fine-tuning starts again with 8 instead of 16 examples at a time"
    ]
    assert trained.micro_batch == 8
    assert trained.steps == 6
    assert seen[:3] == [16, 8, 8]


def test_the_size_asked_for_gives_the_bytes_of_the_size_that_memory_left(encoder, limited):
    """Whenever memory ran out: what the larger size had learned is forgotten."""
    asked = train(encoder, replace(RECIPE, micro_batch=8))
    whole = train(encoder)
    limited(8, after=4)
    found = train(encoder)
    assert found.micro_batch == asked.micro_batch == 8
    assert content(found) == content(asked)
    assert found.losses == asked.losses
    assert content(found) != content(whole)
    assert whole.micro_batch == 16


@pytest.mark.parametrize(
    ("recipe", "most", "size"),
    [(RECIPE, 7, 8), (replace(RECIPE, micro_batch=8), 7, 8), (replace(RECIPE, batch_size=1), 0, 1)],
)
def test_a_second_time_is_an_error_with_a_remedy(recipe, most, size, encoder, limited):
    limited(most)
    number = "1 example" if size == 1 else f"{size} examples"
    with pytest.raises(MemoryLimitError, match=f"fine-tuning with {number} at a time") as raised:
        train(encoder, recipe)
    assert "micro_batch" in raised.value.remedy
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("held", [False, True])
def test_a_training_in_halves_goes_on_in_halves(held, encoder, limited, tmp_path):
    """After a stop the larger size, for which there is no memory, is not tried again.

    Also where a mask has set weights to zero, which are not those that the training begins with.
    """
    options = {"subnetwork": every_third_weight_dead(load_encoder(str(encoder)))} if held else {}
    exact = train(encoder, replace(RECIPE, micro_batch=8), **options)

    class Stopped(Exception):
        pass

    def stop(done, _total):
        if done == 4:
            raise Stopped

    seen, said = limited(8), []
    with pytest.raises(Stopped):
        train(encoder, progress=stop, checkpoints=tmp_path, checkpoint_steps=1, **options)
    seen.clear()
    found = train(encoder, checkpoints=tmp_path, say=said.append, **options)
    assert said == ["resumes after step 3 of 6"]
    assert max(seen) == 8
    assert found.micro_batch == 8
    assert content(found) == content(exact)


def test_other_errors_are_not_taken_for_it(encoder, limited):
    limited(8, RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        train(encoder)
    assert not is_out_of_memory(ValueError("out of memory"))


def test_what_torch_says_of_a_full_processor_is_known():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(raised.value)
    with pytest.raises(MemoryLimitError, match="1 example"):
        once_halved(lambda size: torch.empty(2**60), 2, what="x", remedy="y")


def test_a_budget_chooses_the_size(encoder):
    model = load_classifier(str(encoder), PARTS.spec, new_head=True, seed=1)
    encoded = text_batches(load_tokenizer(str(encoder)), PARTS.train, batch_size=16, max_length=64)
    constant, each = training_bytes(model, encoded, "float32")
    assert constant > 4 * 4 * sum(p.numel() for p in model.parameters()) * 0.99
    budget = (constant + 4.5 * each) / GB
    trained = train(encoder, replace(RECIPE, memory_gb=budget))
    assert trained.micro_batch == 4
    assert content(trained) == content(train(encoder, replace(RECIPE, micro_batch=4)))
    assert train(encoder, replace(RECIPE, memory_gb=100.0)).micro_batch == 16
    with pytest.raises(ConfigError, match="one example at a time takes about"):
        train(encoder, replace(RECIPE, memory_gb=constant / GB))


def test_counting_memory_changes_nothing(encoder):
    assert content(train(encoder, replace(RECIPE, memory_gb=100.0))) == content(train(encoder))


def test_what_is_counted_grows_with_length_and_shrinks_with_precision(encoder):
    model = load_classifier(str(encoder), PARTS.spec, new_head=True, seed=1)
    tokenizer = load_tokenizer(str(encoder))

    def each(max_length, precision="float32"):
        encoded = text_batches(tokenizer, PARTS.train, batch_size=16, max_length=max_length)
        return training_bytes(model, encoded, precision)[1]

    assert each(64) > 1.4 * each(6)
    assert each(64, "bfloat16") < each(64)
