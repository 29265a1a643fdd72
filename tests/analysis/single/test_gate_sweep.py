"""A sweep over penalties: a mask each, tidy rows, and clear words where a mask says nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from subprobe.analysis.configuration.task_choice import TaskChoice
from subprobe.analysis.single.gate_sweep import sweep_gates, sweep_table
from subprobe.analysis.single.loaded import load_for_task
from subprobe.analysis.single.training import fine_tune_to_folder
from subprobe.data.errors import ConfigError
from subprobe.data.output.tables import ROW_TYPES, read_rows
from subprobe.data.tasks.metrics import majority
from subprobe.models.checkpoint.checkpoint import load_classifier
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.evaluate import evaluate
from subprobe.pruning.learned.learned_gates import L0Options
from tiny_run import write_toy_task

OPTIONS = L0Options(penalty=0.0, epochs=6, batch_size=8)
HIGH = 1000.0


class Told:
    """Progress that keeps what it is told."""

    def __init__(self):
        from subprobe.analysis.steps.progress import Silent

        self.lines, self.stage = [], Silent().stage

    def say(self, line):
        self.lines.append(line)


@pytest.fixture(scope="module")
def loaded(tiny_encoder, tmp_path_factory):
    """A tiny model that has learnt the toy task."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.steps.progress import Silent

    folder = tmp_path_factory.mktemp("sweep")
    task = TaskChoice(
        "toy", str(write_toy_task(folder / "toy", rows=48)), {"first": "text", "label": "side"}
    )
    recipe = RecipeOptions(learning_rate=0.003, epochs=8, batch_size=8, max_length=64)
    fine_tune_to_folder(
        str(tiny_encoder), task, folder / "model", seed=1, order_seed=2, selection="held-out",
        options=recipe, progress=Silent(),
    )  # fmt: skip
    return load_for_task(str(folder / "model"), task)


@pytest.fixture(scope="module")
def swept(loaded, tmp_path_factory):
    out, told = tmp_path_factory.mktemp("swept"), Told()
    return sweep_gates(loaded, [0.0, 0.02, HIGH], OPTIONS, out, told), out, told.lines


def test_every_penalty_has_a_mask_that_loads(swept, loaded):
    sweep, out, _ = swept
    files = {path.name for path in out.iterdir()}
    assert files == {
        "l0-0.safetensors", "l0-0.02.safetensors", "l0-1000.safetensors", "sweep.csv",
        "subprobe.json",
    }  # fmt: skip
    for penalty, found in sweep.learned.items():
        mask = Subnetwork.load(out / f"l0-{penalty:g}.safetensors")
        assert mask == found.subnetwork
        assert (mask.method, mask.kind, mask.fingerprint) == (
            "l0", "good", weights_fingerprint(loaded.model),
        )  # fmt: skip
        assert (mask.seed_init, mask.seed_order, mask.selection) == (1, 2, "train")


def test_the_rows_are_those_of_the_masks(swept, loaded):
    sweep, out, _ = swept
    rows = read_rows(out / "sweep.csv")
    assert list(rows.columns) == list(ROW_TYPES)
    assert set(rows["method"]) == {"full", "l0"}
    # initialisation 1, order 2
    assert set(rows["seed"]) == {1002}
    assert set(rows["seed_order"]) == {2}
    parts = loaded.parts
    for penalty, found in sweep.learned.items():
        own = rows[rows["variant"] == f"lambda={penalty:g};encoder=frozen"]
        assert set(own["selection"]) == {"train"}
        assert set(own["state"]) == {"pruned"}
        kept = own[(own["metric"] == "kept") & (own["unit"] == "head")]
        cells = np.zeros(found.subnetwork.head_mask.shape, dtype=bool)
        cells[kept["layer"].astype(int), kept["head"].astype(int)] = kept["value"] == 1
        assert np.array_equal(cells, found.subnetwork.head_mask)
        for name, examples in ((parts.selection_name, parts.selection), ("test", parts.report)):
            line = own[(own["metric"] == "accuracy") & (own["split"] == name)].iloc[0]
            scored = evaluate(
                loaded.model, loaded.tokenizer, examples, parts.spec, subnetwork=found.subnetwork
            )
            assert line["value"] == pytest.approx(scored.metrics["accuracy"])
            chance = majority(parts.spec, [e.label for e in parts.train], scored.labels)
            assert line["baseline_value"] == pytest.approx(chance["accuracy"])
            assert line["n"] == len(examples)


def test_a_penalty_that_leaves_nothing_is_flagged_and_said(swept):
    sweep, _, lines = swept
    assert not sweep.learned[HIGH].subnetwork.head_mask.any()
    flags = sweep.rows.groupby("variant")["flag"].unique()
    assert list(flags["lambda=1000;encoder=frozen"]) == ["degenerate"]
    assert list(flags["lambda=0;encoder=frozen"]) == [""]
    assert [line for line in lines if "DEGENERATE: penalty 1000 prunes all heads" in line]


def test_the_table_says_it_shortly(swept, loaded):
    sweep, _, _ = swept
    table = sweep_table(sweep, loaded.parts)
    assert [line["lambda"] for line in table] == ["full model", "0", "0.02", "1000"]
    assert table[0]["heads"] is None
    assert table[1]["heads"] == 8
    assert table[3]["heads"] == 0
    assert table[1]["accuracy, test"] == table[0]["accuracy, test"]
    assert {line["flag"] for line in table[:2]} == {""}
    assert f"majority, {loaded.parts.selection_name}" in table[0]


def test_the_same_sweep_gives_the_same_bytes(swept, loaded, tmp_path):
    _, out, _ = swept
    sweep_gates(loaded, [0.0, 0.02, HIGH], OPTIONS, tmp_path, Told())
    names = sorted(path.name for path in out.iterdir())
    assert names
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for path in out.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_a_trained_encoder_is_saved_with_its_mask(loaded, tmp_path):
    options = replace(OPTIONS, frozen=False, epochs=1)
    sweep = sweep_gates(loaded, [0.001], options, tmp_path, Told())
    model = load_classifier(str(tmp_path / "model-0.001"), loaded.parts.spec)
    mask = Subnetwork.load(tmp_path / "l0-0.001.safetensors")
    assert mask.fingerprint == weights_fingerprint(model) != weights_fingerprint(loaded.model)
    lines = sweep.rows[sweep.rows["method"] == "l0"]
    assert set(lines["state"]) == {"retrained"}
    assert set(lines["variant"]) == {"lambda=0.001;encoder=trained"}
    reported = lines[(lines["metric"] == "accuracy") & (lines["split"] == "test")].iloc[0]
    found = evaluate(
        model, loaded.tokenizer, loaded.parts.report, loaded.parts.spec, subnetwork=mask
    )
    assert reported["value"] == pytest.approx(found.metrics["accuracy"])
    again = load_for_task(
        str(tmp_path / "model-0.001"), TaskChoice("toy", str(Path(loaded.name).parent / "toy"),
                                                  {"first": "text", "label": "side"})
    )  # fmt: skip
    assert again.seeds == loaded.seeds


def test_a_model_that_gives_no_number_is_flagged_not_averaged(loaded, tmp_path):
    from tiny import tiny_model

    broken = tiny_model("bert", "classification")
    with torch.no_grad():
        broken.classifier.bias.fill_(float("nan"))
    told = Told()
    sweep = sweep_gates(replace(loaded, model=broken), [0.01], OPTIONS, tmp_path, told)
    own = sweep.rows[sweep.rows["method"] == "l0"]
    assert set(own["flag"]) == {"diverged"}
    assert [line for line in told.lines if line.startswith("DIVERGED: the loss under penalty 0.01")]


def test_a_full_model_at_chance_is_flagged(loaded, tmp_path):
    from tiny import tiny_model

    told = Told()
    fresh = replace(loaded, model=tiny_model("bert", "classification", seed=4))
    sweep = sweep_gates(fresh, [0.0], replace(OPTIONS, epochs=1), tmp_path, told)
    assert set(sweep.rows["flag"]) == {"degenerate"}
    assert any("no better than the majority" in " ".join(line.split()) for line in told.lines)


def test_selection_on_the_reported_examples_is_scored_once(loaded, tmp_path):
    parts = replace(loaded.parts, selection=loaded.parts.report, selection_name="reported")
    sweep = sweep_gates(replace(loaded, task=parts), [0.0], OPTIONS, tmp_path, Told())
    scores = sweep.rows[sweep.rows["metric"] == "accuracy"]
    assert list(scores["split"]) == ["test", "test"]
    assert len(sweep_table(sweep, parts)) == 2


@pytest.mark.parametrize("penalties", [[], [0.1, 0.1], [-1.0], [float("nan")]], ids=str)
def test_wrong_penalties_are_refused_before_anything_is_written(loaded, tmp_path, penalties):
    with pytest.raises(ConfigError):
        sweep_gates(loaded, penalties, OPTIONS, tmp_path / "out", Told())
    assert not (tmp_path / "out").exists()


def test_missing_columns_of_unused_kind_are_empty(swept):
    sweep, _, _ = swept
    assert pd.isna(sweep.rows["p_value"]).all()
