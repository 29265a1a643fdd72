"""V-information is, word by word, what two plain classifiers give."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_states import plain_classifier
from probe_cases import random_examples, tiny_context
from subprobe.data.errors import InputError
from subprobe.data.sentences.sentence import Example
from subprobe.probes.description_length.layer_probes import bit_schedule
from subprobe.probes.forward.base import ProbeResult
from subprobe.probes.learning.learning import Learning
from subprobe.probes.learning.readouts import Form
from subprobe.probes.named import run_named_probes
from subprobe.probes.states.cache import StateCache

RATE, EPOCHS = 0.05, 40


def by_length(examples: list[Example]) -> list[Example]:
    """The examples with a tag that follows from the word."""
    return [
        replace(
            one,
            first=replace(
                one.first,
                upos=tuple(("A", "B", "B", "C")[len(word) % 4] for word in one.first.words),
            ),
        )
        for one in examples
    ]


TRAIN, DEV, TEST = (by_length(random_examples(n, seed=n)) for n in (80, 16, 12))
CONTEXT = tiny_context("bert", double=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("states")


def run(
    folder: Path, test: Any = TEST, train: Any = TRAIN, dev: Any = DEV, **options: Any
) -> ProbeResult:
    learning = Learning(tuple(train), tuple(dev), "given", StateCache(folder))
    given = {"v-information": {"rates": (RATE,), "epochs": EPOCHS, **options}}
    [found] = run_named_probes(CONTEXT, test, ["v-information"], options=given, learning=learning)
    return found


@pytest.fixture(scope="module")
def found(folder) -> ProbeResult:
    return run(folder)


def labels(examples: list[Example]) -> list[str]:
    return [tag for one in examples for tag in one.first.upos]


def test_pointwise_values_are_those_of_two_plain_classifiers(folder, found):
    """The null model counts; the other is `torch.nn.Linear` on one state, trained by itself."""
    layer, names = 1, ["A", "B", "C"]
    cache = StateCache(folder)
    parts = {}
    for name, examples in (("train", TRAIN), ("dev", DEV), ("test", TEST)):
        states = cache.of(CONTEXT, examples)
        gold = torch.tensor([names.index(tag) for tag in labels(examples)])
        parts[name] = states, states.state(layer).clone(), gold

    def epoch_of(epoch: int) -> list[Any]:
        states, vectors, gold = parts["train"]
        order = np.random.default_rng((0, 0, 0, epoch)).permutation(len(TRAIN))
        rows = [np.arange(states.num_words)[states.rows(int(text))] for text in order]
        chunks = [np.concatenate(rows[start : start + 32]) for start in range(0, len(rows), 32)]
        return [(vectors[chunk], gold[chunk]) for chunk in chunks]

    plain, *_ = plain_classifier(
        Form(32, 3), 0, epoch_of, lambda: [parts["dev"][1:]],
        lr=RATE, schedule=bit_schedule(EPOCHS),
    )  # fmt: skip
    _, vectors, gold = parts["test"]
    with torch.no_grad():
        given = torch.softmax(plain(vectors).double(), -1)[torch.arange(len(gold)), gold]
    counted = Counter(labels(TRAIN))
    null = np.array([counted[names[one]] / counted.total() for one in gold.tolist()])
    wanted = np.log2(given.numpy()) - np.log2(null)
    items = found.items
    own = items[items["metric"].eq("v_information") & items["layer"].eq(layer)]
    np.testing.assert_allclose(own["score"].astype(float), wanted, atol=2e-3)
    assert own["gold"].astype(int).tolist() == gold.tolist()
    said = plain(vectors).argmax(-1)
    assert (own["prediction"].to_numpy(int) == said.numpy()).mean() > 0.98
    first = TEST[0]
    assert own["item_id"].iloc[0] == f"{first.id}:1"
    assert own["sentence_id"].iloc[0] == first.first.id
    assert own["item_id"].is_unique


def test_rows_are_means_of_items(found):
    rows, items = found.rows, found.items
    means = items.groupby(["metric", "layer"])["score"].mean()
    assert len(rows) == len(means) == 9
    for metric, layer, value in zip(rows["metric"], rows["layer"], rows["value"], strict=True):
        assert value == pytest.approx(means[metric, layer])
    assert rows["n"].eq(len(labels(TEST))).all()
    assert rows["relation"].eq("upos").all()
    assert rows["variant"].eq("own").all()


def test_information_and_entropy_add_up_and_stay_within_their_bounds(found):
    rows = found.rows.set_index(["metric", "layer"])
    counted = Counter(labels(TRAIN))
    entropy = -np.mean([np.log2(counted[tag] / counted.total()) for tag in labels(TEST)])
    for layer in range(3):
        known = rows.loc[("v_information", layer)]
        assert known["baseline"] == "label entropy"
        assert known["baseline_value"] == pytest.approx(entropy)
        rest = rows.loc[("conditional_entropy", layer), "value"]
        assert rest > 0
        assert known["value"] + rest == pytest.approx(entropy)
        assert known["value"] <= min(entropy, np.log2(3))
        assert 0 <= rows.loc[("negative_share", layer), "value"] < 1
    assert rows.loc[("negative_share", 0), "value"] < 0.5
    assert rows.loc[("v_information", 0), "value"] > 0.1


def test_labels_without_any_pattern_carry_no_information(folder):
    """Tags of chance: the classifier is no better than the one that counts."""
    train, dev, test = (random_examples(n, seed=n) for n in (60, 20, 30))
    rows = run(folder, test=test, train=train, dev=dev, rates=(1e-3,)).rows
    assert abs(rows[rows["metric"].eq("v_information")]["value"].astype(float)).max() < 0.2


def test_words_with_a_label_that_was_never_seen_are_left_out_and_counted(folder):
    odd = TEST[0].first
    tags = ("NEW", *odd.upos[1:])
    test = [replace(TEST[0], first=replace(odd, upos=tags)), *TEST[1:]]
    found = run(folder, test=test)
    assert found.notes["v_information_words_unseen_label"] == 1
    assert found.rows["n"].eq(len(labels(TEST)) - 1).all()
    assert found.rows["n_dropped"].eq(1).all()
    assert f"{TEST[0].id}:1" not in set(found.items["item_id"])
    assert np.isfinite(found.items["score"].astype(float)).all()


def test_several_seeds_are_averaged(folder):
    def scores(**options: int) -> np.ndarray:
        items = run(folder, **options).items
        return items[items["metric"].eq("conditional_entropy")]["score"].to_numpy(float)

    one, both = scores(), scores(seeds=2)
    other = 2 * both - one  # of the second seed alone
    assert (other > 0).all()
    assert not np.allclose(one, other, atol=1e-3)
    assert scores(seeds=2).tobytes() == both.tobytes()


def test_a_hidden_layer_is_named(folder):
    assert run(folder, hidden=4).rows["variant"].eq("own;hidden=4").all()


@pytest.mark.parametrize("part", ["test", "dev"])
def test_a_part_without_known_labels_is_refused(folder, part):
    new = [
        replace(one, first=replace(one.first, upos=("NEW",) * len(one.first.words))) for one in TEST
    ]
    with pytest.raises(InputError, match=f"no word of the {part} part has a label of upos"):
        run(folder, **{part: new})
