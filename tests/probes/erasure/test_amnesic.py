from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from erasure_cases import some_learning, tagged
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.data.errors import AnnotationError, ConfigError, InputError, UnknownNameError
from subprobe.data.sentences.sentence import Example, Sentence
from subprobe.probes.erasure.leace import LeaceSums
from subprobe.probes.erasure.linear_probe import LinearProbe
from subprobe.probes.forward.held_out import halves, unit_digest
from subprobe.probes.named import run_named_probes
from subprobe.probes.options import check_options

TEST = tagged(random_examples(40, seed=3))
LEACE = "own;eraser=leace;shrinkage=off"
INLP = "own;eraser=inlp;margin=0.01"


def ran(context, learning, examples=TEST, **options):
    (result,) = run_named_probes(
        context, examples, ["amnesic"], options={"amnesic": options}, learning=learning
    )
    return result


@pytest.fixture(scope="module")
def context():
    return with_dead_heads(tiny_context("bert", double=False), [(0, 1), (1, 3)])


@pytest.fixture(scope="module")
def learning(tmp_path_factory):
    return some_learning(tmp_path_factory.mktemp("amnesic"))


@pytest.fixture(scope="module")
def result(context, learning):
    return ran(context, learning, erasers=("leace", "inlp"))


def value(result, metric, layer, variant=LEACE):
    rows = result.rows
    chosen = (rows["metric"] == metric) & (rows["layer"] == layer) & (rows["variant"] == variant)
    (row,) = rows[chosen].to_dict("records")
    return row


def loaded(context, learning, examples, layer):
    states = learning.states.of(context, examples)
    tags = [states.sentence(i).upos[p] for i in range(len(examples)) for p in states.places(i)]
    names = sorted(set(tags))
    return states.state(layer).double(), np.array([names.index(tag) for tag in tags])


def test_agrees_with_a_plain_second_way(context, learning, result):
    """Erase, fit and score one state by hand."""
    for layer in range(3):
        x, y = loaded(context, learning, learning.train, layer)
        u, v = loaded(context, learning, TEST, layer)
        sums = LeaceSums(32, 3)
        sums.update(x, torch.from_numpy(y))
        erase = sums.eraser()
        first = np.bincount(y).argmax()

        def right(train, test, y=y, v=v):
            probe = LinearProbe.fit(train.float().numpy(), y)
            return (probe.predict(test.float().numpy()) == v).mean()

        own = value(result, "accuracy", layer, "own")
        assert own["value"] == pytest.approx(right(x, u), abs=2e-3)
        assert own["baseline_value"] == pytest.approx((v == first).mean())
        assert own["n"] == len(v)
        after = value(result, "accuracy_erased", layer)
        assert after["value"] == pytest.approx(right(erase(x), erase(u)), abs=2e-3)
        assert value(result, "rank_removed", layer)["value"] == 2
        # on the words of the fit, erased vectors say nothing: the majority is the optimum
        fit = value(result, "accuracy_erased_fit", layer)
        assert fit["value"] == fit["baseline_value"] == pytest.approx((y == first).mean())
        assert fit["n"] == len(y)
        assert own["value"] > fit["value"] + 0.1


def test_refitted_probe_learns_on_one_half_and_is_scored_on_the_other(context, learning, result):
    side = np.array(halves([unit_digest(one, one.first) for one in TEST]))
    for layer in (0, 2):
        x, y = loaded(context, learning, learning.train, layer)
        u, v = loaded(context, learning, TEST, layer)
        sums = LeaceSums(32, 3)
        sums.update(x, torch.from_numpy(y))
        moved = sums.eraser()(u).float().numpy()
        half = np.repeat(side, [len(one.first.words) for one in TEST])
        right, null = 0, 0
        for one in (0, 1):
            probe = LinearProbe.fit(moved[half == one], v[half == one])
            right += (probe.predict(moved[half != one]) == v[half != one]).sum()
            null += (v[half != one] == np.bincount(v[half == one]).argmax()).sum()
        row = value(result, "accuracy_erased_refitted", layer)
        assert row["value"] == pytest.approx(right / len(v), abs=5e-3)
        assert row["baseline_value"] == pytest.approx(null / len(v))
        assert row["n"] == len(v)


def test_controls(result):
    for variant in (LEACE, INLP):
        for layer in range(3):
            own = value(result, "accuracy", layer, "own")["value"]
            erased = value(result, "accuracy_erased", layer, variant)["value"]
            random = value(result, "accuracy_random", layer, variant)["value"]
            assert value(result, "accuracy_gold", layer, variant)["value"] > 0.99
            drop = value(result, "accuracy_drop_selective", layer, variant)["value"]
            assert drop == pytest.approx(random - erased)
            if variant == LEACE:
                assert random > own - 0.15
                assert drop > 0.05


def test_inlp_says_its_rounds_and_rank(result):
    for layer in range(3):
        rank = value(result, "rank_removed", layer, INLP)["value"]
        said = str(result.notes[f"amnesic_upos_inlp_rounds_{layer}"])
        rounds = int(said.split(",")[0])
        assert 2 <= rank <= min(32, 2 * rounds)
    assert result.notes["amnesic_upos_unconverged"] == 0


def test_rows_are_sums_of_items(result):
    items = result.items
    sums = items.groupby(["variant", "metric", "layer", "relation"])[
        ["numerator", "denominator"]
    ].sum()
    rows = result.rows[result.rows["metric"] != "rank_removed"]
    assert len(sums) == len(rows) == 3 * (1 + 2 * 6)
    for row in rows.to_dict("records"):
        one = sums.loc[row["variant"], row["metric"], row["layer"], row["relation"]]
        assert row["value"] == pytest.approx(one["numerator"] / one["denominator"])
        assert row["n"] == one["denominator"]
    assert (result.rows["unit"] == "layer").all()
    assert (result.rows["relation"] == "upos").all()
    # items of the words that were learnt from are other sentences
    fit = items[items["metric"] == "accuracy_erased_fit"]
    assert len(fit) == 2 * 3 * 60


def test_same_seed_same_numbers(context, tmp_path):
    options = {"max_words": 200, "seed": 5}
    found = [ran(context, some_learning(tmp_path / n), TEST[:10], **options) for n in "ab"]
    assert found[0].rows.equals(found[1].rows)
    assert found[0].notes == found[1].notes
    n = found[0].notes["amnesic_upos_n_train"]
    assert 200 <= n < 214


def test_several_properties(context, learning):
    found = ran(context, learning, properties=("upos", "deprel")).rows
    assert set(found["relation"]) == {"upos", "deprel"}
    ranks = found[found["metric"] == "rank_removed"].groupby("relation")["value"].first()
    assert ranks["upos"] == 2
    assert ranks["deprel"] == 6


def retag(examples, words):
    """The examples with other tags, from each word and its place."""
    tags = [tuple(words(w, i) for i, w in enumerate(one.first.words)) for one in examples]
    return tuple(
        replace(one, first=replace(one.first, upos=upos))
        for one, upos in zip(examples, tags, strict=True)
    )


def test_classes_that_train_lacks_are_missed_and_counted(context, learning):
    other = retag(TEST, lambda word, place: "X" if place == 0 else "NOUN")
    found = ran(context, learning, other)
    assert found.notes["amnesic_upos_n_test_unseen"] == 40
    row = value(found, "accuracy_gold", 1)
    assert row["value"] == pytest.approx(1 - 40 / row["n"])


def test_a_class_with_one_member_is_erased_too(context, learning):
    first = learning.train[0]
    one = replace(first, first=replace(first.first, upos=("X", *first.first.upos[1:])))
    found = ran(context, replace(learning, train=(one, *learning.train[1:])))
    assert value(found, "rank_removed", 1)["value"] == 3
    assert "X=1" in str(found.notes["amnesic_upos_classes"])


def test_words_cut_off_and_pairs_are_read(context, learning):
    short = replace(context, max_length=8)
    found = ran(short, learning, random_examples(12, pairs=True))
    assert 0 < value(found, "accuracy", 0, "own")["n"] < 12 * 6


def test_two_texts_that_are_equal_give_no_refit(context, learning):
    twice = [replace(TEST[0], id="a"), replace(TEST[0], id="b")]
    row = value(ran(context, learning, twice), "accuracy_erased_refitted", 0)
    assert row["n"] == 0
    assert pd.isna(row["value"])


@pytest.mark.parametrize(
    ("tag", "options", "said"),
    [
        (lambda *_: "NOUN", {}, "all words of the train part have the same"),
        (lambda word, place: f"{word}{place}", {}, "has only 32 dim"),
        (
            lambda *_: "X",
            {"properties": ("xpos",)},
            "no sentence is annotated with the prop",
        ),
    ],
)
def test_properties_that_cannot_be_erased_are_one_line(tag, options, said, context, learning):
    with pytest.raises((InputError, AnnotationError), match=said) as caught:
        ran(context, replace(learning, train=retag(learning.train, tag)), **options)
    assert "\n" not in str(caught.value)


def test_parts_without_the_property_are_named(context, learning):
    bare = replace(learning, dev=(Example("e", Sentence("s", ("a", "b"), upos=("", ""))),))
    with pytest.raises(AnnotationError, match="dev part is annotated with the property 'upos'"):
        ran(context, bare)


def test_states_that_are_not_finite_are_refused(learning):
    context = tiny_context("bert", double=False)
    with torch.no_grad():
        context.anatomy.mlp_output(context.model, 1).bias[0] = float("nan")
    with pytest.raises(InputError, match="hidden state 2 of the train part contains NaN"):
        ran(context, learning)


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"properties": "upso"}, UnknownNameError, "did you mean 'upos'"),
        ({"properties": ()}, ConfigError, "at least 1 item"),
        ({"erasers": "lace"}, ConfigError, "'leace' or 'inlp', got 'lace'"),
        ({"margin": -0.1}, ConfigError, "must be >= 0, got -0.1"),
        ({"penalty": 0.0}, ConfigError, "must be > 0, got 0.0"),
    ],
)
def test_options_are_checked(options, kind, said):
    with pytest.raises(kind, match=said):
        check_options({"amnesic": options}, ["amnesic"])
