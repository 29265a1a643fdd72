"""The probe `mdl`: rows that its items add up to, what it says of its course, and bad input."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.data.errors import ConfigError, InputError, UnknownNameError
from subprobe.data.sentences.sentence import Example
from subprobe.probes.forward.base import ProbeResult
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.states.cache import StateCache
from subprobe.probes.tokens.control_labels import ControlLabels

EPOCHS: dict[str, Any] = {
    "epochs": 4, "variational_epochs": 4, "shuffles": 2, "rates": (0.02,),
    "variational_rates": (0.02,),
}  # fmt: skip


def labelled(examples: list[Example], tag: Any = None) -> list[Example]:
    """The examples with a tag that follows from the word, so that there is something to learn."""
    tag = tag or (lambda word: ("LONG", "SHORT", "MIDDLE")[len(word) % 3])
    return [
        replace(one, first=replace(one.first, upos=tuple(map(tag, one.first.words))))
        for one in examples
    ]


TRAIN, DEV, TEST = (labelled(random_examples(n, seed=n)) for n in (30, 8, 9))
CONTEXT = tiny_context("bert", double=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("states")


def run(
    folder: Path, train: Any = TRAIN, dev: Any = DEV, context: Any = CONTEXT, **options: Any
) -> ProbeResult:
    learning = Learning(tuple(train), tuple(dev), "given", StateCache(folder))
    given = {"mdl": {**EPOCHS, **options}}
    [found] = run_named_probes(context, TEST, ["mdl"], options=given, learning=learning)
    return found


@pytest.fixture(scope="module")
def found(folder) -> ProbeResult:
    return run(folder)


@pytest.mark.parametrize(
    "options", [{}, {"control": "words"}, {"code": "variational", "hidden": 3}]
)
def test_rows_follow_from_items(folder, options):
    result = run(folder, **options)
    rows, items = result.rows, result.items
    words, K = sum(len(one.first.words) for one in TRAIN), 3
    assert set(rows["layer"]) == {0, 1, 2}
    assert rows["relation"].eq("upos").all()
    assert rows["n"].dropna().eq(words).all()
    suffix = ";hidden=3;code=variational" if options.get("code") else ""
    control = options.get("control", "types")
    assert set(rows["variant"]) == {f"own{suffix}", f"own;control={control}{suffix}"}
    for (variant, layer), own in rows.groupby(["variant", "layer"]):
        mine = items[items["variant"].eq(variant) & items["layer"].eq(layer)]
        sums = mine.groupby("metric")[["numerator", "denominator"]].sum()
        ratio = (sums["numerator"] / sums["denominator"]).to_dict()
        value = own.drop_duplicates("metric").set_index("metric")["value"].to_dict()
        bits = ratio["bits_per_word"]
        assert value["bits_per_word"] == pytest.approx(bits)
        assert value["codelength"] == pytest.approx(words * bits)
        assert value["compression"] == pytest.approx(math.log2(K) / bits)
        if suffix:
            assert 0 < value["model_bits"] < value["codelength"]
            assert "learning_curve_area" not in value
        else:
            assert value["learning_curve_area"] == pytest.approx(ratio["learning_curve_area"])
            assert "model_bits" not in value
        uniform = own[own["metric"].eq("codelength") & own["baseline"].eq("uniform code")]
        assert uniform["baseline_value"].item() == pytest.approx(words * math.log2(K))


def test_labels_of_the_word_are_shorter_than_the_uniform_code_and_their_entropy(folder):
    train = labelled(random_examples(200, seed=90))
    found = run(folder, train=train, epochs=40, rates=(0.01, 0.05), shuffles=1)
    held = found.rows[found.rows["metric"].eq("codelength") & found.rows["variant"].eq("own")]
    assert sorted(set(held["baseline"])) == [
        "label entropy", "own;control=types", "uniform code",
    ]  # fmt: skip
    first = held[held["layer"].eq(0) & held["baseline"].ne("own;control=types")]
    assert (first["value"] < first["baseline_value"]).all()
    control = found.rows[found.rows["variant"].eq("own;control=types")]
    of_control = control[control["metric"].eq("codelength")].drop_duplicates("layer")
    beside = held[held["baseline"].eq("own;control=types")]
    assert beside["baseline_value"].tolist() == of_control["value"].tolist()


def test_shuffles_blocks_and_random_labels_are_in_the_result(found):
    arrays, notes = found.arrays, found.notes
    lengths = arrays["mdl_codelengths"]
    assert lengths.shape == (2, 2, 3)
    rows = found.rows.drop_duplicates(["metric", "variant", "layer"]).set_index(
        ["metric", "variant", "layer"]
    )
    for m, variant in enumerate(("own", "own;control=types")):
        for layer in range(3):
            assert rows.loc[("codelength", variant, layer), "value"] == pytest.approx(
                lengths[m, :, layer].mean()
            )
            assert rows.loc[("codelength_sd", variant, layer), "value"] == pytest.approx(
                lengths[m, :, layer].std(ddof=1)
            )
    assert sorted(arrays["mdl_orders"][0]) == list(range(30))
    assert arrays["mdl_orders"][0].tolist() != arrays["mdl_orders"][1].tolist()
    np.testing.assert_allclose(arrays["mdl_block_bits"].sum(-1), lengths)
    words = sum(len(one.first.words) for one in TRAIN)
    assert arrays["mdl_block_words"].sum(-1).tolist() == [words, words]
    first = arrays["mdl_block_words"][:, 0] * math.log2(3)
    np.testing.assert_allclose(arrays["mdl_block_bits"][0, :, 1, 0], first)
    assert arrays["mdl_block_ends"].tolist() == [1, 2, 4, 8, 15, 30]
    assert notes["mdl_block_ends"] == "1, 2, 4, 8, 15, 30"
    types = {word for one in (*TRAIN, *DEV) for word in one.first.words}
    assert arrays["mdl_random_labels"].shape == (len(types),)
    assert notes["mdl_words"] == words
    assert "LONG" in str(notes["mdl_classes"])
    assert notes["n_texts_read"] == 30


def test_one_shuffle_has_no_spread_and_no_control_no_second_variant(folder):
    rows = run(folder, shuffles=1, control="none").rows
    assert set(rows["variant"]) == {"own"}
    assert set(rows["metric"]) == {
        "codelength", "bits_per_word", "compression", "learning_curve_area",
    }  # fmt: skip


def test_a_part_of_the_sentences_is_drawn_by_the_seed(folder):
    some = run(folder, sentences=10)
    assert some.notes["mdl_sentences"] == 10
    drawn = set(some.items["item_id"])
    assert len(drawn) == 10
    assert drawn == set(run(folder, sentences=10).items["item_id"])
    assert drawn != set(run(folder, sentences=10, seed=1).items["item_id"])
    # words of other sentences are lost to the rows
    words = sum(len(one.first.words) for one in TRAIN)
    assert (some.rows["n"] + some.rows["n_dropped"]).dropna().eq(words).all()
    assert run(folder, sentences=99).notes["mdl_sentences"] == 30


def test_a_part_of_the_dev_sentences_stops_training(folder, found):
    few = run(folder, dev_sentences=2)
    assert (few.notes["mdl_dev_sentences"], found.notes["mdl_dev_sentences"]) == (2, 8)
    assert few.rows["n"].equals(found.rows["n"])
    alone = [run(folder, dev=[one], epochs=9, rates=(0.3,)).rows["value"] for one in DEV[:2]]
    assert not alone[0].equals(alone[1])  # which sentences they are matters


def test_random_labels_of_word_forms_are_those_of_the_control_task(found):
    words = [word for one in (*TRAIN, *DEV) for word in one.first.words]
    counts = Counter(tag for one in TRAIN for tag in one.first.upos)
    names = sorted(counts)
    labels = ControlLabels("upos", 0, names, [counts[name] for name in names])
    np.testing.assert_array_equal(found.arrays["mdl_random_labels"], labels.table(words))


def test_the_same_seed_gives_the_same_rows_and_a_mask_others(folder, found):
    again = run(folder)
    assert again.rows.equals(found.rows)
    assert again.items.equals(found.items)
    heads = [(layer, head) for layer in range(2) for head in range(3)]
    masked = run(folder, context=with_dead_heads(CONTEXT, heads)).rows
    own, other = (rows[rows["metric"].eq("codelength")] for rows in (found.rows, masked))
    same = own["layer"].eq(0)
    assert own[same]["value"].tolist() == other[same]["value"].tolist()  # before the first head
    assert own[~same]["value"].tolist() != other[~same]["value"].tolist()
    # one and the same order for every model
    np.testing.assert_array_equal(found.arrays["mdl_orders"], run(folder).arrays["mdl_orders"])


def test_a_label_that_one_word_has_is_coded(folder):
    odd = [*labelled(random_examples(2, seed=3), lambda word: "ODD"), *TRAIN]
    once = replace(odd[0].first, upos=("ODD", *["LONG"] * (len(odd[0].first.words) - 1)))
    found = run(folder, train=[replace(odd[0], first=once), *TRAIN], shuffles=1)
    assert "ODD 1" in str(found.notes["mdl_classes"])
    assert np.isfinite(found.rows["value"].astype(float)).all()


def test_a_label_of_dev_alone_is_counted(folder):
    dev = [*DEV, *labelled(random_examples(1, seed=77), lambda word: "NEW")]
    found = run(folder, dev=dev, shuffles=1)
    assert found.notes["mdl_dev_words_unseen_label"] == len(dev[-1].first.words)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"train": labelled(TRAIN, lambda w: "X")},
            "at least two labels of upos: all words have .* 'X'",
        ),
        ({"train": TRAIN[:1]}, "an online code needs at least 2 labelled sentences, got 1"),
        ({"dev": labelled(DEV, lambda w: "NEW")}, "no word of the dev part has a label of upos"),
        ({"property": "xpos"}, "at least two labels of xpos: no word is labelled"),
    ],
)
def test_what_cannot_be_coded_is_refused(folder, given, message):
    with pytest.raises(InputError, match=message):
        run(folder, **given)


def test_an_unknown_property_is_refused(folder):
    with pytest.raises(UnknownNameError, match="mood"):
        run(folder, property="mood")


def test_states_that_are_no_numbers_are_refused(tmp_path):
    context = tiny_context("bert", double=False)
    with torch.no_grad():
        context.model.encoder.layer[1].output.dense.bias.fill_(float("nan"))
    with pytest.raises(InputError, match="NaN or infinit"):
        run(tmp_path, context=context)


def test_without_texts_to_learn_from_it_is_refused():
    with pytest.raises(ConfigError, match="needs training texts"):
        run_named_probes(CONTEXT, TEST, ["mdl"])
