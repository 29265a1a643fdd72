"""The probe of heuristics against a plain loop, and the identities of its rows."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from probe_cases import tiny_context, with_dead_heads
from scipy import stats
from subprobe.analysis.comparison.pairs import Pair
from subprobe.analysis.comparison.probe_comparisons import compare_models
from subprobe.analysis.comparison.probe_items import probe_items
from subprobe.analysis.comparison.probed_models import ProbedModels
from subprobe.analysis.intervals.second_set_intervals import WITHIN, heuristic_intervals
from subprobe.data.challenge.generated import generated_heuristics
from subprobe.data.challenge.heuristic_pair import HeuristicPair
from subprobe.data.errors import InputError
from subprobe.data.output.tables import rows_frame
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.task import TaskSpec
from subprobe.models.masks.gates import gated
from subprobe.probes.challenge.heuristic_rows import Judged, heuristic_items, heuristic_rows
from subprobe.probes.challenge.heuristics import run_heuristics
from subprobe.probes.challenge.predictions import evaluated, predicts_entailment
from subprobe.probes.forward.base import ProbeResult

MNLI = ("contradiction", "Entailment", "neutral")
N = 4 * 38


def spec_of(labels):
    return TaskSpec("nli", tuple(labels), "accuracy", ("accuracy",), pair=True)


def context_of(labels=MNLI):
    context = tiny_context("bert", "classification", num_labels=len(labels), double=False)
    return replace(context, spec=spec_of(labels))


@pytest.fixture(scope="module")
def context():
    made = context_of()
    with torch.no_grad():
        made.model.classifier.weight *= 30
    pairs = [one.example for one in generated_heuristics(1, N).pairs]
    logits = evaluated(made, made.spec, pairs, batch_size=64).logits
    rest = np.logaddexp(logits[:, 0], logits[:, 2])
    with torch.no_grad():
        # half of the pairs are entailment by the stricter rule, and some are not by the other
        made.model.classifier.bias[1] -= float(np.median(logits[:, 1] - rest))
    return made


def loop(context, place, merging):
    """Pair id -> whether entailment is predicted, by one forward pass each."""
    found = {}
    for pair in generated_heuristics(1, N).pairs:
        inputs = context.tokenizer(*pair.example.texts(), return_tensors="pt")
        with torch.no_grad(), gated(context.model, context.subnetwork):
            likely = context.model(**inputs).logits[0].double().softmax(-1)
        rest = [float(p) for n, p in enumerate(likely) if n != place]
        rival = max(rest) if merging == "argmax" else sum(rest)
        found[pair.example.id] = float(likely[place]) > rival
    return found


def value(rows, metric, relation=""):
    mine = rows[(rows["metric"] == metric) & (rows["relation"].fillna("") == relation)]
    return float(mine["value"].iloc[0])


@pytest.mark.parametrize("merging", ["argmax", "sum"])
@pytest.mark.parametrize("masked", [False, True])
def test_rows_are_those_of_a_plain_loop(context, merging, masked):
    if masked:
        context = with_dead_heads(context, [(0, 1), (1, 0), (1, 2)])
    found = run_heuristics(context, (), generated=N, merging=merging, batch_size=13)
    said = loop(context, 1, merging)
    pairs = generated_heuristics(1, N).pairs
    assert len({*said.values()}) == 2
    groups = {"accuracy_entailed": {}, "accuracy_non_entailed": {}, "subcase_accuracy": {},
              "template_accuracy": {}, "accuracy": {}, "share_entailed": {}}  # fmt: skip
    for pair in pairs:
        guess = said[pair.example.id]
        right = guess == pair.entailed
        label = "accuracy_entailed" if pair.entailed else "accuracy_non_entailed"
        for relation in ("", pair.heuristic):
            groups[label].setdefault(relation, []).append(right)
            groups["accuracy"].setdefault(relation, []).append(right)
            groups["share_entailed"].setdefault(relation, []).append(guess)
        groups["subcase_accuracy"].setdefault(pair.subcase, []).append(right)
        groups["template_accuracy"].setdefault(pair.template, []).append(right)
    wanted = {(m, r): np.mean(v) for m, by in groups.items() for r, v in by.items()}
    for relation in groups["accuracy"]:
        wanted["reliance", relation] = (
            wanted["accuracy_entailed", relation] - wanted["accuracy_non_entailed", relation]
        )
    rows = found.rows
    keys = list(zip(rows["metric"], rows["relation"].fillna(""), strict=True))
    assert set(keys) == set(wanted)
    for key, given in zip(keys, rows["value"], strict=True):
        assert given == pytest.approx(wanted[key], abs=1e-9), key
    counts = {(m, r): len(v) for m, by in groups.items() for r, v in by.items()}
    assert [counts.get(key, counts["accuracy", key[1]] if key[0] == "reliance" else 0)
            for key in keys] == rows["n"].tolist()  # fmt: skip
    assert (rows["corpus"] == "generated").all()
    assert (rows["variant"] == merging).all()


def test_rows_are_ratios_of_their_items(context):
    found = run_heuristics(context, (), generated=N)
    items = found.item_parts.frame()
    sums = items.assign(relation=items["relation"].fillna("")).groupby(["metric", "relation"])
    ratios = sums["numerator"].sum() / sums["denominator"].sum()
    for key, ratio in ratios.items():
        assert ratio == pytest.approx(value(found.rows, *key), abs=1e-9), key
    assert set(items["cluster_id"]) == {p.template for p in generated_heuristics(1, N).pairs}


def test_two_classes_give_one_number_whatever_the_rule_and_the_order():
    labels = ("not_entailment", "entailment")
    context = context_of(labels)
    argmax, summed = (
        run_heuristics(context, (), generated=N, merging=rule).rows for rule in ("argmax", "sum")
    )
    np.testing.assert_array_equal(argmax["value"], summed["value"])
    turned = copy.deepcopy(context.model)
    with torch.no_grad():
        turned.classifier.weight.copy_(turned.classifier.weight.flip(0))
        turned.classifier.bias.copy_(turned.classifier.bias.flip(0))
    other = replace(context, model=turned, spec=spec_of(labels[::-1]))
    back = run_heuristics(other, (), generated=N).rows
    np.testing.assert_array_equal(argmax["value"], back["value"])


def test_the_two_rules_differ_where_entailment_wins_without_a_majority():
    logits = np.log([[0.3, 0.4, 0.3], [0.2, 0.6, 0.2], [0.5, 0.4, 0.1], [0.2, 0.5, 0.3]])
    assert predicts_entailment(logits, 1, "argmax").tolist() == [True, True, False, True]
    assert predicts_entailment(logits, 1, "sum").tolist()[:3] == [False, True, False]
    # a tie is not entailment, wherever the class stands
    for place in (0, 1):
        assert not predicts_entailment(np.zeros((1, 2)), place, "argmax").any()
        assert not predicts_entailment(np.zeros((1, 2)), place, "sum").any()


@pytest.mark.parametrize("labels", [("LABEL_0", "LABEL_1", "LABEL_2"), ("no", "maybe", "yes")])
def test_a_model_without_the_class_is_refused(context, labels):
    with pytest.raises(InputError, match="none is named entailment"):
        run_heuristics(replace(context, spec=spec_of(labels)), ())
    with pytest.raises(InputError, match="needs a model with classes"):
        run_heuristics(replace(context, spec=None), ())


def test_a_limit_takes_as_many_of_each_subcase(context):
    rows = run_heuristics(context, (), generated=N, limit=2).rows
    assert set(rows[rows["metric"] == "subcase_accuracy"]["n"]) == {2}


# -- numbers that are known ------------------------------------------------------------------------

BLOCKS = {
    ("lexical_overlap", False): 0.165, ("lexical_overlap", True): 0.945,
    ("subsequence", False): 0.04, ("subsequence", True): 0.995,
    ("constituent", False): 0.16, ("constituent", True): 0.985,
}  # fmt: skip
"""Accuracy of the published BERT on each block of HANS, rounded to 200 pairs per subcase."""


def blocks(accuracy=BLOCKS, per_subcase=200, templates=4):
    """Pairs of the size of the sample, five subcases a block, with these accuracies."""
    pairs, said = [], []
    for (heuristic, entailed), share in accuracy.items():
        for number in range(5):
            subcase = f"{heuristic[0]}{'e' if entailed else 'n'}_{number}"
            for place in range(per_subcase):
                id = f"{subcase}/{place}"
                example = Example(id, plain_sentence(f"{id}/1", "a b"), None, int(entailed))
                template = f"{subcase}/t{place % templates}"
                pairs.append(HeuristicPair(example, heuristic, subcase, template))
                right = place < round(share * per_subcase)
                said.append(right == entailed)
    return Judged("hans", pairs, np.array(said), np.array([one.entailed for one in pairs]))


def test_the_blocks_of_hans_give_the_published_shares():
    rows = rows_frame(heuristic_rows(blocks(), "argmax"))
    assert value(rows, "share_entailed") == pytest.approx(0.9267, abs=5e-4)
    for (heuristic, entailed), share in BLOCKS.items():
        metric = "accuracy_entailed" if entailed else "accuracy_non_entailed"
        assert value(rows, metric, heuristic) == pytest.approx(share)
    assert value(rows, "reliance", "lexical_overlap") == pytest.approx(0.78)
    assert value(rows, "reliance") == pytest.approx((2.925 - 0.365) / 3)
    assert value(rows, "accuracy") == pytest.approx((2.925 + 0.365) / 6)
    base = rows.set_index(["metric", rows["relation"].fillna("")])["baseline_value"]
    assert base["accuracy", ""] == 0.5
    assert (base["reliance", ""], base["accuracy_non_entailed", ""]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("said", "reliance"), [("always", 1.0), ("never", -1.0), ("right", 0.0), ("wrong", 0.0)]
)
def test_reliance_of_simple_models(said, reliance):
    judged = blocks(per_subcase=10)
    answers = {
        "always": np.ones_like(judged.gold), "never": np.zeros_like(judged.gold),
        "right": judged.gold, "wrong": ~judged.gold,
    }  # fmt: skip
    rows = rows_frame(heuristic_rows(replace(judged, said=answers[said]), "argmax"))
    found = rows[rows["metric"] == "reliance"]["value"]
    assert len(found) == 4
    np.testing.assert_allclose(found, reliance)


def finished(judged):
    result = ProbeResult(
        "heuristics", rows_frame(heuristic_rows(judged, "argmax")),
        lambda: heuristic_items(judged, "argmax"),
    )  # fmt: skip
    rows = heuristic_intervals(result)
    return rows.set_index(["metric", rows["relation"].fillna("")])


def test_intervals_of_single_pairs_are_those_of_welch():
    judged = blocks(per_subcase=20, templates=20)
    rows = finished(judged)
    right = (judged.said == judged.gold).astype(float)
    wanted = stats.ttest_ind(
        right[judged.gold], right[~judged.gold], equal_var=False
    ).confidence_interval()
    at = rows.loc[("reliance", "")]
    assert (at["ci_low"], at["ci_high"]) == pytest.approx((wanted.low, wanted.high))


def test_intervals_over_templates_are_wider_and_single_templates_have_exact_ones():
    judged = blocks(per_subcase=40, templates=4)
    # whole templates are right or wrong
    solid = np.array([hash_of(one.template) for one in judged.pairs])
    judged = replace(judged, said=np.where(solid, judged.gold, ~judged.gold))
    rows = finished(judged)
    alone = finished(
        replace(
            judged,
            pairs=[replace(one, template=one.example.id) for one in judged.pairs],
        )
    )
    wide, narrow = (f.loc[("reliance", "")] for f in (rows, alone))
    assert wide["ci_high"] - wide["ci_low"] > 2 * (narrow["ci_high"] - narrow["ci_low"])
    template = rows.loc["template_accuracy"].iloc[0]
    exact = stats.binomtest(round(template["value"] * 10), 10).proportion_ci()
    assert template["ci_method"] == WITHIN
    assert (template["ci_low"], template["ci_high"]) == pytest.approx((exact.low, exact.high))


def hash_of(template):
    return sum(map(ord, template)) % 3 > 0


def test_reliance_of_two_models_is_compared_over_the_same_templates():
    whole = blocks(per_subcase=40)
    shares = {key: share if key[1] else min(1, share + 0.5) for key, share in BLOCKS.items()}
    less = blocks(shares, per_subcase=40)
    models = ProbedModels()
    names = ("structured", "good", "pruned"), ("structured", "random", "pruned")
    for model, judged in zip(names, (less, whole), strict=True):
        rows = rows_frame(heuristic_rows(judged, "argmax")).assign(cell_id=model[1])
        items = probe_items(pd.concat(heuristic_items(judged, "argmax"), ignore_index=True))
        assert items is not None
        models.add(model, "heuristics", rows, items, model[1])
    found = compare_models([Pair(*names, "q")], {1: models}, {"model": "m", "task": "t"},
                           resamples=500)  # fmt: skip
    table = found.compared[found.compared["metric"] == "reliance"]
    table = table.set_index(table["relation"].fillna(""))
    for relation in ("", "lexical_overlap", "subsequence", "constituent"):
        line = table[table["level"] == "one seed"].loc[relation]
        first, second = (
            value(rows_frame(heuristic_rows(one, "argmax")), "reliance", relation)
            for one in (less, whole)
        )
        assert line["difference"] == pytest.approx(first - second, abs=1e-6)
        assert line["ci_low"] < first - second < line["ci_high"] < 0
    tests = found.tests[(found.tests["metric"] == "reliance") & found.tests["relation"].isna()]
    assert (tests["p_value"].dropna() < 0.01).all()
    assert tests["p_value"].notna().any()
