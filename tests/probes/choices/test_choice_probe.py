"""The probe of multiple-choice questions: rows as plain counts of predictions, items, refusals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from questions import chooser, questions
from subprobe.data.choices.reduced import REDUCED, overlap_scores
from subprobe.data.errors import InputError
from subprobe.data.tasks.choices.generated import READING
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.evaluate import evaluate
from subprobe.probes.choices.choice_probe import run_choices
from subprobe.probes.forward.base import Context

EXAMPLES = questions(16)
HEADS = np.ones((2, 4), dtype=bool)
HEADS[1, 1:] = HEADS[0, 0] = False
MASK = Subnetwork(HEADS, np.ones(2, dtype=bool))


@pytest.fixture(scope="module")
def context():
    model, tokenizer = chooser()
    return Context(model, tokenizer, anatomy_of(model), MASK, READING)


@pytest.fixture(scope="module")
def result(context):
    return run_choices(context, EXAMPLES, batch_size=3)


def right(context, setting):
    """Whether each question is answered correctly, from single evaluations."""
    reduced = [REDUCED[setting](example) for example in EXAMPLES]
    found = evaluate(context.model, context.tokenizer, reduced, READING, subnetwork=MASK)
    return found.logits.argmax(1) == [example.label for example in EXAMPLES]


def test_rows_are_plain_shares(context, result):
    rows = result.rows.set_index(["metric", "variant"])["value"]
    full, types = right(context, "full"), np.array([one.group for one in EXAMPLES])
    seen = set()
    for setting in REDUCED:
        answered = right(context, setting)
        seen.add(tuple(answered))
        assert rows["accuracy", setting] == pytest.approx(answered.mean())
        of_type = result.rows[
            result.rows["metric"].eq("type_accuracy") & result.rows["variant"].eq(setting)
        ]
        assert sorted(of_type["relation"]) == sorted(set(types))
        for relation, value in zip(of_type["relation"], of_type["value"], strict=True):
            assert value == pytest.approx(answered[types == relation].mean())
        if setting == "full":
            continue
        assert rows["easy_share", setting] == pytest.approx(answered.mean())
        parts = result.rows[
            result.rows["metric"].eq("part_accuracy") & result.rows["variant"].eq(setting)
        ].set_index("relation")
        for name, chosen in (("easy", answered), ("hard", ~answered)):
            if chosen.any():
                assert parts.loc[name, "value"] == pytest.approx(full[chosen].mean())
                assert parts.loc[name, "n"] == chosen.sum()
            else:
                assert name not in parts.index
    assert len(seen) > 2
    whole = result.rows[result.rows["metric"].eq("overlap_accuracy")].iloc[0]
    assert whole["value"] == pytest.approx(overlap_scores(EXAMPLES).mean())
    nearest = overlap_scores(EXAMPLES, "sentence-overlap")
    either = right(context, "first-2") | (nearest == 1)
    assert rows["easy_share", "first-2 or sentence-overlap"] == pytest.approx(either.mean())


def test_every_row_is_the_ratio_of_its_items(result):
    keys = ["metric", "variant", "relation"]
    items = pd.concat(list(result.item_parts)).fillna({"relation": ""})
    sums = items.groupby(keys)[["numerator", "denominator"]].sum()
    rows = result.rows.fillna({"relation": ""}).set_index(keys)
    assert set(sums.index) == set(rows.index)
    ratio = (sums["numerator"] / sums["denominator"])[rows.index]
    np.testing.assert_allclose(rows["value"].astype(float), ratio.astype(float), atol=1e-12)
    assert (rows["n"] == sums["denominator"][rows.index]).all()
    assert set(items["cluster_id"]) == {one.cluster for one in EXAMPLES}
    based = result.rows[result.rows["metric"] != "easy_share"]
    assert set(based["baseline_value"]) == {0.25}


def test_batches_change_nothing(context, result):
    again = run_choices(context, EXAMPLES, batch_size=16)
    pd.testing.assert_frame_equal(again.rows, result.rows)


def test_the_context_carries_the_overlap_of_what_questions(result):
    rows = result.rows[result.rows["metric"].eq("overlap_accuracy")]
    rows = rows[rows["relation"].notna()].set_index(["variant", "relation"])["value"]
    assert rows["overlap", "what"] == 1
    assert rows["overlap", "where"] < 0.5
    assert rows["overlap", "unanswerable"] < 0.5
    # the question names two of the three parts of the sentence that answers it
    assert rows["sentence-overlap", "who"] == rows["sentence-overlap", "where"] == 1


def test_chosen_heuristics_and_questions_without_types(context):
    plain = [replace(one, group="") for one in EXAMPLES]
    found = run_choices(context, plain, heuristics=("no-context",)).rows
    assert set(found["variant"]) == {"full", "no-context", "overlap", "sentence-overlap"}
    assert "type_accuracy" not in set(found["metric"])


def test_other_tasks_are_refused(context):
    single = [replace(one, options=()) for one in EXAMPLES]
    for given, examples in ((context, single), (replace(context, spec=None), EXAMPLES)):
        with pytest.raises(InputError, match="needs a model and examples of a multiple-choice"):
            run_choices(given, examples)
