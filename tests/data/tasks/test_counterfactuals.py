"""Counterfactual inputs of examples: from columns of own files, and in generated minimal sets."""

import json
from dataclasses import replace

import pytest
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.data.generator import acceptability, entailment
from subprobe.data.tasks.by_name import custom_task
from subprobe.data.tasks.task_parts import examples_digest

ROWS = [
    {"a": "He saw her.", "b": "She was seen.", "other": "She saw him.", "y": "yes"},
    {"a": "She left.", "b": "He left.", "other": "He left.", "y": "no"},
]
COLUMNS = {"first": "a", "label": "y", "counterfactual": "other"}


def read(folder, rows=ROWS, columns=COLUMNS):
    for split in ("train", "validation"):
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return custom_task("own", folder, columns).splits["train"]


def test_a_column_holds_the_counterfactual(tmp_path):
    found = read(tmp_path)
    assert [one.counterfactuals for one in found] == [(("She saw him.",),), (("He left.",),)]
    assert [one.texts() for one in found] == [("He saw her.",), ("She left.",)]


def test_a_text_of_a_pair_without_a_counterfactual_stays_the_same(tmp_path):
    pair = {"first": "a", "second": "b", "label": "y"}
    found = read(tmp_path, columns={**pair, "counterfactual_second": "other"})
    assert found[0].counterfactuals == (("He saw her.", "She saw him."),)
    both = read(tmp_path, columns={**pair, "counterfactual": "other", "counterfactual_second": "a"})
    assert both[0].counterfactuals == (("She saw him.", "He saw her."),)


def test_an_empty_cell_is_no_counterfactual(tmp_path):
    rows = [{**ROWS[0], "other": ""}, {**ROWS[1], "other": None}, ROWS[0]]
    assert [len(one.counterfactuals) for one in read(tmp_path, rows)] == [0, 0, 1]


def test_a_counterfactual_that_is_not_a_text_is_refused_with_its_row(tmp_path):
    with pytest.raises(DataFileError, match=r"row 2|line 2|2: .*where a sentence is expected"):
        read(tmp_path, [ROWS[0], {**ROWS[1], "other": ["a"]}])


def test_a_counterfactual_of_a_second_text_needs_that_text(tmp_path):
    with pytest.raises(ConfigError, match="counterfactual_second named without second"):
        read(tmp_path, columns={**COLUMNS, "counterfactual_second": "b"})


def test_the_digest_of_examples_covers_their_own_counterfactual(tmp_path):
    found = read(tmp_path)
    changed = (replace(found[0], counterfactuals=(("She heard him.",),)), found[1])
    assert examples_digest(found) != examples_digest(changed)


@pytest.mark.parametrize("generate", [acceptability, entailment])
def test_generated_examples_have_the_set_members_with_the_other_label(generate):
    examples = generate(0, {"train": 96})["train"]
    for start in range(0, len(examples), 4):
        members = {one.texts(): one for one in examples[start : start + 4]}
        for place, one in enumerate(members.values()):
            others = [members[texts] for texts in one.counterfactuals]
            assert [other.label for other in others] == [1 - one.label] * 2
            assert {other.cluster for other in others} == {one.cluster}
            # the first differs in the choice that alternates fastest
            assert others[0].id == examples[start + (place ^ 1)].id


def test_counterfactuals_of_generated_examples_do_not_change_their_digest():
    examples = acceptability(0, {"train": 8})["train"]
    assert examples_digest(examples) == examples_digest(
        tuple(replace(one, counterfactuals=()) for one in examples)
    )
