"""A run that scores every model on easy and on hard examples."""

import pandas as pd
import pytest
from few_cells import Listening, few_config, without_report
from subprobe.analysis.comparison.probe_comparisons import compare_probes
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.run_folder.export import export_run
from subprobe.analysis.run_folder.reading import load_run
from tiny_run import TinyCells, write_toy_task

CONTROLS = {"draws": 2, "retrained_draws": 1, "untrained": False, "bag_of_words": True,
            "artefacts": True}  # fmt: skip


@pytest.fixture(scope="module")
def run(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("easy") / "run"
    with without_report():
        run_experiment(few_config(tiny_encoder, controls=CONTROLS, examples=[48, 16, 40]), folder)
    return folder


@pytest.fixture(scope="module")
def rows(run):
    return pd.read_parquet(run / "rows.parquet")


WHO = ["kind", "state", "draw", "seed"]


@pytest.mark.slow
def test_every_score_is_divided_into_easy_and_hard(rows):
    scores = rows[(rows["probe"] == "performance") & (rows["metric"] == "accuracy")]
    parts = rows[(rows["probe"] == "artefacts") & (rows["metric"] == "accuracy")]
    assert len(parts) == 2 * len(scores)
    for score in scores.itertuples():
        mine = parts
        for name in (*WHO, "mask_id", "sparsity"):
            mine = mine[mine[name] == getattr(score, name)]
        assert set(mine["relation"]) == {"easy", "hard"}
        assert (mine["value"] * mine["n"]).sum() / mine["n"].sum() == pytest.approx(score.value)
        assert mine["n"].sum() == score.n
        assert len(set(mine["cell_id"])) == 1
        assert mine["cell_id"].iloc[0] != score.cell_id
        assert set(mine["baseline"]) == {"majority"}
    assert {"full", "good", "random", "bad", "bag-of-words"} == set(parts["kind"])
    assert {"finetuned", "pruned", "retrained", "trained"} == set(parts["state"])


@pytest.mark.slow
def test_the_classifier_of_part_of_the_input_stands_beside_them(rows, run):
    partial = rows[(rows["probe"] == "partial-input") & (rows["metric"] == "accuracy")].iloc[0]
    easy = rows[(rows["probe"] == "artefacts") & (rows["relation"] == "easy")]
    assert set(easy["n"]) == {round(partial["value"] * partial["n"])}
    assert partial["variant"] == "only text, n-grams"
    items = pd.read_parquet(run / "cells" / f"{partial['cell_id']}.parquet")
    right = items["prediction"] == items["gold"]
    assert (right == (items["relation"] == "easy")).all()


@pytest.mark.slow
def test_good_and_random_are_compared_on_easy_and_hard_examples(rows, run):
    found = pd.read_csv(run / "probe_differences.csv")
    found = found[(found["probe"] == "artefacts") & (found["state"] == "pruned")]
    keys = set(zip(found["metric"], found["relation"].fillna(""), strict=True))
    assert keys == {("accuracy", "easy"), ("accuracy", "hard"), ("accuracy_gap", "")}
    pruned = rows[(rows["probe"] == "artefacts") & (rows["state"] == "pruned")]
    value = pruned.groupby(["kind", "metric", pruned["relation"].fillna("")])["value"].mean()
    for line in found.itertuples():
        relation = "" if pd.isna(line.relation) else line.relation
        gap = value["good", line.metric, relation] - value["random", line.metric, relation]
        assert line.difference == pytest.approx(gap, abs=1e-6)
        assert line.n_draws == 2
    found = compare_probes(rows, run / "cells", resamples=50)
    kinds = {*found.compared["kind_a"], *found.compared["kind_b"]}
    assert kinds == {"good", "random", "bad", "full", "bag-of-words"}
    assert set(found.compared["probe"]) == {"artefacts"}
    tested = found.tests[(found.tests["test"] == "exchanged sentences")]
    assert set(tested["relation"].fillna("")) == {"easy", "hard", ""}
    summary = pd.read_csv(run / "summary_probes.csv")
    assert {"easy", "hard"} <= set(summary.loc[summary["probe"] == "artefacts", "relation"])


@pytest.mark.slow
def test_it_is_exported(run, tmp_path):
    export_run(load_run(run), tmp_path / "out", form="parquet", tables=["items"])
    items = pd.read_parquet(tmp_path / "out" / "items.parquet")
    assert {"partial-input", "artefacts"} <= set(items["probe"])


def test_without_the_option_the_cells_are_those_of_before(tiny_encoder, tmp_path):
    off, on = ({**CONTROLS, "artefacts": value} for value in (False, True))
    plain, more = (
        TinyCells(few_config(tiny_encoder, controls=controls), tmp_path / "run").whole
        for controls in (off, on)
    )
    assert {cell.step for cell in more.graph} - {cell.step for cell in plain.graph} == {
        "partial", "difficulty",
    }  # fmt: skip
    assert {name: more.ids[name] for name in plain.ids} == dict(plain.ids)
    scores = [cell.name for cell in more.graph if cell.step in ("evaluate", "words")]
    derived = [cell for cell in more.graph if cell.step == "difficulty"]
    assert sorted(cell.inputs["scored"] for cell in derived) == sorted(scores)


@pytest.mark.slow
def test_the_encoder_can_tell_easy_from_hard(tiny_encoder, tmp_path):
    controls = {**CONTROLS, "artefacts_by": "encoder", "retrained_draws": 0}
    config = few_config(tiny_encoder, tasks=["entailment", "acceptability"], controls=controls,
                        examples=[32, 16, 24])  # fmt: skip
    cells = TinyCells(config, tmp_path / "run")
    partial, full = cells.outputs("entailment/seed1/artefacts", "entailment/seed1/full/artefacts")
    assert set(partial.rows["variant"]) == {"second text, encoder"}
    assert set(full.rows["variant"]) == {"second text, encoder"}
    right = partial.items["prediction"] == partial.items["gold"]
    assert (right == (partial.items["relation"] == "easy")).all()
    (alone,) = cells.outputs("acceptability/seed1/full/artefacts")
    assert "would see the whole input" in alone.notes["nothing"]


@pytest.mark.slow
def test_numbers_have_no_easy_and_hard_examples(tiny_encoder, tmp_path):
    folder = write_toy_task(tmp_path / "toy")
    for path in folder.glob("*.csv"):
        text = path.read_text("utf-8").replace(",left", ",1.5").replace(",right", ",-2.25")
        path.write_text(text, encoding="utf-8")
    config = few_config(
        tiny_encoder, tasks=["toy"], data_dir=str(folder), examples=[],
        columns={"first": "text", "score": "side"},
        controls={**CONTROLS, "retrained_draws": 0, "bag_of_words": False},
    )  # fmt: skip
    said = Listening()
    cells = TinyCells(config, tmp_path / "run", said)
    (output,) = cells.outputs("toy/seed1/artefacts")
    assert "numbers as labels" in output.notes["nothing"]
