"""Control tasks: one label a word type, what can be learnt of them at most, and selectivity."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_states import PlantedStates
from probe_cases import TAGS, WORDS, random_examples, tiny_context
from subprobe.data.errors import InputError
from subprobe.data.sentences.sentence import ROOT, Example, Sentence
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.states.cache import StateCache
from subprobe.probes.tokens.arcs import YES, arc_pairs, attached_pairs
from subprobe.probes.tokens.control import run_control
from subprobe.probes.tokens.control_labels import ATTACHMENTS, ControlLabels, attached, types_hash


def learning_of(make, sizes=(40, 15, 20)):
    """Test examples, and learning from others, with states that are made up."""
    train, dev, test = (random_examples(n, seed=k) for k, n in enumerate(sizes))
    return test, Learning(tuple(train), tuple(dev), "given", PlantedStates(make))  # type: ignore[arg-type]


# -- labels ----------------------------------------------------------------------------------------


def test_a_type_has_one_label_whatever_is_beside_it():
    labels = ControlLabels("upos", 0, TAGS, [5, 3, 1, 1, 2])
    again = ControlLabels("upos", 0, TAGS, [5, 3, 1, 1, 2])
    forward = {word: labels.of(word) for word in WORDS}
    assert forward == {word: again.of(word) for word in reversed(WORDS)}
    assert len({labels.of(word) for word in WORDS}) == len(TAGS)
    others = [ControlLabels("upos", 1, TAGS, [5, 3, 1, 1, 2]),
              ControlLabels("xpos", 0, TAGS, [5, 3, 1, 1, 2])]  # fmt: skip
    for other in others:
        assert {word: other.of(word) for word in WORDS} != forward
    # case-sensitive: forms that differ in case alone are drawn apart
    upper = [labels.of(word.upper()) for word in WORDS]
    assert upper != [labels.of(word.lower()) for word in WORDS]


def test_labels_follow_the_distribution_of_training():
    counts = np.array([50, 30, 15, 5])
    labels = ControlLabels("upos", 7, "abcd", counts.tolist())
    drawn = [labels.number(f"type {k}") for k in range(20_000)]
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    np.testing.assert_allclose(shares, counts / 100, atol=0.01)
    never = ControlLabels("upos", 7, "ab", [0, 9])
    assert {never.of(f"type {k}") for k in range(200)} == {"b"}


def test_the_table_is_in_the_order_of_types():
    labels = ControlLabels("arc", 3, ATTACHMENTS, [1, 1, 1])
    table = labels.table(["b", "a", "b", "C"])
    assert table.tolist() == [labels.number(form) for form in ("C", "a", "b")]
    assert types_hash(["b", "a", "b"]) == types_hash(["a", "b"]) != types_hash(["ab"])


def test_words_are_attached_to_themselves_or_an_end():
    labels = ControlLabels("arc", 0, ATTACHMENTS, [1, 1, 1])
    kept = (0, 2, 3, 6)
    seen = set()
    for word in WORDS:
        head, others = attached(labels, word, 3, kept)
        assert head == {"self": 3, "first": 0, "last": 6}[labels.of(word)]
        assert {head, *others} == {0, 3, 6}
        seen.add(head)
        head, others = attached(labels, word, 6, kept)
        assert {head, *others} == {0, 6}
        assert len(others) == 1
    assert seen == {0, 3, 6}


def test_control_pairs_ask_of_the_same_words_as_arcs():
    examples, learning = learning_of(lambda _sentence, _place: [[1.0]])
    states = learning.states.of(tiny_context("bert"), examples)
    labels = ControlLabels("arc", 0, ATTACHMENTS, [1, 1, 1])
    arcs = arc_pairs(states, 0)
    control = attached_pairs(states, 0, lambda *word: attached(labels, *word))
    np.testing.assert_array_equal(arcs.first, control.first)
    np.testing.assert_array_equal(arcs.text, control.text)
    np.testing.assert_array_equal(arcs.labels, control.labels)
    sentences = states.examples
    place = np.concatenate([states.places(k) for k in range(len(sentences))])
    for one, other, label, text in zip(
        control.first, control.second, control.labels, control.text, strict=True
    ):
        words = sentences[text].first.words
        which = labels.of(words[place[one]])
        head = {"self": place[one], "first": 0, "last": len(words) - 1}[which]
        assert (place[other] == head) == (label == YES)


# -- what can be learnt ----------------------------------------------------------------------------


def test_a_probe_of_types_alone_reaches_the_ceiling_and_no_more():
    """States are one-hot types; unseen ones are the same as each other, so they are guessed."""
    test, learning = learning_of(None, (60, 20, 40))
    seen = sorted({w for one in learning.train for w in one.first.words if len(w) % 5})
    # words that training lacks: a fifth of the types
    train = tuple(
        replace(one, first=replace(one.first, words=tuple(
            w if len(w) % 5 else seen[k % len(seen)] for k, w in enumerate(one.first.words))))
        for one in learning.train
    )  # fmt: skip

    def one_hot(sentence, place):
        return [[float(sentence.words[place] == word) for word in seen]]

    learning = replace(learning, train=train, states=PlantedStates(one_hot))
    result = run_control(
        tiny_context("bert"), test, learning=learning, tasks=("upos",), rates=(0.1,), epochs=200
    )
    rows = result.rows.set_index("metric")["value"]
    forms = [word for one in test for word in one.first.words]
    known = {word for one in train for word in one.first.words}
    assert known == set(seen) & known
    assert 0.6 < np.mean([word in known for word in forms]) < 0.95
    assert rows["control_accuracy"] == pytest.approx(rows["control_ceiling"], abs=1e-9)
    assert rows["control_ceiling"] > np.mean([word in known for word in forms])
    # random tags do not follow from types
    assert rows["linguistic_accuracy"] < 0.5
    assert rows["selectivity"] == rows["linguistic_accuracy"] - rows["control_accuracy"]


def test_states_that_say_nothing_are_at_chance():
    test, learning = learning_of(lambda _sentence, _place: [[1.0, 0.0]])
    result = run_control(tiny_context("bert"), test, learning=learning, tasks=("arc",), epochs=3)
    rows = result.rows.set_index("metric")
    assert rows.loc["linguistic_accuracy", "value"] == 0.5
    assert rows.loc["control_accuracy", "value"] == 0.5
    assert rows.loc["selectivity", "value"] == 0
    assert rows.loc["linguistic_accuracy", "baseline_value"] == 0.5


def test_places_alone_do_not_give_the_attachments_away():
    """A classifier that knows where each word stands, and not which it is, learns the edges."""

    def where(sentence, place):
        return [[float(place == 0), float(place == len(sentence.words) - 1), 1.0]]

    test, learning = learning_of(where, (150, 40, 200))
    result = run_control(
        tiny_context("bert"), test, learning=learning, tasks=("arc",), rates=(0.05,), hidden=(16,)
    )
    rows = result.rows.set_index("metric")
    edges = [
        k in (0, len(one.first.words) - 1)
        for one in test
        for k, head in enumerate(one.first.heads)
        if head != ROOT and len(one.first.words) > 2
    ]
    most = 0.5 + np.mean(edges) / 6
    assert rows.loc["control_accuracy", "value"] == pytest.approx(most, abs=0.06)
    assert rows.loc["control_ceiling", "value"] > 0.9


# -- rows and items --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    context = tiny_context("bert", double=False)
    train, dev, test = (random_examples(n, seed=k) for k, n in enumerate((25, 10, 12)))
    states = StateCache(tmp_path_factory.mktemp("states"))
    return context, test, Learning(tuple(train), tuple(dev), "given", states)


def found(ground, **options):
    context, test, learning = ground
    (result,) = run_named_probes(
        context, test, ["control"], options={"control": {"epochs": 3, **options}},
        learning=learning,
    )  # fmt: skip
    return result


def test_rows_are_sums_of_items_and_both_terms_stand_beside_the_difference(ground):
    result = found(ground, hidden=(0, 8), seeds=2)
    rows, items = (one.assign(layer=one["layer"].fillna(-1)) for one in (result.rows, result.items))
    assert set(rows["variant"]) == {"own", "own;hidden=8"}
    assert set(rows["relation"]) == {"upos", "arc"}
    key = ["variant", "relation", "metric", "layer"]
    sums = items.groupby(key)[["numerator", "denominator"]].sum()
    assert len(sums) == len(rows)
    for row in rows.itertuples():
        top, bottom = sums.loc[(row.variant, row.relation, row.metric, row.layer)]
        assert row.value == pytest.approx(top / bottom, abs=1e-9)
        assert row.n == bottom
    for (_, _, layer), own in rows[rows["unit"] == "layer"].groupby([*key[:2], "layer"]):
        own = own.set_index("metric")
        terms = own.loc[["linguistic_accuracy", "control_accuracy"], "value"]
        assert own.loc["selectivity", "value"] == pytest.approx(terms.iloc[0] - terms.iloc[1])
        assert own.loc["control_accuracy", "baseline"] == "ceiling"
        assert own.loc["linguistic_accuracy", "baseline"] == "majority"
        assert layer in (0, 1, 2)
    assert not items.duplicated([*key, "item_id"]).any()


def test_the_ceiling_is_that_of_types_seen_in_training(ground):
    result = found(ground, tasks=("upos",))
    test, learning = ground[1], ground[2]
    tags = [tag for one in learning.train for tag in one.first.upos]
    classes, counts = np.unique(tags, return_counts=True)
    labels = ControlLabels("upos", 0, classes.tolist(), counts.tolist())
    known = [word for one in learning.train for word in one.first.words]
    control = [labels.of(word) for word in known]
    most = max(sorted(set(control)), key=control.count)
    right = [word in known or labels.of(word) == most for one in test for word in one.first.words]
    (row,) = result.rows[result.rows["unit"] == "model"].itertuples()
    assert row.metric == "control_ceiling"
    assert row.value == pytest.approx(np.mean(right))
    types = {word for part in (learning.train, learning.dev, test) for one in part
             for word in one.first.words}  # fmt: skip
    table = result.arrays["control_upos_labels"]
    order = str(result.notes["control_upos_label_order"]).split()
    written = {word: order[int(number)] for word, number in zip(sorted(types), table, strict=True)}
    assert written == {word: labels.of(word) for word in types}
    assert result.notes["control_types_sha256"] == types_hash(types)


def test_the_property_is_learnt_as_the_probe_of_words_learns_it(ground):
    context, test, learning = ground
    (tokens,) = run_named_probes(
        context, test, ["tokens"], options={"tokens": {"epochs": 3}}, learning=learning
    )
    ours = found(ground).rows
    for task in ("upos", "arc"):
        theirs = tokens.rows[(tokens.rows["relation"] == task)]
        theirs = theirs.loc[theirs["metric"] == "accuracy", "value"].astype(float)
        own = ours[(ours["relation"] == task) & (ours["metric"] == "linguistic_accuracy")]
        np.testing.assert_allclose(own["value"].astype(float), theirs, atol=1e-9)


def test_the_same_seed_gives_the_same_bytes(ground):
    one, again = (found(ground) for _ in range(2))
    pd.testing.assert_frame_equal(one.rows, again.rows, check_exact=True)
    pd.testing.assert_frame_equal(one.items, again.items, check_exact=True)
    assert one.notes == again.notes
    other = found(ground, seed=1)
    tables = (result.arrays["control_upos_labels"] for result in (one, other))
    assert not np.array_equal(*tables)


def test_a_task_that_cannot_be_learnt_is_refused():
    flat = Example("e", Sentence("s", ("the", "fox"), upos=("X", "Y"), annotation="gold"))
    states = PlantedStates(lambda _sentence, place: [[float(place)]])
    learning = Learning((flat,), (flat,), "given", states)  # type: ignore[arg-type]
    for task, why in (("arc", "no label in training"), ("xpos", "no label in training")):
        with pytest.raises(InputError, match=f"the task {task} cannot be learnt: {why}"):
            run_control(tiny_context("bert"), [flat], learning=learning, tasks=(task,))
