"""A sweep over sizes: masks that load, soft and hardened scores, and refusals before any work."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from subprobe.analysis.configuration.config import RecipeOptions
from subprobe.analysis.configuration.task_choice import TaskChoice
from subprobe.analysis.gates.search import soft_evaluation
from subprobe.analysis.single.loaded import load_for_task
from subprobe.analysis.single.size_sweep import size_table, sweep_sizes
from subprobe.analysis.single.training import fine_tune_to_folder
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError
from subprobe.data.output.tables import ROW_TYPES, read_rows
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.evaluate import evaluate
from subprobe.pruning.sized.size_options import SizeOptions
from tiny import tiny_model
from tiny_run import write_toy_task

OPTIONS = SizeOptions(0.5, epochs=1)


class Told:
    """Progress that keeps what it is told."""

    def __init__(self):
        self.lines, self.stage = [], Silent().stage

    def say(self, line):
        self.lines.append(line)


@pytest.fixture(scope="module")
def loaded(tiny_encoder, tmp_path_factory):
    """A tiny model of the toy task."""
    folder = tmp_path_factory.mktemp("sizes")
    task = TaskChoice(
        "toy", str(write_toy_task(folder / "toy", rows=32)), {"first": "text", "label": "side"}
    )
    recipe = RecipeOptions(learning_rate=0.003, epochs=6, batch_size=8, max_length=64)
    fine_tune_to_folder(
        str(tiny_encoder), task, folder / "model", seed=1, order_seed=2, selection="held-out",
        options=recipe, progress=Silent(),
    )  # fmt: skip
    return load_for_task(str(folder / "model"), task)


@pytest.fixture(scope="module")
def swept(loaded, tmp_path_factory):
    out = tmp_path_factory.mktemp("swept")
    return sweep_sizes(loaded, [0.5, 0.3], OPTIONS, out, Told()), out


def test_every_size_has_a_mask_that_loads(swept):
    sweep, out = swept
    for keep, kept in ((0.5, 5), (0.3, 3)):
        mask = Subnetwork.load(out / f"hard-concrete-{keep:g}.safetensors")
        assert mask == sweep.learned[keep].subnetwork
        assert mask.counts()["units"] == (kept, 10)


def test_rows_hold_soft_and_hardened_scores_and_the_share_of_binary_gates(swept, loaded):
    sweep, out = swept
    rows = read_rows(out / "sweep.csv")
    assert list(rows.columns) == list(ROW_TYPES)
    parts = loaded.parts
    for keep, found in sweep.learned.items():
        of = f"keep={keep:g};units=heads-mlps;criterion=kl;encoder=frozen"
        own = rows[rows["variant"].str.startswith(of, na=False)]
        assert set(own["method"]) == {"hard-concrete"}
        assert set(own["mask_id"]) == {found.subnetwork.mask_id}
        binary = own[own["metric"] == "binary_share"].iloc[0]
        gates = torch.cat([one.flatten() for one in found.soft.values()])
        near = ((gates <= 0.01) | (gates >= 0.99)).double().mean().item()
        assert binary["value"] == pytest.approx(near)
        assert binary["n"] == 10
        accuracy = own[own["metric"] == "accuracy"]
        assert set(accuracy["variant"]) == {f"{of};gates=soft", f"{of};gates=hardened"}
        assert len(accuracy) == 4
        assert accuracy[["n", "baseline_value"]].notna().all().all()
        # a model that predicts one class for every example has no interval, and says so
        constant = accuracy["ci_method"].str.startswith("no interval")
        assert (accuracy[["ci_low", "ci_high"]].notna().all(axis=1) != constant).all()
        line = accuracy[
            (accuracy["split"] == "test") & accuracy["variant"].str.endswith("hardened")
        ]
        scored = evaluate(
            loaded.model, loaded.tokenizer, parts.report, parts.spec, subnetwork=found.subnetwork
        )
        assert line["value"].item() == pytest.approx(scored.metrics["accuracy"])


def test_soft_gates_of_one_score_like_the_full_model(swept, loaded):
    sweep, _ = swept
    found = sweep.learned[0.5]
    ones = {name: torch.ones_like(one) for name, one in found.soft.items()}
    part = loaded.parts
    whole = evaluate(loaded.model, loaded.tokenizer, part.report, part.spec)
    under = soft_evaluation(
        replace(found, soft=ones), loaded.tokenizer, part.report, part.spec, loaded.max_length
    )
    assert np.abs(under.logits - whole.logits).max() < 1e-5
    soft = soft_evaluation(found, loaded.tokenizer, part.report, part.spec, loaded.max_length)
    assert np.abs(soft.logits - whole.logits).max() > 1e-3


def test_the_table_shows_both_scores(swept, loaded):
    sweep, _ = swept
    table = size_table(sweep, loaded.parts)
    assert [line["keep"] for line in table] == ["full model", "0.5", "0.3"]
    assert table[1]["kept"] == "5 of 10 heads+mlps"
    assert {"accuracy, soft, test", "accuracy, hardened, test", "binary gates"} <= set(table[1])


def test_a_model_that_gives_no_number_is_flagged(loaded, tmp_path):
    broken, told = tiny_model("bert", "classification"), Told()
    with torch.no_grad():
        broken.classifier.bias.fill_(float("nan"))
    sweep = sweep_sizes(replace(loaded, model=broken), [0.5], OPTIONS, tmp_path, told)
    own = sweep.rows[sweep.rows["method"] == "hard-concrete"]
    assert set(own["flag"]) == {"diverged"}
    assert [line for line in told.lines if line.startswith("DIVERGED: the loss of gates for 0.5")]


@pytest.mark.parametrize(
    ("keeps", "said"),
    [([], "distinct"), ([0.5, 0.5], "distinct"), ([0.05], "less than one"), ([1.0], "between")],
    ids=str,
)
def test_wrong_sizes_are_refused_before_anything_is_written(loaded, tmp_path, keeps, said):
    with pytest.raises(ConfigError, match=said):
        sweep_sizes(loaded, keeps, OPTIONS, tmp_path / "out", Told())
    assert not (tmp_path / "out").exists()
