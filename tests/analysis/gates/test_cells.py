"""Cells of a run whose masks are learned towards a size."""

from typing import Any

import pytest
from subprobe.analysis.experiment import run_experiment
from subprobe.models.partners.drawing import draws_of
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


def test_a_run_learns_gates_while_partners_replace_units(tiny_encoder, tmp_path):
    prune = {**OPTIONS["prune"], "methods": ["hard-concrete"], "ablation": "resample"}
    options = {**OPTIONS, "prune": {**prune, "match_donors": "length", "donor_seed": 4}}
    cells = TinyCells(tiny_config(tiny_encoder, **options), tmp_path / "run")
    at = "acceptability/seed1/hard-concrete"
    names = (f"{at}/search", f"{at}/good/0/score", f"{at}/random/0/score")
    search, good, random = (one.rows for one in cells.outputs(*names))
    mask = cells.mask(f"{at}/search")
    assert draws_of(mask.constants) == {"seed": 4, "match": "length"}
    assert set(search["mask_id"]) == set(good["mask_id"]) == {mask.mask_id}
    for rows in (search, good, random):
        assert set(rows["ablation"]) == {"resample"}


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


def test_gates_are_learned_in_the_untrained_encoder_too(tiny_encoder, tmp_path):
    controls = {**OPTIONS["controls"], "untrained": True, "untrained_search": True}
    options = {**OPTIONS, "controls": {**controls, "match": "layer", "complement": True}}
    cells = TinyCells(tiny_config(tiny_encoder, **options), tmp_path / "run")
    at = "acceptability/seed1"
    (null,) = cells.outputs(f"{at}/untrained/continuous-sparsification/null")
    assert set(null.rows["metric"]) >= {"mask_minus_complement", "trained_minus_untrained"}
    own, trained = (
        cells.mask(f"{at}{state}/continuous-sparsification/search") for state in ("/untrained", "")
    )
    assert own.counts()["units"] == trained.counts()["units"] == (5, 10)
    assert own.fingerprint != trained.fingerprint
    # the complement of the null is that of the tests of necessity
    names = [f"{at}/continuous-sparsification/complement/0/{last}"
             for last in ("null/score", "score")]  # fmt: skip
    ids = [set(one.rows["mask_id"]) for one in cells.outputs(*names)]
    assert ids[0] == ids[1]
