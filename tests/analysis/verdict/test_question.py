"""The question of a run and its answer: at most three sentences, each number that of its cell."""

import re

import pandas as pd
import pytest
from made_comparisons import made_comparisons, made_costs, made_tests
from run_rows import made_rows
from subprobe.analysis.verdict.answers_table import answers_table
from subprobe.analysis.verdict.material import answer_tables
from subprobe.analysis.verdict.verdict import SUBJECTS, verdicts
from subprobe.analysis.wording import CITED, cited_parts, decimal, p_text, percent
from tiers import mostly_slow

MANIFEST = {
    "sizes": {"acceptability": made_costs()},
    "runs": [
        {"task": "acceptability", "examples": {"train": 1200},
         "recipe": {"epochs": 2, "batch_size": 32, "learning_rate": 3e-4}},
    ],
}  # fmt: skip


def scores(*args, **options):
    """Rows of scores and masks alone, from which the answer is made."""
    return made_rows(*args, probes=False, **options)


def told(rows, manifest=MANIFEST, **known):
    """The only verdict of rows, with their tables."""
    known = {"comparisons": made_comparisons(rows), **known}
    tables = answer_tables(rows, manifest, known=known)
    (one,) = verdicts(rows, tables, manifest)
    check(one, tables, rows)
    return one, tables["summary_headline"].set_index("kind")


def check(one, tables, rows):
    """Every cited number is that of its cell, and the sentences are whole."""
    files = {f"{name}.csv": table for name, table in tables.items()} | {"rows.parquet": rows}
    for sentence in (s for subject in one.said.values() for s in subject):
        for mark in CITED.findall(sentence):
            file, line, column, text = cited_parts(mark)
            value = files[file].loc[int(line), column]
            forms = [decimal, percent, p_text, lambda v: decimal(v, 1), lambda v: decimal(v, 2),
                     lambda v: f"{int(v)}"]  # fmt: skip
            assert text in [form(value) for form in forms], (sentence, mark, value)
    for sentence in (s for subject in SUBJECTS for s in getattr(one, subject)):
        assert re.match(r"[A-Z0-9].*[.?]$", sentence, re.DOTALL), sentence
        wrong = r"\b1 (seeds|draws|masks|tests)\b|  |\.\.|\bnan\b|<NA>|\bNone\b(?! of)|–| [,.;:)]"
        # numbers have no leading zero
        assert not re.search(wrong, re.sub(r"(?<!\w)-?\.\d+", "0", sentence)), sentence


def test_the_answer_of_a_whole_run():
    one, line = told(scores())
    (question,) = one.question
    assert question == (
        "Do the good subnetworks of the embedded encoder (all-MiniLM-L6-v2), which keep 58% of the "
        "heads and 67% of the MLPs, score higher on acceptability than random subnetworks of the "
        "same size, and does their advantage survive retraining?"
    )
    kept, against, retrained = one.answer
    good, random, full = line.loc["good"], line.loc["random"], line.loc["full"]
    assert kept == (
        "With 58% of the heads and 67% of the MLPs, the good subnetworks keep "
        f"{percent(good['gain_kept'])} of the full model's gain over the majority baseline "
        f"(accuracy {decimal(good['score'])}; full model {decimal(full['score'])}); random "
        f"subnetworks of the same size keep {percent(random['gain_kept'])} "
        f"({decimal(random['score'])})."
    )
    gap = good["score"] - random["score"]
    limits = f"[{decimal(gap - 0.02)}, {decimal(gap + 0.02)}]"
    assert against == (
        f"The good subnetworks score {decimal(gap)} {limits} above the mean of 30 random masks per "
        "seed (95% interval over examples, for these 2 seeds and these masks), and higher than "
        "100% of the random masks (p = .002, over random masks, Holm-corrected)."
    )
    assert retrained.startswith(
        "Retrained from the pretrained weights, the good subnetworks reach "
        f"{decimal(good['retrained_score'])} and the random ones "
        f"{decimal(random['retrained_score'])}: difference "
    )
    assert retrained.endswith(
        "1 random mask per seed cannot show whether the advantage survives retraining."
    )
    assert one.text.startswith(kept)


def test_one_seed_is_singular():
    one, _ = told(scores(seeds=(1,)))
    assert one.question[0].startswith("Does the good subnetwork of the embedded encoder")
    assert "does its advantage survive" in one.question[0]
    kept, against, retrained = one.answer
    assert ", the good subnetwork keeps " in kept
    assert against.startswith("The good subnetwork scores ")
    assert "above the mean of 30 random masks (95% interval over examples, for this seed" in against
    # p of 1 of 31, doubled by Holm, is the smallest there can be
    assert against.endswith(
        "; 1 seed and 30 random masks are too few for a clear test (p = .065, over random masks, "
        "Holm-corrected)."
    )
    assert "the good subnetwork reaches " in retrained
    assert "and the random one " in retrained
    assert "per seed" not in " ".join(one.answer)


@pytest.mark.slow
def test_an_interval_over_seeds_says_so():
    rows = scores(seeds=range(1, 7))
    one, _ = told(rows, comparisons=made_comparisons(rows, beyond=True))
    assert "(95% interval over seeds and examples and these masks)" in one.answer[1]


RETRAINED = [
    (
        0.031,
        "the advantage survives retraining (p = .031, sign flips over 6 seeds, Holm-corrected).",
    ),
    (
        0.4,
        "no clear advantage is left after retraining (p = .400, sign flips over 6 seeds, Holm-"
        "corrected).",
    ),
]


@pytest.mark.parametrize(("p_value", "said"), mostly_slow(RETRAINED, RETRAINED[:1]))
def test_a_test_over_seeds_settles_retraining(p_value, said):
    rows = scores(seeds=range(1, 7))
    one, _ = told(rows, tests=made_tests("acceptability", "retrained", p_value))
    assert one.answer[2].endswith(said)


@pytest.mark.slow
def test_enough_retrained_draws_settle_it_as_well():
    one, line = told(scores(retrained_draws=29, draws=29))
    p_value = line.loc["good", "retrained_p_adjusted"]
    survives = "the advantage survives retraining" if p_value <= 0.05 else "no clear advantage"
    assert survives in one.answer[2]
    assert f"({p_text(p_value)}, over random masks, Holm-corrected)." in one.answer[2]


@pytest.mark.slow
def test_seeds_that_disagree_are_counted():
    rows = scores()
    lower = (rows["seed"] == 1) & (rows["state"] == "retrained") & (rows["kind"] == "good")
    rows.loc[lower & (rows["probe"] == "performance"), "value"] = 0.6
    one, _ = told(rows)
    assert "good is higher in 1 of 2 seeds only, and 1 random mask per seed" in one.answer[2]


def test_a_difference_that_is_not_clear_or_is_negative():
    rows = scores()
    good = (rows["probe"] == "performance") & (rows["kind"] == "good")
    rows.loc[good & (rows["state"] == "pruned"), "value"] = 0.57
    one, line = told(rows)
    assert one.answer[1].startswith(
        "The good subnetworks are not clearly better than random masks: they score below the mean "
        f"of 30 random masks per seed (difference {decimal(line.loc['good', 'difference'])} ["
    )


def test_few_random_masks_support_no_test():
    one, _ = told(scores(draws=5))
    assert one.answer[1].endswith(
        "; 5 random masks per seed cannot show whether this holds for other random masks (a test "
        "needs 29)."
    )
    assert "p = " not in one.answer[1]


@pytest.mark.slow
def test_without_a_comparison_there_is_no_interval():
    rows = scores()
    one, _ = told(rows, comparisons=made_comparisons(rows).head(0))
    assert "[" not in " ".join(one.answer)
    assert "interval" not in " ".join(one.answer)


def test_no_random_masks_and_nothing_retrained():
    rows = scores()
    one, line = told(rows[~rows["kind"].isin(["random", "bad"]) & (rows["state"] != "retrained")])
    assert one.question[0] == (
        "How much of its score on acceptability does the embedded encoder (all-MiniLM-L6-v2) keep "
        "when pruning leaves 58% of the heads and 67% of the MLPs?"
    )
    assert len(one.answer) == 2
    assert one.answer[1].startswith("No random subnetworks of the same size were scored")
    assert list(line.index) == ["full", "good"]


@pytest.mark.slow
def test_a_full_model_alone():
    rows = scores()
    one, _ = told(rows[rows["kind"] == "full"])
    assert one.question[0].startswith("How well does the embedded encoder")
    assert one.answer[0].startswith("The full model has accuracy ")
    assert "(majority baseline .500)" in one.answer[0]


@pytest.mark.parametrize("unit", mostly_slow(["weights", "neurons"], ["weights"]))
def test_masks_of_neurons_and_weights(unit):
    rows = scores()
    shares = rows[(rows["metric"] == "kept_share") & (rows["target"] == "heads")]
    rows.loc[rows["metric"] == "kept_share", "value"] = 1.0
    finer = shares.assign(target=unit, value=0.25, n=6 * 1536)
    one, line = told(pd.concat([rows, finer], ignore_index=True))
    assert f"With 25% of the {unit}, the good subnetworks keep" in one.answer[0]
    assert f", which keep 25% of the {unit}, score" in one.question[0]
    size = one.findings[-1]
    costs = made_costs()
    each = 1 if unit == "weights" else costs["neuron_parameters"]
    share = 1 - 0.75 * 6 * 1536 * each / costs["parameters"]
    assert line.loc["good", "parameters"] == pytest.approx(share, abs=1e-12)
    assert percent(share) in size
    saved = "masking single weights saves no operations" in size
    assert saved == (unit == "weights")


@pytest.mark.slow
def test_units_that_are_all_kept_have_no_share():
    rows = scores()
    rows.loc[(rows["metric"] == "kept_share") & (rows["target"] == "mlps"), "value"] = 1.0
    one, _ = told(rows)
    assert one.answer[0].startswith("With 58% of the heads and all MLPs, ")


def flagged(flag, kinds):
    rows = scores()
    failed = (rows["state"] == "retrained") & rows["kind"].isin(kinds)
    return rows.assign(flag=rows["flag"].mask(failed, flag))


LOST = [
    ("unlearned", "2 of 2 random subnetworks did not learn the task in the training given"),
    ("diverged", "2 of 2 random subnetworks diverged in the training given"),
]


@pytest.mark.parametrize(("flag", "said"), mostly_slow(LOST, LOST[:1]))
def test_controls_that_did_not_train_cannot_be_read(flag, said):
    one, line = told(flagged(flag, ["random", "bad"]))
    assert "but this comparison cannot be read: " in one.answer[2]
    assert (
        f"{said} (2 epochs of 1,200 examples, 32 per step, learning rate 0.0003)."
        in (one.answer[2])
    )
    assert "difference" not in one.answer[2]
    assert line["n_unlearned"].tolist() == [0, 0, 2, 2]
    assert "2 retrained models did not learn" in line.loc["random", "note"]


@pytest.mark.slow
def test_bad_controls_that_did_not_train_do_not_hide_the_comparison_with_random():
    one, _ = told(flagged("unlearned", ["bad"]))
    assert "cannot be read" not in one.answer[2]


@pytest.mark.slow
def test_one_failed_control_of_a_seed_is_singular():
    rows = scores(seeds=(1,))
    failed = (rows["state"] == "retrained") & (rows["kind"] == "random")
    one, _ = told(rows.assign(flag=rows["flag"].mask(failed, "unlearned")))
    assert "1 of 1 random subnetwork did not learn the task" in one.answer[2]


def test_every_task_has_its_own_answer():
    rows = scores(("acceptability", "rte"), degenerate=("rte",))
    tables = answer_tables(rows, MANIFEST, known={"comparisons": made_comparisons(rows)})
    first, second = verdicts(rows, tables, MANIFEST)
    check(first, tables, rows)
    check(second, tables, rows)
    assert len(first.answer) == 3
    assert "on rte than random" in second.question[0]
    assert second.answer[0].startswith("This run cannot answer the question for rte")
    assert len(second.answer) == 1
    table = answers_table([first, second])
    assert list(table.columns) == ["model", "task", "method", "subject", "number", "text"]
    mine = table[(table["task"] == "acceptability") & (table["subject"] == "answer")]
    assert mine["text"].tolist() == list(first.answer)
    assert mine["number"].tolist() == [1, 2, 3]
    assert table["text"].str.contains("\ue000").sum() == 0
