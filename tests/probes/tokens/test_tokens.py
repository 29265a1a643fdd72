"""`tokens`: rows from items, baselines, and what is said of labels that cannot be learnt."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_states import PlantedStates
from probe_cases import random_examples, tiny_context
from sklearn.metrics import f1_score
from subprobe.data.errors import ConfigError, InputError
from subprobe.data.sentences.sentence import Example, Sentence
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.options import typed_options
from subprobe.probes.registry import find_probe
from subprobe.probes.states.cache import StateCache
from subprobe.probes.tokens.tokens import run_tokens

SHORT = {"epochs": 3}


def with_features(examples):
    """The examples with a feature that some words have, and entities."""
    return tuple(
        replace(one, first=replace(
            one.first,
            feats=tuple("Number=Sing" if len(w) % 3 else "Number=Plur" if len(w) % 2 else "Abbr=Yes"
                        for w in one.first.words),
            entities=tuple("B-X" if len(w) > 5 else "O" for w in one.first.words),
        ))
        for one in examples
    )  # fmt: skip


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    context = tiny_context("bert", double=False)
    train, dev, test = (with_features(random_examples(n, seed=k))
                        for k, n in enumerate((30, 12, 15)))  # fmt: skip
    states = StateCache(tmp_path_factory.mktemp("states"))
    return context, list(test), Learning(train, dev, "given", states)


def found(ground, **options):
    context, test, learning = ground
    (result,) = run_named_probes(
        context, test, ["tokens"], options={"tokens": {**SHORT, **options}}, learning=learning
    )
    return result


@pytest.fixture(scope="module")
def result(ground):
    return found(ground)


def test_every_task_of_the_corpus_is_learnt_on_every_state(result):
    rows = result.rows
    assert list(dict.fromkeys(rows["relation"])) == [
        "upos", "deprel", "head-side", "parent-deprel", "grandparent-deprel", "entity",
        "feats:Number", "arc", "arc-label",
    ]  # fmt: skip
    assert set(rows["variant"]) == {"own"}
    for _, own in rows.groupby("relation"):
        for metric in ("accuracy", "macro_f1"):
            assert own.loc[own["metric"] == metric, "layer"].tolist() == [0, 1, 2]
        assert own.loc[own["metric"] == "accuracy_gain", "layer"].tolist() == [1, 2]
    assert result.notes["tokens_left_out"] == "feats:Abbr (one label in training, Yes)"
    assert result.notes["tokens_sentences"] == "30 train, 12 dev, 15 test (given)"
    assert len(str(result.notes["tokens_upos_rates"]).split()) == 3


def test_rows_are_a_function_of_the_items(result):
    items = result.items
    assert (items["score"] == (items["prediction"] == items["gold"])).all()
    for (relation, layer), own in items.groupby(["relation", "layer"]):
        rows = result.rows[(result.rows["relation"] == relation) & (result.rows["layer"] == layer)]
        rows = rows.set_index("metric")
        accuracy = own["score"].mean()
        assert rows.loc["accuracy", "value"] == pytest.approx(accuracy)
        assert rows.loc["accuracy", "n"] == len(own)
        gold, said = own["gold"].to_numpy(), own["prediction"].to_numpy()
        f1 = f1_score(gold, said, average="macro", zero_division=0)
        assert rows.loc["macro_f1", "value"] == pytest.approx(f1)
        if layer:
            first = items[(items["relation"] == relation) & (items["layer"] == 0)]
            gain = accuracy - first["score"].mean()
            assert rows.loc["accuracy_gain", "value"] == pytest.approx(gain)
    assert not items.duplicated(["item_id", "relation", "layer"]).any()


def test_items_name_the_words_of_the_test_part(ground, result):
    items = result.items[(result.items["layer"] == 0)]
    classes = [one.partition("=")[0] for one in str(result.notes["tokens_upos_classes"]).split()]
    said = items[items["relation"] == "upos"].set_index("item_id")["gold"].astype(int)
    wanted = {f"{one.id}:{k + 1}": tag for one in ground[1]
              for k, tag in enumerate(one.first.upos)}  # fmt: skip
    assert {id: classes[number] for id, number in said.items()} == wanted
    arcs = items[items["relation"] == "arc"]["item_id"]
    one = ground[1][0]
    start = f"{one.id}:"
    pairs = [id.removeprefix(start).split(">") for id in arcs if id.startswith(start)][::2]
    assert {int(word) - 1: int(head) - 1 for word, head in pairs} == {
        k: head for k, head in enumerate(one.first.heads) if head >= 0
    }


def test_the_majority_class_is_that_of_training(ground, result):
    for name, at in (("upos", "upos"), ("deprel", "deprels")):
        train = [tag for one in ground[2].train for tag in getattr(one.first, at)]
        test = [tag for one in ground[1] for tag in getattr(one.first, at)]
        most = pd.Series(train).value_counts().sort_index().idxmax()
        rows = result.rows[result.rows["relation"] == name]
        accuracy = rows[rows["metric"] == "accuracy"]
        assert set(accuracy["baseline"]) == {"majority"}
        assert set(accuracy["baseline_value"]) == {np.mean([tag == most for tag in test])}
        f1 = f1_score(test, [most] * len(test), average="macro", zero_division=0)
        macro = rows.loc[rows["metric"] == "macro_f1", "baseline_value"]
        np.testing.assert_allclose(macro.astype(float), f1)
    arc = result.rows[(result.rows["relation"] == "arc") & (result.rows["metric"] == "accuracy")]
    assert set(arc["baseline_value"]) == {0.5}


def test_a_task_learns_with_others_what_it_learns_alone(ground, result):
    for task in ("feats:Number", "arc"):
        alone = found(ground, tasks=(task,)).rows
        ours = result.rows[result.rows["relation"] == task].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, ours, check_exact=False, atol=1e-6)


def test_the_same_seed_gives_the_same_bytes(ground, result):
    again = found(ground)
    pd.testing.assert_frame_equal(again.rows, result.rows, check_exact=True)
    pd.testing.assert_frame_equal(again.items, result.items, check_exact=True)
    assert again.notes == result.notes
    other = found(ground, seed=1, tasks=("upos",))
    ours = result.rows[result.rows["relation"] == "upos"]["value"]
    assert other.rows["value"].tolist() != ours.tolist()


def test_seeds_and_shapes_stand_side_by_side(ground):
    result = found(ground, tasks=("upos",), seeds=2, hidden=(0, 4), rank=(0, 2), rates=(0.1, 0.001))
    assert list(dict.fromkeys(result.rows["variant"])) == ["own", "own;rank=2", "own;hidden=4"]
    items = result.items
    for (variant, layer), own in items.groupby(["variant", "layer"]):
        by_seed = own.groupby(own["item_id"].str.split("#").str[1])["score"].mean()
        assert len(by_seed) == 2
        rows = result.rows[(result.rows["variant"] == variant) & (result.rows["layer"] == layer)]
        rows = rows.set_index("metric")["value"]
        assert rows["accuracy"] == pytest.approx(by_seed.mean())
        assert rows["accuracy_seed_sd"] == pytest.approx(by_seed.std(ddof=1))
        n_words = own["item_id"].str.split("#").str[0].nunique()
        assert len(own) == 2 * n_words
    by_seed = str(result.notes["tokens_upos;hidden=4_rates"]).split(" | ")
    assert [len(one.split()) for one in by_seed] == [3, 3]
    assert set(" ".join(by_seed).split()) <= {"0.1", "0.001"}


def planted(words, tags, **layers):
    return Sentence("s" + "-".join(words), tuple(words), upos=tuple(tags), annotation="gold",
                    scheme="ud", **layers)  # fmt: skip


def parts_of(train, dev, test):
    """Learning and examples whose words' states tell their form exactly."""
    forms = sorted({word for part in (train, dev, test) for one in part for word in one.words})
    states = PlantedStates(
        lambda sentence, place: [np.eye(len(forms))[forms.index(sentence.words[place])].tolist()]
    )
    train, dev, test = (tuple(Example(f"e{k}", one) for k, one in enumerate(part))
                        for part in (train, dev, test))  # fmt: skip
    return list(test), Learning(train, dev, "given", states)  # type: ignore[arg-type]


COMMON = [planted(("the", "dog"), ("DET", "NOUN")), planted(("the", "fox"), ("DET", "NOUN"))]


def test_labels_that_training_lacks_are_errors_and_counted():
    """A class with one member that test lacks, one that dev alone has, one that test alone has."""
    train = [*COMMON * 4, planted(("nobody",), ("PRON",))]
    dev = [*COMMON, planted(("over",), ("ADP",))]
    test = [*COMMON, planted(("quick", "the"), ("ADJ", "DET"))]
    examples, learning = parts_of(train, dev, test)
    result = run_tokens(tiny_context("bert"), examples, learning=learning, rates=(0.1,))
    rows = result.rows.set_index("metric")
    assert rows.loc["accuracy", "value"] == pytest.approx(5 / 6)
    # DET 1, NOUN 4/5 where the unknown word counts as one, ADJ 0
    gold, said = result.items["gold"], result.items["prediction"]
    f1 = f1_score(gold.astype(int), said.astype(int), average="macro", zero_division=0)
    assert rows.loc["macro_f1", "value"] == pytest.approx(f1)
    assert f1 < 0.7
    assert result.notes["tokens_upos_classes"] == "DET=8/2/3 NOUN=8/2/2 PRON=1/0/0 ADJ=0/0/1"
    assert result.notes["tokens_upos_unseen_in_training"] == "ADJ"
    assert result.notes["tokens_upos_n_test_unseen"] == 1
    assert result.notes["tokens_upos_n_dev_unseen"] == 1


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ({"xpos": (("X", "X"), ("X", "X"), ("X", "Y"))}, "one label in training, X"),
        ({"xpos": ((), (), ("X", "Y"))}, "no label in training"),
        ({"xpos": (("X", "Y"), ("X", "Y"), ())}, "no label in test"),
        ({"xpos": (("X", "Y"), ("Z", "Z"), ("X", "Y"))}, "no training label occurs in dev"),
    ],
)
def test_a_task_that_cannot_be_learnt_is_said_or_refused(layers, why):
    parts = [[replace(one, **{k: values[p] for k, values in layers.items()}) for one in COMMON]
             for p in range(3)]  # fmt: skip
    examples, learning = parts_of(*parts)
    result = run_tokens(tiny_context("bert"), examples, learning=learning, epochs=1)
    assert set(result.rows["relation"]) == {"upos"}
    said = result.notes.get("tokens_left_out", "")
    assert said == ("" if why == "no label in training" else f"xpos ({why})")
    with pytest.raises(InputError, match=f"the task xpos cannot be learnt: {why}"):
        run_tokens(tiny_context("bert"), examples, learning=learning, tasks=("xpos", "upos"))
    if why == "one label in training, X":
        bare = [[replace(one, upos=()) for one in part] for part in parts]
        examples, learning = parts_of(*bare)
        with pytest.raises(InputError, match="no task can be learnt"):
            run_tokens(tiny_context("bert"), examples, learning=learning)


def test_states_that_are_no_numbers_are_refused():
    examples, learning = parts_of(COMMON, COMMON, COMMON)
    states = PlantedStates(lambda _sentence, place: [[float("nan") if place else 1.0]])
    learning = replace(learning, states=states)
    with pytest.raises(InputError, match="loss of a probe is NaN or infinite"):
        run_tokens(tiny_context("bert"), examples, learning=learning)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"tasks": ("upos", "tense")},
            r"^option tokens\.tasks: unknown task 'tense'; known tasks: all",
        ),
        ({"tasks": ("all", "upos")}, "unknown task 'all'"),
        ({"tasks": ()}, "at least 1 item"),
        ({"hidden": True}, "must be a list"),
        ({"tasks": ("upos", "upos")}, "contains duplicates"),
        ({"hidden": (-1,)}, "sizes must be >= 0"),
        ({"hidden": (8,), "rank": (4,)}, "a hidden layer and a rank exclude each other"),
        ({"hidden": (8,), "rank": (0, 4)}, "rank needs a linear classifier"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        typed_options(find_probe("tokens"), options)
    if "tasks" not in options:
        with pytest.raises(ConfigError, match=said):
            typed_options(find_probe("control"), options)


def test_options_take_one_word_or_several():
    checked = typed_options(find_probe("tokens"), {"tasks": "feats:Number", "hidden": [0, 8]})
    assert checked.model_dump()["tasks"] == ("feats:Number",)
    assert checked.model_dump()["hidden"] == (0, 8)
    checked = typed_options(find_probe("control"), {"hidden": 8, "rates": 0.01})
    assert checked.model_dump()["hidden"] == (8,)
    assert checked.model_dump()["rates"] == (0.01,)
    with pytest.raises(ConfigError, match="no control task for 'arc-label'"):
        typed_options(find_probe("control"), {"tasks": "arc-label"})
