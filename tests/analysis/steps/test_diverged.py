"""A training whose loss is no number: the run goes on, and every table says which model it was."""

import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from judged import only_diverged
from subprobe.analysis.cells import training
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.steps.performance import performance_rows
from subprobe.analysis.steps.progress import Silent
from subprobe.analysis.summary.summaries import performance_table
from subprobe.analysis.verdict.verdict import verdict
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.evaluate import evaluate, is_finite
from subprobe.models.training.finetune import finetune
from tiny import tiny_model, tiny_tokenizer
from tiny_run import TinyCells, tiny_config
from toy_parts import toy_parts

pytestmark = pytest.mark.slow

OPTIONS: dict[str, Any] = {
    "prune": {"keep": 0.5},
    "controls": {"draws": 1, "untrained": False},
    "probe": {"names": ["attention-stats"], "sentences": 4, "states": ["pruned", "retrained"]},
}


class Heard(Silent):
    """Progress that remembers its lines."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def ruined(trained):
    """What a step along a gradient of NaN leaves."""
    with torch.no_grad():
        for parameter in trained.model.parameters():
            parameter.fill_(float("nan"))
    return replace(trained, diverged=True)


def failing(*arguments, **options):
    """Fine-tuning that fails for the full model of seed 2 and for the random mask of seed 1."""
    trained, mask = finetune(*arguments, **options), options["subnetwork"]
    seed = options["seed_init"]
    lost = seed == 2 if mask is None else (seed == 1 and mask.kind == "random")
    return ruined(trained) if lost else replace(trained, diverged=False)


@pytest.fixture(scope="module")
def finished(tiny_encoder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "finetune", failing)
        patch.setattr(training, "outcome", only_diverged)
        folder = tmp_path_factory.mktemp("diverged") / "run"
        return run_experiment(tiny_config(tiny_encoder, **OPTIONS), folder)


def test_every_row_about_a_diverged_model_says_so(finished):
    rows = finished.rows
    full_of_2 = (rows["seed"] == 2) & rows["state"].isin(["finetuned", "pruned"])
    random_of_1 = (rows["seed"] == 1) & (rows["kind"] == "random") & (rows["state"] == "retrained")
    diverged = rows["flag"].eq("diverged")
    assert (diverged == (full_of_2 | random_of_1)).all()
    assert set(rows[diverged]["probe"]) == {"performance", "mask"}
    assert set(rows[full_of_2]["kind"]) == {"full", "good", "random", "bad"}


def test_nothing_is_searched_or_probed_in_weights_that_are_no_numbers(finished):
    whole = Subnetwork.load(finished.folder / "masks" / "acceptability-seed2-good.safetensors")
    assert not whole.sparsity()
    assert whole.history[0]["metric"] is None
    probed = finished.rows[finished.rows["probe"] == "attention-stats"]
    told = set(probed[["seed", "kind", "state"]].itertuples(index=False, name=None))
    assert (1, "good", "retrained") in told
    assert (2, "good", "retrained") in told
    assert (1, "random", "retrained") not in told
    assert (2, "full", "finetuned") not in told


def test_the_tables_and_the_answer_carry_the_flag(finished):
    summary = pd.read_csv(finished.folder / "summary_performance.csv").fillna({"flag": ""})
    marked = summary[summary["flag"].str.contains("diverged")]
    lines = set(marked[["kind", "state"]].itertuples(index=False, name=None))
    assert {("full", "finetuned"), ("good", "pruned"), ("random", "retrained")} <= lines
    assert ("good", "retrained") not in lines
    table = performance_table(finished.rows)
    assert (table["median"].notna() & table["n_seeds"].gt(0)).all()
    assert re.search(r"DIVERGED: in 2 of 8 trainings", verdict(finished.rows))
    assert "diverged" in (finished.folder / "report.html").read_text()


@pytest.mark.slow
def test_a_diverged_seed_has_no_say_in_what_all_seeds_keep(tiny_encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "finetune", failing)
    monkeypatch.setattr(training, "outcome", only_diverged)
    heard = Heard()
    controls = {**OPTIONS["controls"], "across_seeds": True, "retrained_draws": 0}
    few = {"seeds": [1, 2, 3], "probe": {"names": []}, "controls": controls}
    config = tiny_config(tiny_encoder, **OPTIONS | few)
    cells = TinyCells(config, tmp_path / "run", heard)
    shared = cells.mask("acceptability/across/structured/super")
    told = [line for line in heard.lines if "not in super, anti and middle" in line]
    assert len(told) == 1
    assert "seed2" in told[0]
    goods = [cells.mask(f"acceptability/seed{seed}/structured/search") for seed in (1, 3)]
    np.testing.assert_array_equal(shared.head_mask, goods[0].head_mask & goods[1].head_mask)
    # it is scored in every seed all the same
    names = [f"acceptability/seed{seed}/structured/super/0/score" for seed in (1, 2, 3)]
    assert [set(one.rows["seed"]) for one in cells.outputs(*names)] == [{1}, {2}, {3}]


def test_every_summary_says_which_of_its_lines_rest_on_a_diverged_model(finished):
    """Seed 2's masks are of a diverged model; of the random mask, seed 1's retraining diverged."""
    marked = {}
    for path in sorted(finished.folder.glob("summary_*.csv")):
        table = pd.read_csv(path)
        assert "flag" in table.columns, path.name
        if len(table):
            marked[path.stem] = table["flag"].fillna("").str.contains("diverged")
    assert marked["summary_survival"].all()
    assert marked["summary_stability"].all()
    ranks = pd.read_csv(finished.folder / "summary_against_random.csv")
    touched = (ranks["state"] == "retrained") & (ranks["seed"] != 2)
    assert (
        marked["summary_against_random"]
        == (touched | (ranks["state"] == "pruned") & (ranks["seed"] != 1))
    ).all()
    # nothing was probed in what diverged
    assert not marked["summary_probes"].any()
    headline = (finished.folder / "report.html").read_text().split("<table", 2)[1]
    assert "diverged" in headline.split("</table>")[0]


def test_a_model_that_gives_no_number_counts_as_a_guess():
    for classes, metric in ((3, "accuracy"), (1, "pearson")):
        model, parts = tiny_model("bert", "classification", num_labels=classes), toy_parts(classes)
        assert is_finite(model)
        with torch.no_grad():
            model.classifier.bias[0] = float("nan")
        assert not is_finite(model)
        score = partial(evaluate, model, tiny_tokenizer("wordpiece"), parts.report, parts.spec)
        found = score()
        assert found.n_undefined == len(parts.report)
        assert np.isfinite(found.items()["score"]).all()
        guess = np.mean([example.label == 0 for example in parts.report]) if classes > 1 else 0.0
        assert found.metrics[metric] == pytest.approx(guess)
        rows = performance_rows(found, parts)
        assert set(rows["flag"]) == {"diverged"}
        assert rows["value"].notna().all()


def test_an_untrained_encoder_that_diverges_is_flagged(tiny_encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        training,
        "finetune",
        lambda *arguments, **options: ruined(finetune(*arguments, **options)),
    )
    cells = TinyCells(tiny_config(tiny_encoder, seeds=[1]), tmp_path / "run")
    (scored,) = cells.outputs("acceptability/seed1/untrained/score")
    assert set(scored.rows["flag"]) == {"diverged"}


def test_a_lottery_round_that_did_not_train_is_no_ticket(tiny_encoder, tmp_path, monkeypatch):
    """However low the target: a constant guess would pass it."""

    def failing_rounds(*arguments, **options):
        trained = finetune(*arguments, **options)
        return trained if options["subnetwork"] is None else ruined(trained)

    monkeypatch.setattr(training, "finetune", failing_rounds)
    options = {"methods": ["imp"], "rule": "study", "threshold": 0.01}
    config = tiny_config(tiny_encoder, seeds=[1], prune=options)
    ticket = TinyCells(config, tmp_path / "run").mask("acceptability/seed1/imp/search")
    assert not ticket.weight_masks
    first, second = ticket.history
    assert (first["metric"] > 0, second["metric"], second["accepted"]) == (True, None, False)
