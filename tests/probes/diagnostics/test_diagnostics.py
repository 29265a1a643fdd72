"""The diagnostic set of GLUE, scored with tiny models and checked against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diagnostics_file import made_rows, write_diagnostics
from sklearn.metrics import accuracy_score, matthews_corrcoef
from subprobe.analysis.intervals.diagnostic_intervals import diagnostic_intervals
from subprobe.data.challenge.classes import entailment_classes, not_three_classes
from subprobe.data.errors import ConfigError, InputError
from subprobe.data.suites.diagnostics import read_diagnostics
from subprobe.data.tasks.task import TaskSpec
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.probes.diagnostics.diagnostics import members, run_glue_diagnostics
from subprobe.probes.diagnostics.entries import DiagnosticsOptions
from subprobe.probes.forward.base import Context
from tiny import tiny_model, tiny_tokenizer

MNLI = ("entailment", "neutral", "contradiction")


def context(labels=MNLI):
    model = tiny_model("bert", "classification", len(labels))
    spec = TaskSpec("nli", tuple(labels), "accuracy", ("accuracy",), pair=True)
    return Context(model, tiny_tokenizer("wordpiece"), anatomy_of(model), spec=spec)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_diagnostics(tmp_path_factory.mktemp("ax") / "ax.tsv", made_rows(60))


@pytest.fixture(scope="module")
def result(file):
    return run_glue_diagnostics(context(), (), file=str(file))


def test_rows_are_those_of_scikit_learn(file, result):
    pairs = read_diagnostics(file)
    whole = result.items[result.items["metric"] == "accuracy"]
    gold = whole["gold"].to_numpy(int)
    said = whole["prediction"].to_numpy(int)
    assert gold.tolist() == [MNLI.index(pair.label) for pair in pairs]
    assert len(set(said)) > 1
    rows = result.rows.assign(relation=result.rows["relation"].fillna(""))
    values = rows.set_index(["metric", "relation"])["value"]
    seen = 0
    for level, name, inside in members(pairs):
        before = f"{level}_" if level else ""
        expected = matthews_corrcoef(gold[inside], said[inside])
        assert values[f"{before}matthews", name] == pytest.approx(expected)
        right = accuracy_score(gold[inside], said[inside])
        assert values[f"{before}accuracy", name] == pytest.approx(right)
        seen += 2
    assert seen == len(rows)
    names = set(rows["relation"])
    assert {"Lexical Semantics", "Logic", "Logic: Negation", "News",
            "Lexical Semantics: Quantifiers"} <= names  # fmt: skip
    assert "Knowledge" not in names


def test_a_category_has_the_pairs_that_name_it(file, result):
    pairs = read_diagnostics(file)
    counts = result.rows.set_index(["metric", "relation"])["n"]
    both = [p for p in pairs if len(p.categories.get("Lexical Semantics", ())) == 2]
    assert both
    fine = [counts["fine_matthews", f"Lexical Semantics: {name}"]
            for name in ("Lexical entailment", "Quantifiers")]  # fmt: skip
    assert sum(fine) == counts["category_matthews", "Lexical Semantics"] + len(both)


def test_labels_are_matched_by_name(file, result):
    """The order of a model's classes changes nothing but their numbers."""
    turned = ("Contradiction", "ENTAILMENT", "neutral")
    one, two = context(), context(turned)
    two.model.load_state_dict(one.model.state_dict())
    order = [MNLI.index(name.lower()) for name in turned]
    two.model.classifier.weight.data = one.model.classifier.weight.data[order]
    two.model.classifier.bias.data = one.model.classifier.bias.data[order]
    found = run_glue_diagnostics(two, (), file=str(file))
    assert found.rows["value"].tolist() == pytest.approx(
        run_glue_diagnostics(one, (), file=str(file)).rows["value"].tolist()
    )


def test_two_classes_merge_the_labels(file):
    found = run_glue_diagnostics(context(("not_entailment", "entailment")), (), file=str(file))
    gold = found.items[found.items["metric"] == "accuracy"]["gold"]
    labels = [pair.label for pair in read_diagnostics(file)]
    assert gold.tolist() == [float(label == "entailment") for label in labels]
    assert set(found.rows["variant"]) == {"entailment against the rest"}


@pytest.mark.parametrize(
    "labels", [("a", "b", "c"), ("entailment", "neutral"), ("0", "1"), (), ("entailment",) * 2]
)
def test_other_classes_are_refused(file, labels):
    assert entailment_classes(labels) == {}
    assert "needed are entailment, neutral, contradiction" in not_three_classes(labels)
    if len(labels) > 1:
        with pytest.raises(InputError, match="glue-diagnostics: the classes are"):
            run_glue_diagnostics(context(labels), (), file=str(file))


def test_cut_pairs_and_undefined_logits_are_noted(file):
    short = replace(context(), max_length=5)
    torch.nn.init.constant_(short.model.classifier.bias, float("nan"))
    found = run_glue_diagnostics(short, (), file=str(file), limit=6)
    assert found.notes["glue-diagnostics cut"] == 6
    assert found.notes["glue-diagnostics with undefined logits"] == 6
    assert set(found.rows["flag"]) == {"diverged"}
    assert run_glue_diagnostics(context(), (), file=str(file), limit=6).rows["flag"].isna().all()


def test_a_file_is_needed():
    with pytest.raises(ConfigError, match="no file is named"):
        DiagnosticsOptions().inputs()


def test_intervals_resample_pairs_with_a_common_text(result):
    rows = diagnostic_intervals(result)
    whole = rows[(rows["metric"] == "matthews")].iloc[0]
    assert whole["ci_low"] < whole["value"] < whole["ci_high"]
    assert "clusters of pairs" in whole["ci_method"]
    small = rows[rows["n"] < rows["n"].max()]
    widths = (small["ci_high"] - small["ci_low"])[small["metric"].str.endswith("accuracy")]
    of_all = rows[rows["metric"] == "accuracy"].iloc[0]
    assert widths.median() > of_all["ci_high"] - of_all["ci_low"]
    again = diagnostic_intervals(result)
    assert again.equals(rows)


def test_the_interval_is_that_of_a_plain_bootstrap(result):
    rows = diagnostic_intervals(result)
    row = rows[(rows["metric"] == "accuracy")].iloc[0]
    items = result.items[result.items["metric"] == "accuracy"]
    right = items["numerator"].to_numpy(float)
    clusters = items["cluster_id"].to_numpy()
    names = np.unique(clusters)
    inside = [np.flatnonzero(clusters == name) for name in names]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(3000):
        chosen = np.concatenate([inside[k] for k in rng.integers(0, len(names), len(names))])
        drawn.append(right[chosen].mean())
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert row["ci_low"] == pytest.approx(low, abs=0.03)
    assert row["ci_high"] == pytest.approx(high, abs=0.03)


def test_a_limit_spaces_pairs_evenly(file):
    found = run_glue_diagnostics(context(), (), file=str(file), limit=10)
    assert found.rows["n"].max() == 10
    assert found.notes["glue-diagnostics_pairs"] == 10
