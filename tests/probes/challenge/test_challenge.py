"""The probe of a second test set against a plain loop, with its intervals."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from probe_cases import CHALLENGE, PAIRS, tiny_context, with_dead_heads
from scipy import stats
from subprobe.analysis.intervals.second_set_intervals import challenge_intervals
from subprobe.data.challenge.own_set import challenge_columns, read_challenge
from subprobe.data.generator import acceptability, entailment
from subprobe.data.tasks.by_name import EMBEDDED
from subprobe.models.masks.gates import gated
from subprobe.probes.challenge.challenge import run_challenge
from subprobe.probes.challenge.entries import ChallengeOptions
from subprobe.probes.challenge.heuristics import run_heuristics

OWN = entailment(0, {"test": 24})["test"]


@pytest.fixture(scope="module")
def context():
    made = tiny_context("bert", "classification", double=False)
    return with_dead_heads(replace(made, spec=PAIRS), [(0, 1), (1, 2)])


def right(context, examples):
    """Whether each example is classified correctly, by one forward pass each."""
    found = []
    for one in examples:
        inputs = context.tokenizer(*one.texts(), return_tensors="pt")
        with torch.no_grad(), gated(context.model, context.subnetwork):
            found.append(int(context.model(**inputs).logits[0].argmax()) == one.label)
    return np.array(found, dtype=float)


def own_set():
    columns = challenge_columns(CHALLENGE["columns"])
    return read_challenge(CHALLENGE["file"], columns, PAIRS.labels, {}, pair=True).examples


def table(rows):
    return rows.set_index(["metric", rows["relation"].fillna("")])


def test_rows_are_those_of_a_plain_loop(context):
    found = run_challenge(context, OWN, **CHALLENGE, batch_size=3)
    rows = table(found.rows)
    theirs, ours = right(context, own_set()), right(context, OWN)
    assert rows.loc[("accuracy", ""), "value"] == pytest.approx(theirs.mean())
    groups = np.array([one.group for one in own_set()])
    assert set(rows.loc["accuracy"].index) == {"", "swap", "same", "part"}
    for group in ("swap", "same", "part"):
        line = rows.loc[("accuracy", group)]
        assert line["value"] == pytest.approx(theirs[groups == group].mean())
        assert line["n"] == (groups == group).sum()
    assert rows.loc[("report_accuracy", ""), "value"] == pytest.approx(ours.mean())
    gap = rows.loc[("accuracy_difference", "")]
    assert gap["value"] == pytest.approx(theirs.mean() - ours.mean())
    assert gap["n"] == 28
    assert rows.loc[("accuracy", ""), "baseline_value"] == 0.5
    assert rows.loc[("accuracy", "swap"), "baseline_value"] == 1.0


def test_sources_of_two_sets_with_the_same_name_are_different(context, tmp_path):
    path = tmp_path / "sources.tsv"
    lines = Path(CHALLENGE["file"]).read_text("utf-8").splitlines()
    named = [f"{line}\t{name}" for line, name in zip(lines, ("source", *"abcd"), strict=True)]
    path.write_text("\n".join(named) + "\n", "utf-8")
    columns = (*CHALLENGE["columns"], "cluster=source")

    def gap(names):
        shared = [replace(one, cluster=names[n % 4]) for n, one in enumerate(OWN)]
        found = run_challenge(context, shared, file=str(path), columns=columns)
        return table(challenge_intervals(found)).loc[("accuracy_difference", "")]

    same, other = gap("abcd"), gap("wxyz")
    assert same["n_clusters"] == other["n_clusters"] == 8
    assert same["ci_low"] == pytest.approx(other["ci_low"])
    assert same["ci_high"] == pytest.approx(other["ci_high"])


def test_without_examples_of_the_task_only_the_test_set_is_scored(context):
    rows = run_challenge(context, (), **CHALLENGE, limit=2).rows
    assert set(rows["metric"]) == {"accuracy"}
    assert table(rows).loc[("accuracy", ""), "n"] == 2


def test_intervals_are_exact_or_those_of_welch(context):
    alone = [replace(one, cluster="") for one in OWN]
    found = run_challenge(context, alone, **CHALLENGE)
    rows = table(challenge_intervals(found))
    theirs, ours = right(context, own_set()), right(context, OWN)
    exact = stats.binomtest(int(ours.sum()), len(ours)).proportion_ci()
    line = rows.loc[("report_accuracy", "")]
    assert (line["ci_low"], line["ci_high"]) == pytest.approx((exact.low, exact.high))
    wanted = stats.ttest_ind(theirs, ours, equal_var=False).confidence_interval()
    line = rows.loc[("accuracy_difference", "")]
    if np.isfinite(wanted.low):
        limits = max(-1, wanted.low), min(1, wanted.high)
        assert (line["ci_low"], line["ci_high"]) == pytest.approx(limits)
    shared = [replace(one, cluster=f"c{place * place % 7}") for place, one in enumerate(OWN)]
    clustered = table(challenge_intervals(run_challenge(context, shared, **CHALLENGE)))
    line = clustered.loc[("report_accuracy", "")]
    assert line["ci_method"] == "t interval over clusters"
    assert line["ci_low"] < line["value"] < line["ci_high"]
    assert line["n_clusters"] == 4
    # in each set of four pairs, two are entailed: answers that are all the same leave no spread
    sets = table(challenge_intervals(run_challenge(context, OWN, **CHALLENGE)))
    assert sets.loc[("report_accuracy", ""), "n_clusters"] == 6


def test_a_task_of_single_sentences_takes_a_file_with_one_text(tmp_path):
    examples = acceptability(0, {"test": 8})["test"]
    path = tmp_path / "hard.jsonl"
    path.write_text(
        '{"s": "The dogs sleeps.", "ok": "Unacceptable"}\n{"s": "It rains.", "ok": "acceptable"}\n'
    )
    made = tiny_context("bert", "classification", double=False)
    context = replace(made, spec=EMBEDDED["acceptability"])
    rows = run_challenge(context, examples, file=str(path), columns=["first=s", "label=ok"]).rows
    assert table(rows).loc[("accuracy", ""), "n"] == 2
    assert table(rows).loc[("report_accuracy", ""), "n"] == 8


def test_options_say_what_does_not_fit():
    options = ChallengeOptions(**CHALLENGE)
    assert options.unfit(PAIRS) == ""
    assert "no column is named for second" not in options.unfit(EMBEDDED["acceptability"])
    assert "a column is named for second" in options.unfit(EMBEDDED["acceptability"])
    other = replace(PAIRS, labels=("duplicate", "different"))
    assert "the label 'not_entailment' is not a class of the task" in options.unfit(other)
    assert set(options.inputs()) == {"file"}


def test_undefined_logits_flag_every_row(context):
    broken = replace(context, model=deepcopy(context.model))
    torch.nn.init.constant_(broken.model.classifier.bias, float("nan"))
    assert set(run_challenge(broken, OWN, **CHALLENGE).rows["flag"]) == {"diverged"}
    assert set(run_heuristics(broken, (), generated=20).rows["flag"]) == {"diverged"}
    assert run_challenge(context, OWN, **CHALLENGE).rows["flag"].isna().all()
