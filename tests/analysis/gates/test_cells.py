"""Cells of a run whose masks are learned towards a size."""

from typing import Any

import pytest
from subprobe.analysis.experiment import run_experiment
from tiny_run import TinyCells, tiny_config, without_report

OPTIONS: dict[str, Any] = {
    "seeds": [1],
    "prune": {
        "methods": ["hard-concrete", "continuous-sparsification"], "keep": 0.5,
        "gates": {"epochs": 1, "batch_size": 16},
    },
    "controls": {"draws": 1, "untrained": False, "retrained_draws": 0, "bag_of_words": False},
    "probe": {"names": []},
}  # fmt: skip


def test_the_search_gives_a_mask_and_rows_about_its_gates(tiny_encoder, tmp_path):
    cells = TinyCells(tiny_config(tiny_encoder, **OPTIONS), tmp_path / "run")
    at = "acceptability/seed1/continuous-sparsification"
    (search,) = cells.outputs(f"{at}/search")
    rows = search.rows
    assert set(rows["metric"]) == {"binary_share", "gate_score"}
    assert set(rows["method"]) == {"continuous-sparsification"}
    assert set(rows["selection"]) == {"train"}
    mask = cells.mask(f"{at}/search")
    assert mask.counts()["units"] == (5, 10)
    assert set(rows["mask_id"]) == {mask.mask_id}
    assert search.notes["history"][0]["keep"] == 0.5


@pytest.mark.slow
def test_a_whole_run_has_scores_and_controls_for_both_forms(tiny_encoder, tmp_path):
    with without_report():
        finished = run_experiment(tiny_config(tiny_encoder, **OPTIONS), tmp_path / "run")
    rows = finished.rows
    scores = rows[(rows["probe"] == "performance") & (rows["metric"] == "accuracy")]
    for method in OPTIONS["prune"]["methods"]:
        mine = scores[scores["method"] == method]
        assert set(mine["kind"]) == {"good", "random", "bad"}
        assert set(mine["sparsity"]) == {0.5}
