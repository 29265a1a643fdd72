"""The verdict says what the tables say, in words, and does not say more."""

import re

import pandas as pd
import pytest
from run_rows import made_rows
from subprobe.analysis.summary.probes import probe_table
from subprobe.analysis.summary.summaries import performance_table
from subprobe.analysis.verdict.verdict import verdict, verdicts
from subprobe.analysis.wording import (
    CITED,
    between,
    counted,
    decimal,
    listed,
    named,
    p_text,
    percent,
    seen,
)


def test_numbers_are_those_of_the_table():
    rows = made_rows()
    table = performance_table(rows).set_index(["kind", "state"])
    text = verdict(rows)
    for cell in (("full", "finetuned"), ("good", "pruned"), ("bad", "retrained")):
        assert decimal(table.loc[cell, "mean"]) in text
    random = table.loc[("random", "pruned")]
    spread = f"({seen(random['lowest'], random['highest'])} over 30 draws per seed)"
    assert f"{decimal(random['mean'])} {spread}" in text
    assert text.startswith("With 58% of the heads and 67% of the MLPs, the good subnetworks keep")
    assert "Good is above random (above 100% of the random masks, p = .002, Holm-corrected)" in text
    assert "2 seeds" in text
    assert "the bad ones take 28% of their heads and 50% of their MLPs from the good ones" in text
    assert "DEGENERATE" not in text


def test_each_task_has_its_own_verdict_and_warning():
    found = verdicts(made_rows(("acceptability", "rte"), degenerate=("rte",), probes=False))
    assert [(one.task, one.degenerate) for one in found] == [
        ("acceptability", False),
        ("rte", True),
    ]
    assert found[1].answer == (
        "This run cannot answer the question for rte: in 2 of 2 seeds the full model is not "
        "clearly above the majority baseline, or the good mask is empty.",
    )
    assert found[1].findings == ()
    assert found[1].warnings[0].startswith("DEGENERATE: in 2 of 2 seeds on rte, the full model")
    assert "On rte" in found[1].scores[0]


def test_too_few_draws_make_no_claim():
    rows = made_rows(seeds=(1,), draws=1, probes=False)
    text = verdict(rows)
    why = "(1 draw: too few for a p-value over draws, which needs 29)"
    assert f"Good and bad are not tested against random {why}." in text
    assert "p = " not in "".join(verdicts(rows)[0].answer)
    assert "1 seed:" in text


@pytest.mark.slow
def test_what_probes_found_in_several_draws_has_a_range_and_no_p():
    rows = made_rows(probe_draws=5, layers=2, heads=4)
    text = verdict(rows)
    table = probe_table(rows)
    table = table[(table["relation"] == "all-relations") & (table["probe"] == "dependency-heads")]
    for kind in ("random", "bad"):
        line = table[(table["kind"] == kind) & (table["state"] == "pruned")].iloc[0]
        assert line["n_draws"] == 5
        spread = f"({seen(line['lowest'], line['highest'])} over 5 draws per seed)"
        assert f"{kind} {decimal(line['mean'])} {spread}" in text
    said = "were probed in 5 draws: too few for a p-value over draws, which needs 29."
    assert said in text
    assert "probed in" not in verdict(made_rows(probes=False))


@pytest.mark.slow
def test_enough_draws_are_not_called_too_few():
    text = verdict(made_rows(seeds=(1,), probe_draws=29, layers=2, heads=4))
    assert "probed in" not in text


def test_a_difference_that_is_not_clear_is_called_so():
    rows = made_rows(probes=False)
    good = (rows["probe"] == "performance") & (rows["kind"] == "good")
    rows.loc[good, "value"] = 0.61
    assert "Good is not clearly above random" in verdict(rows)


@pytest.mark.slow
def test_survivors_are_called_chance_or_not():
    rows = made_rows()
    assert "are no better than random sets of as many heads" in verdict(rows)
    survivors = rows["probe"] == "survivors"
    rows.loc[survivors, "p_value"] = 0.002
    rows.loc[survivors, "value"] = 0.1
    assert "are worse than random sets of as many heads" in verdict(rows)


def test_what_is_not_there_is_not_said():
    text = verdict(made_rows(probes=False, retrained_draws=0))
    for absent in ("dependency", "attention", "nan", "NA", "–"):
        assert absent not in text
    reported = made_rows(probes=False).assign(selection="reported")
    assert "selection=reported" in verdict(reported)
    assert verdict(made_rows().head(0)) == ""


MANIFEST = {
    "runs": [
        {"task": "acceptability", "examples": {"train": 1200},
         "recipe": {"epochs": 2, "batch_size": 32, "learning_rate": 3e-4}},
    ]
}  # fmt: skip


def flagged(flag, *cells, **where):
    """Made-up rows of two seeds; the scores of some cells carry a flag."""
    rows = made_rows(probes=False)
    chosen = rows["cell_id"].isin(cells)
    for column, value in where.items():
        chosen &= rows[column] == value
    return rows.assign(flag=rows["flag"].mask(chosen, flag))


def test_divergence_is_said():
    rows = flagged("diverged", "evaluate-bad-retrained-0", seed=2)
    text = verdict(rows)
    assert "DIVERGED: in 1 of 10 trainings, the loss exploded or was not finite" in text
    assert "(bad retrained, seed 2)" in text
    assert "UNLEARNED" not in text
    table = performance_table(rows).set_index(["kind", "state"])
    assert f"bad {decimal(table.loc[('bad', 'retrained'), 'mean'])} (diverged)" in text


def test_what_did_not_learn_is_said_with_how_much_training_it_had():
    cells = ("evaluate-bad-retrained-0", "evaluate-random-retrained-0",
             "evaluate-untrained-untrained-0")  # fmt: skip
    rows = flagged("unlearned", *cells)
    text = verdict(rows, MANIFEST)
    assert "UNLEARNED: 6 of 10 trainings on acceptability did not end clearly above" in text
    for which in ("bad retrained", "random retrained", "untrained encoder"):
        assert f"{which}, seeds 1, 2" in text
    assert "(2 epochs of 1,200 examples, 32 per step, learning rate 0.0003)" in text
    assert re.search(r"good \.\d{3}, random \.\d{3} \(unlearned\), bad \.\d{3} \(unlearned\)", text)
    assert "DIVERGED" not in text
    assert "DEGENERATE" not in text
    # without a manifest how much is left out, not made up
    assert "did not learn in the training given. Their scores" in verdict(rows)


def test_pruned_copies_of_a_failed_model_are_no_trainings_of_their_own():
    rows = made_rows(probes=False)
    own = (rows["seed"] == 1) & rows["state"].isin(["finetuned", "pruned"])
    (found,) = verdicts(rows.assign(flag=rows["flag"].mask(own, "unlearned")))
    assert found.degenerate
    assert found.warnings[0].startswith("DEGENERATE: in 1 of 2 seeds")
    assert "UNLEARNED: 1 of 10 trainings" in found.warnings[1]
    assert "(full finetuned, seed 1)" in found.warnings[1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8254, ".825"),
        (-0.1251, "-.125"),
        (1.0, "1.000"),
        (-0.0001, ".000"),
        (12.3, "12.300"),
        (pd.NA, "–"),
    ],
)
def test_decimals_have_no_leading_zero(value, text):
    assert decimal(value) == text


def test_other_numbers():
    assert (percent(0.584), percent(float("nan"))) == ("58%", "–")
    assert [p_text(p) for p in (0.0004, 0.0123, 1.0, pd.NA)] == [
        "p < .001", "p = .012", "p = 1.000", "no p",
    ]  # fmt: skip
    assert (between(0.1, 0.25), between(0.1, None)) == ("[.100, .250]", "")
    assert (seen(0.1, 0.25), seen(0.1, None)) == (".100 to .250", "")
    assert (between(0.1, 0.25, 2), decimal(0.263, 2)) == ("[.10, .25]", ".26")
    assert [listed(["a", "b", "c"][:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert named("matthews") == "Matthews correlation"
    assert (counted(1, "seed"), counted(2, "seed")) == ("1 seed", "2 seeds")


@pytest.mark.parametrize("probes", [True, False])
def test_every_share_and_score_in_a_sentence_names_its_cell(probes):
    (one,) = verdicts(made_rows(probes=probes))
    sentences = [sentence for said in one.said.values() for sentence in said]
    assert sum(len(CITED.findall(sentence)) for sentence in sentences) > 10
    for sentence in sentences:
        # the level of intervals is no number of the run
        rest = CITED.sub("", sentence).replace("95% interval", "").replace("middle 95%", "")
        assert not re.search(r"\d%|\.\d", rest), sentence
