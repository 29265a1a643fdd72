"""A loaded model answers in the task's order, whatever order its head was trained in."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from subprobe.data.errors import CheckpointError
from subprobe.data.tasks.glue import GLUE
from subprobe.data.tasks.task import TaskSpec
from subprobe.models.checkpoint.checkpoint import (
    load_classifier,
    load_encoder,
    load_saved,
    load_tokenizer,
    save_classifier,
)
from subprobe.models.checkpoint.compact_files import load_compact, save_compact
from subprobe.models.checkpoint.contract import check_plain_head
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.smaller.bake import bake
from subprobe.models.smaller.shrink import shrink
from tiers import mostly_slow
from tiny import FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer

IDS = torch.tensor([[0, 7, 9, 30, 41, 2], [0, 11, 12, 13, 14, 2]])
MNLI = GLUE["mnli"]
ORDER = (2, 0, 1)
"""Output of the flipped model -> class of the task."""


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS).logits


def name_classes(folder, names, **fields):
    config = json.loads((folder / "config.json").read_text())
    tables = {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}
    (folder / "config.json").write_text(json.dumps({**config, **tables, **fields}))
    return folder


def last_rows(weights):
    """Names of the output layer's weight and bias: three rows, under `classifier`."""
    return [n for n, t in weights.items() if n.startswith("classifier") and t.shape[0] == 3]


def saved(folder, family="bert", names=MNLI.labels, order=(0, 1, 2)):
    """A three-way classifier whose output `k` is the class `order[k]` of the plain one."""
    tiny_model(family, "classification", num_labels=3).save_pretrained(folder)
    tiny_tokenizer(TOKENIZER_OF[family]).save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    rows = last_rows(weights)
    assert len(rows) == 2
    for name in rows:
        weights[name] = weights[name][list(order)].contiguous()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return name_classes(folder, names)


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_rows_in_another_order_give_the_same_function(family, tmp_path):
    plain = saved(tmp_path / "good", family)
    flipped = [MNLI.labels[k].upper() for k in ORDER]
    turned = saved(tmp_path / "flipped", family, flipped, ORDER)
    one, other = (load_classifier(str(folder), MNLI) for folder in (plain, turned))
    assert (logits(one) - logits(one)[:, [1, 2, 0]]).abs().min() > 1e-3
    torch.testing.assert_close(logits(other), logits(one), atol=1e-6, rtol=0)
    assert weights_fingerprint(one) == weights_fingerprint(other)
    assert other.config.id2label == dict(enumerate(MNLI.labels))
    # as it was saved, it keeps its own order and says so
    own = load_saved(str(turned))
    torch.testing.assert_close(logits(own), logits(one)[:, list(ORDER)], atol=1e-6, rtol=0)
    assert own.config.id2label == dict(enumerate(flipped))


def test_what_is_saved_from_it_says_its_order(tmp_path):
    """Whatever is written from a model in another order comes back as the same function."""
    flipped = [MNLI.labels[k].upper() for k in ORDER]
    folder = saved(tmp_path / "m", names=flipped, order=ORDER)
    expected = logits(load_classifier(str(folder), MNLI))
    tokenizer = load_tokenizer(str(folder))
    for kind, model in {
        "saved": load_saved(str(folder)),
        "ordered": load_classifier(str(folder), MNLI),
    }.items():
        mask = full_subnetwork(anatomy_of(model), kind="good", method="structured")
        heads = mask.head_mask.copy()
        heads[0, 1] = False
        mask = mask.with_meta(head_mask=heads)
        save_classifier(model, tokenizer, tmp_path / f"{kind}-whole", {})
        save_classifier(bake(model, mask), tokenizer, tmp_path / f"{kind}-baked", {}, mask)
        save_compact(shrink(model, mask), tokenizer, tmp_path / f"{kind}-small", mask, {})
        whole = load_classifier(str(tmp_path / f"{kind}-whole"), MNLI)
        torch.testing.assert_close(logits(whole), expected, atol=1e-6, rtol=0)
        masked = logits(bake(load_classifier(str(folder), MNLI), mask))
        assert (masked - expected).abs().max() > 1e-3
        for form in ("baked", "small"):
            again = load_classifier(str(tmp_path / f"{kind}-{form}"), MNLI)
            torch.testing.assert_close(logits(again), masked, atol=1e-5, rtol=0)
        small = load_compact(tmp_path / f"{kind}-small")
        names = flipped if kind == "saved" else list(MNLI.labels)
        assert small.config.id2label == dict(enumerate(names))


def test_merged_classes_have_the_sum_of_their_probabilities(tmp_path):
    folder = saved(tmp_path / "m")
    rte = GLUE["rte"]
    pairs = (("not_entailment", "neutral"), ("not_entailment", "contradiction"))
    merged = load_classifier(str(folder), rte, labels=pairs)
    three = logits(load_classifier(str(folder), MNLI)).softmax(-1)
    expected = torch.stack([three[:, 0], three[:, 1] + three[:, 2]], dim=-1)
    torch.testing.assert_close(logits(merged).softmax(-1), expected)
    assert merged.num_labels == merged.config.num_labels == 2
    with pytest.raises(CheckpointError, match="cannot be saved"):
        check_plain_head(merged, "m")
    with pytest.raises(CheckpointError, match="entailment, neutral, contradiction, those of rte"):
        load_classifier(str(folder), rte)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"label2id": {"entailment": 2, "neutral": 1, "contradiction": 0}}, "label2id"),
        ({"id2label": {"0": "entailment", "1": "neutral", "3": "contradiction"}}, "id2label"),
        ({"id2label": {"0": "entailment", "1": "neutral", "2": "neutral"}}, "duplicates"),
        ({"id2label": ["entailment", "neutral", "contradiction"]}, "id2label"),
        ({"label2id": {"entailment": 0}}, "label2id"),
        ({"problem_type": "multi_label_classification"}, "multi label"),
        ({"architectures": ["BertForTokenClassification"]}, "BertForTokenClassification"),
    ],
)
def test_a_contradictory_checkpoint_is_refused(fields, said, tmp_path):
    folder = saved(tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **fields}))
    with pytest.raises(CheckpointError, match=said):
        load_classifier(str(folder), MNLI)


def test_one_table_of_names_is_enough(tmp_path):
    flipped = [MNLI.labels[k] for k in ORDER]
    folder = saved(tmp_path / "m", names=flipped, order=ORDER)
    expected = logits(load_classifier(str(folder), MNLI))
    config = json.loads((folder / "config.json").read_text())
    placeholders = {str(k): f"LABEL_{k}" for k in range(3)}
    for changed in (
        {n: v for n, v in config.items() if n != "id2label"},
        {n: v for n, v in config.items() if n != "label2id"},
        {**config, "id2label": placeholders},
    ):
        (folder / "config.json").write_text(json.dumps(changed))
        assert torch.equal(logits(load_classifier(str(folder), MNLI)), expected)
        assert load_saved(str(folder)).config.id2label == dict(enumerate(flipped))


def test_a_number_is_no_class(tmp_path):
    folder = saved(tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"has 3 classes .* stsb is a number"):
        load_classifier(str(folder), GLUE["stsb"])
    tiny_model("bert", "classification", num_labels=1).save_pretrained(tmp_path / "one")
    with pytest.raises(CheckpointError, match="made for a number"):
        load_classifier(str(tmp_path / "one"), GLUE["rte"])
    assert logits(load_classifier(str(tmp_path / "one"), GLUE["stsb"])).shape == (2, 1)


@pytest.mark.parametrize(
    "family", mostly_slow(["bert", "roberta", "distilbert", "modernbert", "deberta-v2"], ["bert"])
)
def test_a_new_head_does_not_remember_the_old_one(family, tmp_path):
    """The seed decides it, and it is the one that an encoder without a head gets."""
    folder = saved(tmp_path / "m", family)
    bare = tmp_path / "bare"
    load_encoder(str(folder)).save_pretrained(bare)
    for spec in (MNLI, GLUE["rte"], GLUE["stsb"]):
        heads = []
        for source, seed in ((folder, 1), (folder, 1), (bare, 1), (folder, 2)):
            model = load_classifier(str(source), spec, new_head=True, seed=seed)
            inside = f"{model.base_model_prefix}."
            heads.append({n: t for n, t in model.state_dict().items() if not n.startswith(inside)})
        first, same, of_bare, other = heads
        assert all(torch.equal(first[name], same[name]) for name in first)
        assert all(torch.equal(first[name], of_bare[name]) for name in first)
        assert any(not torch.equal(first[name], other[name]) for name in first)
        stored = load_file(folder / "model.safetensors")
        for name in first:
            if name.endswith("weight") and "norm" not in name:
                assert not torch.equal(first[name], stored[name])
    assert weights_fingerprint(model) == weights_fingerprint(load_encoder(str(folder)))


def test_placeholder_tasks_of_ones_own(tmp_path):
    """A task's own LABEL_1 before LABEL_0 is found by name."""
    folder = saved(tmp_path / "m", names=("LABEL_0", "LABEL_1", "LABEL_2"))
    own = TaskSpec("own", ("LABEL_2", "LABEL_0", "LABEL_1"), "accuracy", ("accuracy",), pair=False)
    plain = logits(load_saved(str(folder)))
    assert torch.equal(logits(load_classifier(str(folder), own)), plain[:, [2, 0, 1]])


def test_a_folder_does_not_shadow_the_hub(tmp_path, monkeypatch):
    """What the hub gave is read, though a folder of the same name lies here."""
    from huggingface_hub import constants

    cache, commit = tmp_path / "cache", "0" * 40
    fetched = cache / "models--owner--nli"
    (fetched / "refs").mkdir(parents=True)
    (fetched / "refs" / "main").write_text(commit)
    saved(fetched / "snapshots" / commit)
    saved(tmp_path / "owner" / "nli", order=ORDER)
    (tmp_path / "owner" / "nli" / "subprobe.json").write_text('{"task": "snli"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    expected = logits(load_classifier(str(fetched / "snapshots" / commit), MNLI))
    assert torch.equal(logits(load_classifier("owner/nli", MNLI)), expected)
    assert len(load_tokenizer("owner/nli")) > 5
    with pytest.raises(CheckpointError, match="fine-tuned on snli"):
        load_classifier("./owner/nli", MNLI)
    (tmp_path / "owner" / "missing").mkdir()
    with pytest.raises(CheckpointError, match=r"\./owner/missing"):
        load_classifier("owner/missing", MNLI)
