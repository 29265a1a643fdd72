"""Models with a multiple-choice head: which families have one, saving, loading, and refusals."""

import pytest
import torch
from questions import WITH_HEAD, batches_of, chooser, questions
from subprobe.data.encoding.collate import to_inputs
from subprobe.data.errors import CheckpointError, ConfigError, UnknownNameError
from subprobe.data.tasks.by_name import task_spec
from subprobe.data.tasks.choices.generated import READING, reading
from subprobe.models.checkpoint.checkpoint import load_saved, load_untrained, save_classifier
from subprobe.models.checkpoint.compact_files import save_compact
from subprobe.models.checkpoint.contract import output_layer
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.language.task_models import load_task_model
from subprobe.models.masks.subnetwork import full_subnetwork
from tiers import mostly_slow
from tiny import FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer
from transformers import AutoModelForMultipleChoice


def logits(model, tokenizer, examples):
    batch = batches_of(tokenizer, examples, len(examples)).batch(tuple(range(len(examples))))
    with torch.no_grad():
        return model(**to_inputs(batch)).logits


@pytest.mark.parametrize("family", mostly_slow(WITH_HEAD))
def test_the_head_scores_each_option_alone(family, tmp_path):
    model, tokenizer = chooser(family)
    assert output_layer(model, 1)[1].out_features == 1
    examples = questions(4)
    batch = batches_of(tokenizer, examples, 4).batch((0, 1, 2, 3))
    found = logits(model, tokenizer, examples)
    assert found.shape == (4, 4)
    single = {name: tensor[2:3, 1:2] for name, tensor in to_inputs(batch).items()}
    with torch.no_grad():
        alone = model(**single).logits
    torch.testing.assert_close(alone[0, 0], found[2, 1], atol=1e-5, rtol=0)
    save_classifier(model, tokenizer, tmp_path / "m", {"task": "reading", "pair": True})
    again = load_task_model(str(tmp_path / "m"), READING)
    assert logits(again, tokenizer, examples).equal(found)
    stock = AutoModelForMultipleChoice.from_pretrained(tmp_path / "m").eval()
    torch.testing.assert_close(logits(stock, tokenizer, examples), found, atol=1e-5, rtol=0)


def test_the_families_are_all_but_one():
    assert set(FAMILIES) - set(WITH_HEAD) == {"deberta"}


def test_a_family_without_such_a_head_is_refused(tmp_path):
    tiny_model("deberta").save_pretrained(tmp_path)
    tiny_tokenizer(TOKENIZER_OF["deberta"]).save_pretrained(tmp_path)
    with pytest.raises(UnknownNameError, match=r"multiple-choice head.*deberta.*bert"):
        load_task_model(str(tmp_path), READING, new_head=True)


def test_new_heads_follow_their_seed_and_drop_other_heads(tiny_encoder, tmp_path):
    one, same, other = (
        load_task_model(str(tiny_encoder), READING, new_head=True, seed=seed) for seed in (1, 1, 2)
    )
    assert one.classifier.weight.equal(same.classifier.weight)
    assert not one.classifier.weight.equal(other.classifier.weight)
    classifier = tiny_model("bert", "classification", num_labels=3)
    save_classifier(classifier, tiny_tokenizer("wordpiece"), tmp_path / "c", {})
    changed = load_task_model(str(tmp_path / "c"), READING, new_head=True, seed=1)
    assert changed.classifier.weight.shape == (1, 32)
    assert changed.bert.pooler.dense.weight.equal(classifier.bert.pooler.dense.weight)


def test_heads_of_other_kinds_are_refused(tmp_path):
    tokenizer = tiny_tokenizer("wordpiece")
    save_classifier(tiny_model("bert", "classification"), tokenizer, tmp_path / "c", {})
    with pytest.raises(CheckpointError, match=r"no multiple-choice head.*SequenceClassification"):
        load_task_model(str(tmp_path / "c"), READING)
    model, _ = chooser()
    save_classifier(model, tokenizer, tmp_path / "m", {"task": "reading", "pair": True})
    with pytest.raises(CheckpointError, match=r"no classifier of texts.*ForMultipleChoice"):
        load_task_model(str(tmp_path / "m"), task_spec("entailment"), any_task=True)
    with pytest.raises(CheckpointError, match="fine-tuned on reading, not on quail"):
        load_task_model(str(tmp_path / "m"), task_spec("quail"))
    with pytest.raises(ConfigError, match="no classes to map"):
        load_task_model(str(tmp_path / "m"), READING, labels=(("A", "B"),))
    kept = load_task_model(str(tmp_path / "m"), task_spec("quail"), any_task=True)
    assert kept.classifier.weight.equal(model.classifier.weight)
    assert type(load_saved(str(tmp_path / "m"))) is type(model)


def test_an_untrained_baseline_has_the_head(tiny_encoder):
    model = load_untrained(str(tiny_encoder), READING, seed=3)
    assert type(model).__name__ == "BertForMultipleChoice"


def test_a_smaller_model_is_saved_and_loaded(tmp_path):
    model, tokenizer = chooser()
    mask = full_subnetwork(anatomy_of(model))
    heads = mask.head_mask.copy()
    heads[0, :2] = False
    heads[1] = False
    mask = type(mask)(heads, mask.mlp_mask)
    save_compact(model, tokenizer, tmp_path / "s", mask, {"task": "reading", "pair": True})
    smaller = load_task_model(str(tmp_path / "s"), READING)
    from subprobe.models.masks.gates import gated

    examples = reading(0, {"test": 4})["test"]
    with gated(model, mask):
        wanted = logits(model, tokenizer, examples)
    torch.testing.assert_close(logits(smaller, tokenizer, examples), wanted, atol=1e-5, rtol=0)
    with pytest.raises(CheckpointError, match="smaller model and cannot get a new head"):
        load_task_model(str(tmp_path / "s"), READING, new_head=True)
