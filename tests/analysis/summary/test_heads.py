"""The table of heads equals plain loops over the rows of a run."""

import numpy as np
import pandas as pd
import pytest
from report_rows import report_rows
from run_rows import MadeRun
from subprobe.analysis.run_folder.dictionary import describe
from subprobe.analysis.run_folder.reading import load_rows, load_run
from subprobe.analysis.summary.heads import COLUMNS, TARGETS, heads_table
from subprobe.data.output.tables import rows_frame
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.probes.entry import Measure, ProbeEntry
from subprobe.probes.registry import PLUGINS

PLACE = ["model", "task", "method", "layer", "head"]
ABOUT = {"model": "m", "task": "t", "seed": 1, "unit": "head"}
FULL = {**ABOUT, "method": "full", "kind": "full", "state": "finetuned"}


@pytest.fixture(scope="module")
def rows():
    return report_rows(MadeRun(tasks=("acceptability", "entailment"), draws=1, seeds=(1, 2, 3)))


@pytest.fixture(scope="module")
def table(rows):
    return heads_table(rows)


def test_each_head_of_each_answer_has_one_line(rows, table):
    assert list(table.columns) == COLUMNS
    assert not table.duplicated(PLACE).any()
    assert len(table) == 2 * 6 * 12
    for name in ("layer", "head", "kept_seeds", "n_seeds", "best_relation_n"):
        assert table[name].dtype == "Int64", name


def test_numbers_are_those_of_plain_loops(rows, table):
    full = rows[
        (rows["kind"] == "full") & (rows["state"] == "finetuned") & (rows["unit"] == "head")
    ]
    masks = rows[(rows["probe"] == "mask") & (rows["kind"] == "good") & (rows["unit"] == "head")]
    for line in table.sample(30, random_state=0).itertuples():

        def here(frame, line=line):
            mine = frame[(frame["task"] == line.task) & (frame["layer"] == line.layer)]
            return mine[mine["head"] == line.head]

        kept = here(masks)["value"].tolist()
        assert (line.kept_seeds, line.n_seeds) == (sum(kept), 3)
        assert line.kept_share == pytest.approx(sum(kept) / 3)
        mine = here(full)
        for target in TARGETS:
            said = getattr(line, f"to_{target}")
            values = mine.loc[mine["metric"] == f"attention_to_{target}", "value"]
            assert pd.isna(said) if values.empty else said == pytest.approx(values.mean())
        shares = {
            name: getattr(line, f"to_{name}")
            for name in ("first", "separator", "previous", "next", "self")
        }
        assert line.attends_to == max(shares, key=shares.get)
        assert line.attends_to_share == max(shares.values())
        gains = {}
        arcs = mine[(mine["metric"] == "dependency_accuracy") & (mine["relation"] != "all")]
        for key, part in arcs.groupby(["relation", "direction"], dropna=False):
            gains[key[0]] = (part["value"] - part["baseline_value"]).mean()
        best = max(gains, key=gains.get)
        if gains[best] <= 0:
            assert pd.isna(line.best_relation)
            assert pd.isna(line.best_relation_accuracy)
            continue
        assert line.best_relation == best
        of_best = arcs[arcs["relation"] == best]
        assert line.best_relation_accuracy == pytest.approx(of_best["value"].mean())
        assert line.best_relation_baseline_value == pytest.approx(of_best["baseline_value"].mean())
        assert line.best_relation_baseline == of_best["baseline"].iloc[0]
        assert line.best_relation_n == of_best["n"].min()


def test_the_most_frequent_pattern_and_the_importance_of_a_head():
    def head(**more):
        return {**FULL, "layer": 0, "head": 1, **more}

    pattern = {"probe": "attention-patterns", "metric": "pattern_share"}
    importance = {"probe": "head-attributions", "metric": "head_importance"}
    shares = {"vertical": (0.6, 0.2), "block": (0.4, 0.8)}
    made = [
        *(head(**pattern, variant="raw", relation=name, value=share, seed=seed)
          for name, both in shares.items() for seed, share in enumerate(both, 1)),
        head(**pattern, variant="norm", relation="other", value=1.0),
        head(**importance, variant="fisher", value=0.2),
        head(**importance, variant="fisher", value=0.6, seed=2),
        head(**importance, variant="weight-norm", value=9.0),
    ]  # fmt: skip
    (line,) = heads_table(rows_frame(made)).itertuples()
    assert (line.pattern, line.pattern_share) == ("block", pytest.approx(0.6))
    assert (line.importance_method, line.importance) == ("fisher", pytest.approx(0.4))
    assert line.method == "full"  # no subnetwork was searched
    assert pd.isna(line.kept_share)


def test_importance_is_that_of_the_search_before_that_of_the_probe():
    """Each method has its own; one that ranks no heads takes what the probe measured."""
    head = {**FULL, "layer": 0, "head": 1}
    searched = {**head, "probe": "mask", "metric": "importance", "method": "structured",
                "variant": "gate-example, l2"}  # fmt: skip
    mask = {**ABOUT, "probe": "mask", "metric": "kept", "state": "pruned", "layer": 0, "head": 1,
            "kind": "good", "value": 1.0, "draw": 0}  # fmt: skip
    probed = {**head, "probe": "head-attributions", "metric": "head_importance",
              "variant": "fisher"}  # fmt: skip
    made = [
        {**mask, "method": "structured"}, {**mask, "method": "l0"},
        {**searched, "value": 0.25}, {**searched, "value": 0.75, "seed": 2},
        {**searched, "unit": "mlp", "head": None, "value": 9.0},
        {**probed, "value": 0.1},
    ]  # fmt: skip
    table = heads_table(rows_frame(made)).set_index("method")
    about = ["importance", "importance_method"]
    assert table.loc["structured", about].tolist() == [0.5, "gate-example, l2"]
    assert table.loc["l0", about].tolist() == [0.1, "fisher"]
    assert len(table) == 2


def test_a_run_stores_the_importance_that_its_search_used(finished_run):
    rows = load_rows(finished_run)
    table = load_run(finished_run).summaries["heads"]
    stored = rows[(rows["probe"] == "mask") & (rows["metric"] == "importance")]
    heads = stored[stored["unit"] == "head"]
    assert set(stored["unit"]) == {"head", "mlp"}
    assert set(stored["kind"]) == {"full"}
    mask = next(iter(sorted((finished_run / "masks").glob("*good*"))))
    assert set(table["importance_method"]) == {Subnetwork.load(mask).importance}
    means = heads.groupby(["method", "layer", "head"])["value"].mean()
    for line in table.itertuples():
        assert line.importance == pytest.approx(means[line.method, line.layer, line.head])
    # the heads of a layer are divided by their norm
    norms = heads.groupby(["method", "seed", "layer"])["value"].apply(lambda v: (v**2).sum())
    assert norms.tolist() == pytest.approx([1.0] * len(norms))


def test_heads_of_other_models_and_states_have_no_part():
    mask = {**ABOUT, "probe": "mask", "metric": "kept", "state": "pruned", "layer": 0, "draw": 0}
    stats = {"probe": "attention-stats", "metric": "attention_to_next", "layer": 0, "head": 0}
    made = [
        {**mask, "method": "structured", "kind": "good", "head": 0, "value": 1.0},
        {**mask, "method": "structured", "kind": "good", "head": 0, "value": 0.0, "seed": 2},
        {**mask, "method": "l0", "kind": "good", "head": 0, "value": 0.0, "flag": "degenerate"},
        {**mask, "method": "structured", "kind": "bad", "head": 0, "value": 0.0},
        {**FULL, **stats, "value": 0.5},
        {**FULL, **stats, "value": 0.1, "state": "pretrained"},
        {**FULL, **stats, "value": 0.9, "kind": "good", "method": "structured", "state": "pruned"},
    ]
    table = heads_table(rows_frame(made)).set_index("method")
    assert table.loc["structured", ["kept_seeds", "n_seeds", "to_next"]].tolist() == [1, 2, 0.5]
    assert table.loc["l0", ["kept_seeds", "n_seeds", "to_next"]].tolist() == [0, 1, 0.5]
    assert table.loc["l0", "flag"] == "degenerate"
    assert table.loc["structured", "flag"] == ""
    assert np.isnan(table.loc["structured", "attention_distance"])


def test_a_run_without_heads_has_an_empty_table():
    assert list(heads_table(rows_frame([])).columns) == COLUMNS


def test_a_probe_of_another_package_adds_the_columns_that_it_declares(monkeypatch):
    entry = ProbeEntry(
        name="foreign",
        help="a probe of another package",
        code="nowhere:run",
        rows=(
            Measure("to_nouns", ("head",), "a share", column="to_nouns", largest="class_of_word"),
            Measure("to_verbs", ("head",), "a share", column="to_verbs", largest="class_of_word"),
            Measure("taken", ("head",), "no share", column="importance"),
        ),
    )
    monkeypatch.setattr(PLUGINS, "_points", {entry.name: None})
    monkeypatch.setattr(PLUGINS, "_loaded", {entry.name: entry})
    made = [
        {**ABOUT, "probe": "mask", "metric": "kept", "method": "structured", "kind": "good",
         "state": "pruned", "layer": 0, "head": 0, "draw": 0, "value": 1.0},
        *(
            {**FULL, "probe": "foreign", "metric": metric, "layer": 0, "head": 0, "value": value}
            for metric, value in (("to_nouns", 0.25), ("to_verbs", 0.5), ("taken", 3.0))
        ),
    ]  # fmt: skip
    table = heads_table(rows_frame(made))
    own = ["to_nouns", "to_verbs", "class_of_word", "class_of_word_share"]
    assert list(table.columns) == [*COLUMNS, *own]
    (line,) = table.itertuples()
    assert (line.to_nouns, line.to_verbs) == (0.25, 0.5)
    assert (line.class_of_word, line.class_of_word_share) == ("verbs", 0.5)
    assert pd.isna(line.importance)
    assert describe("heads", "to_nouns").meaning == "a share, mean over seeds"
