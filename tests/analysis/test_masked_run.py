"""A whole run on the task mlm: rows, items and comparisons of masked pieces."""

import numpy as np
import pandas as pd
import pytest
from masked_texts import masked_examples
from subprobe.analysis.experiment import run_experiment
from tiny_run import tiny_config, without_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    texts = [one.texts()[0] for one in masked_examples(120)]
    (folder / "texts.txt").write_text("\n".join(texts) + "\n", "utf-8")
    config = tiny_config(
        tiny_encoder,
        tasks=["mlm"],
        data_dir=str(folder / "texts.txt"),
        recipe={"learning_rate": 0.003, "epochs": 1, "batch_size": 16},
        controls={"draws": 2, "untrained": True, "bag_of_words": True},
        probe={"draws": 1, "sentences": 6, "examples": 3, "names": ["attention-stats"]},
    )
    with without_report():
        run_experiment(config, folder / "run")
    return folder / "run"


def test_every_kind_is_scored_on_the_same_masked_pieces(run):
    rows = pd.read_parquet(run / "rows.parquet")
    scores = rows[rows["probe"] == "performance"]
    assert set(scores["metric"]) == {"accuracy", "bits"}
    assert set(scores["baseline"]) == {"unigram"}
    assert set(scores["kind"]) == {"full", "good", "random", "bad", "untrained"}
    assert {"finetuned", "pruned", "retrained"} <= set(scores["state"])
    assert len(set(scores["n"])) == 1
    assert set(scores["n_clusters"]) == {12}
    assert set(scores.loc[scores["metric"] == "bits", "better"]) == {"lower"}


def test_bits_are_compared_by_the_bits_of_each_piece(run):
    rows = pd.read_parquet(run / "rows.parquet")
    lines = pd.read_csv(run / "comparisons.csv")
    one = lines[
        (lines["metric"] == "bits") & (lines["level"] == "one seed") & (lines["kind_b"] == "bad")
    ].iloc[0]
    kinds = rows[(rows["probe"] == "performance") & (rows["metric"] == "bits")]
    seed = kinds[kinds["seed"] == one["seed"]]
    for side in ("a", "b"):
        of = seed[(seed["kind"] == one[f"kind_{side}"]) & (seed["state"] == one[f"state_{side}"])]
        assert one[f"value_{side}"] == pytest.approx(of["value"].mean(), abs=1e-6)
    assert one["difference"] == pytest.approx(one["value_a"] - one["value_b"], abs=1e-6)
    tests = pd.read_csv(run / "tests.csv")
    tested = tests[(tests["metric"] == "bits") & tests["p_value"].notna()]
    assert len(tested)
    assert tested["p_value"].between(0, 1).all()
    cell = kinds.iloc[0]
    items = pd.read_parquet(run / "cells" / f"{cell['cell_id']}.parquet")
    assert np.mean(items["score"]) == pytest.approx(cell["value"], abs=1e-8)
