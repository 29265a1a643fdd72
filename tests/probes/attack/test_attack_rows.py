"""Rows and items of attacks, from outcomes made by hand."""

import numpy as np
import pandas as pd
import pytest
from subprobe.data.output.tables import rows_frame
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.probes.attack.attack import exchanged
from subprobe.probes.attack.attack_rows import Attacked, attack_items, attack_rows
from subprobe.probes.attack.attacked_text import AttackedText
from subprobe.probes.attack.procedure import Outcome

LEFT, RIGHT = np.array([0.8, 0.2]), np.array([0.3, 0.7])
EXAMPLES = [
    Example(f"e{i}", plain_sentence(f"s{i}", "one two three four"), label=label)
    for i, label in enumerate((0, 0, 0, 1))
]


def outcome(example, replaced, after, queries, before=LEFT):
    text = AttackedText.of(example)
    for number, word in replaced.items():
        text = text.with_word(number, word)
    attacked = before.argmax() == example.label
    return Outcome(text, replaced, before, after, queries, attacked=bool(attacked))


@pytest.fixture
def found():
    """Fooled with half of the words, fooled with one, not fooled by one, wrong from the start."""
    outcomes = [
        outcome(EXAMPLES[0], {0: "a", 2: "b"}, RIGHT, 20),
        outcome(EXAMPLES[1], {3: "c"}, RIGHT, 10),
        outcome(EXAMPLES[2], {1: "d"}, np.array([0.6, 0.4]), 15),
        outcome(EXAMPLES[3], {}, LEFT, 1),
    ]
    return Attacked("how", EXAMPLES, outcomes)


def test_rows_are_means_over_the_examples_that_have_a_number(found):
    rows = attack_rows(found).set_index("metric")
    assert rows["value"].to_dict() == pytest.approx(
        {
            "accuracy_before": 3 / 4,
            "accuracy_after": 1 / 4,
            "success_rate": 2 / 3,
            "words_changed": (2 / 4 + 1 / 4) / 2,
            "queries": 15,
            "skipped": 1 / 4,
        }
    )
    assert rows["n"].to_dict() == {
        "accuracy_before": 4, "accuracy_after": 4, "success_rate": 3, "words_changed": 2,
        "queries": 3, "skipped": 4,
    }  # fmt: skip
    assert (rows["n"] + rows["n_dropped"] == 4).all()


def test_rows_are_a_function_of_the_items(found):
    def reader(texts):
        # fooled by the first of the two adversarial texts alone
        return np.array([RIGHT if "a two" in text[0] else LEFT for text in texts])

    wrong = outcome(EXAMPLES[1], {}, RIGHT, 1, before=RIGHT)
    own = [*found.outcomes[:1], wrong, *found.outcomes[2:]]
    both = exchanged("accuracy_on_full_attacks", reader, found.outcomes, own, [0, 0, 0, 1])
    assert both.places.tolist() == [0, 1]
    every = Attacked("how", EXAMPLES, found.outcomes, [both])
    rows = rows_frame(attack_rows(every)).set_index("metric")
    assert rows.loc["accuracy_on_full_attacks", ["value", "baseline_value"]].tolist() == [0.5, 0.5]
    items = pd.concat(attack_items(every))
    measured = items[items["numerator"].notna()].groupby("metric")["numerator"].mean()
    pd.testing.assert_series_equal(
        rows["value"].sort_index(), measured.sort_index(), check_names=False, check_index_type=False
    )
    said = items[items["prediction"].notna()]
    right = (said["prediction"] == said["gold"]).astype(float)
    assert (right == said["numerator"]).all()


def test_items_keep_the_texts_of_which_a_word_was_replaced(found):
    items = pd.concat(attack_items(found))
    texts = items[items["metric"] == "adversarial_text"].set_index("item_id")["relation"]
    assert texts.to_dict() == {
        "e0": "a two b four", "e1": "one two three c", "e2": "one d three four"
    }  # fmt: skip
    before = items[items["metric"] == "original_text"]
    assert set(before["relation"]) == {"one two three four"}
    assert items[items["metric"].str.endswith("_text")]["denominator"].isna().all()


def test_without_a_successful_attack_there_is_no_share_of_words(found):
    none = Attacked("how", EXAMPLES[3:], found.outcomes[3:])
    empty = exchanged("accuracy_on_full_attacks", None, none.outcomes, none.outcomes, [1])
    rows = attack_rows(Attacked("how", EXAMPLES[3:], none.outcomes, [empty])).set_index("metric")
    for metric in ("success_rate", "words_changed", "queries", "accuracy_on_full_attacks"):
        assert np.isnan(rows.loc[metric, "value"])
        assert rows.loc[metric, ["n", "n_dropped", "flag"]].tolist() == [0, 1, "degenerate"]
    assert rows.loc["skipped", "value"] == 1
