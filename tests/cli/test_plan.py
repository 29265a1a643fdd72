"""`subprobe plan`: what it says, and that it refuses what `run` refuses."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from planned_run import copied, planned_config, write_planned_run
from subprobe.analysis.configuration.config_toml import config_toml
from subprobe.analysis.cost.rates import Rates
from tiny_run import tiny_options

SCORE = "acceptability/seed1/structured/good/0/score"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return write_planned_run(planned_config(folder), folder / "run")


@pytest.fixture
def run(whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return copied(whole, tmp_path / "run")


def flat(text):
    return " ".join(text.split())


def test_a_folder_is_planned_by_its_own_options(run, subprobe_command):
    code, out, err = subprobe_command("plan", "--out", "run")
    assert (code, err) == (0, "")
    assert "nothing is left to compute" in flat(out)
    run.store.remove(run.ids[SCORE])
    code, out, _ = subprobe_command("plan", "--out", "run", "--workers", "3")
    assert code == 0
    said = flat(out)
    assert f"left: 1 of {len(run.graph)} cells, 2.0 s of work" in said
    assert f"longest chain: 2.0 s: {SCORE}" in said
    assert "with 3 workers: 2.0 s (1.00 x 2.0 s, which no order of the cells can beat)" in said
    assert "measured: on" in said


def test_damaged_cells_are_named(run, subprobe_command):
    path = run.store.table(run.ids[SCORE])
    path.write_bytes(path.read_bytes()[:-3])
    said = flat(subprobe_command("plan", "--out", "run")[1])
    assert f"damaged: {SCORE}: cells/{path.name} has" in said


def test_json_and_graph(run, subprobe_command, tmp_path):
    code, out, err = subprobe_command("plan", "--out", "run", "--json", "--graph", "cells.svg")
    assert (code, err) == (0, "graph in cells.svg\n")
    assert json.loads(out)["cells"]["done"] == len(run.graph)
    ElementTree.parse(tmp_path / "cells.svg")
    again = subprobe_command("plan", "--out", "run", "--graph", "cells.pdf")
    assert again[0] == 2
    assert ".pdf is not a supported output format" in again[2]


def test_the_plan_writes_nothing(run, subprobe_command, tmp_path):
    def content():
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}

    before = content()
    subprobe_command("plan", "--out", "run")
    assert content() == before


def test_a_shipped_configuration_is_planned_by_its_name(subprobe_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = subprobe_command("plan", "study")
    assert code == 0
    said = flat(out)
    assert "with 1 worker: " in said
    assert "with 64 workers: " in said
    assert "on one GPU at 10 TFLOP/s" in said
    assert "--calibrate measures this machine" in said
    assert flat(subprobe_command("plan", "--config", "study")[1]) == said


def test_a_shipped_configuration_is_run_by_its_name(subprobe_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("run", "--config", "study", "--out", "run", "--device", "cpu")
    code, _, err = subprobe_command(*words)
    # it is read: what is missing is its model, which tests may not fetch
    assert code == 2
    assert err.splitlines()[-1].startswith("error: bert-base-uncased: ")


def test_shipped_configurations_are_listed_and_written(subprobe_command):
    code, out, _ = subprobe_command("config", "--shipped")
    assert code == 0
    assert "study" in out
    code, out, _ = subprobe_command("config", "study")
    assert code == 0
    assert 'model = "bert-base-uncased"' in out


def test_a_configuration_is_needed(subprobe_command, tmp_path):
    assert subprobe_command("plan") == (
        2, "", "error: a configuration or a run folder is needed; name a configuration, or --out\n"
    )  # fmt: skip
    code, _, err = subprobe_command("plan", "study", "--config", "study")
    assert (code, err) == (2, "error: two configurations are named; leave out one of them\n")
    code, _, err = subprobe_command("plan", "--out", tmp_path)
    assert code == 2
    assert "does not contain a run" in err


def test_inputs_that_are_here_are_read_and_timed(subprobe_command, tiny_encoder, tmp_path):
    """The same cells as the run has; a calibration gives all of their times."""
    from subprobe.analysis.configuration.config import parse_config

    config = parse_config(tiny_options(tiny_encoder, seeds=[1]), where="test")
    (tmp_path / "run.toml").write_text(config_toml(config), encoding="utf-8")
    code, out, _ = subprobe_command("plan", tmp_path / "run.toml", "--calibrate", "--json", "-q")
    assert code == 0
    plain = json.loads(out)
    assert {step["basis"] for step in plain["steps"]} == {"calibrated"}
    assert plain["cells"]["missing"] == plain["cells"]["all"] > 20
    assert not (tmp_path / "run").exists()


def test_a_plan_for_a_gpu_is_made_without_one(subprobe_command, tiny_encoder, tmp_path):
    from subprobe.analysis.configuration.config import parse_config

    config = parse_config(tiny_options(tiny_encoder, seeds=[1], device="cuda"), where="test")
    (tmp_path / "run.toml").write_text(config_toml(config), encoding="utf-8")
    code, out, err = subprobe_command("plan", tmp_path / "run.toml", "-q")
    assert (code, err) == (0, "")
    assert "one GPU" in out


def test_a_calibration_times_real_batches(tiny_encoder):
    from subprobe.analysis.configuration.config import parse_config
    from subprobe.analysis.cost.calibrate import calibrated
    from subprobe.analysis.cost.inputs import planned
    from subprobe.analysis.steps.progress import Silent

    told = []
    config = parse_config({"model": "bert-base-uncased", "tasks": ["wnli"]}, where="test")
    work = planned(config, None, Silent()).work
    small = type(work.shape)(2, 64, 128, 100, 128)
    rates = calibrated(
        type(work)(config, work.recipes, work.sizes, small, work.corpus), "cpu", 1,
        lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert isinstance(rates, Rates)
    assert rates.basis == "calibrated"
    assert all(1e6 < rates.flops[kind] < 1e13 for kind in ("train", "score", "probe"))
    assert told == [(1, 3), (2, 3), (3, 3)]


BAD: dict[str, dict[str, Any]] = {
    "no such task": {"tasks": ["nonsense"]},
    "no such folder": {"model": "./nowhere"},
    "no such probe": {"probe": {"names": ["nonsense"]}},
    "no such corpus": {"probe": {"names": ["attention-stats"], "corpus": "nowhere.conllu"}},
    "an option of a probe": {"probe": {"options": {"attributions": {"n_steps": -1}}}},
    "no such precision here": {"recipe": {"precision": "float16"}, "device": "cpu"},
    "too long": {"recipe": {"max_length": 4000}},
    "too long to probe": {"probe": {"max_length": 4000}},
    "no own files": {"tasks": ["mine"], "data_dir": "nowhere", "columns": {"first": "text",
                                                                           "label": "side"}},
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_what_run_refuses_is_refused(subprobe_command, tiny_encoder, tmp_path, monkeypatch, bad):
    import tomlkit

    monkeypatch.chdir(tmp_path)
    options = {**tiny_options(tiny_encoder), **BAD[bad]}
    (tmp_path / "bad.toml").write_text(tomlkit.dumps(options), encoding="utf-8")
    planned = subprobe_command("plan", "--config", "bad.toml", "-q")
    asked = subprobe_command("run", "--config", "bad.toml", "--out", "run", "-q")
    assert planned[0] == asked[0] == 2
    # what is a flag of `run` alone has its name in the file
    for flag in ("task", "data-dir", "column", "max-length"):
        asked = asked[0], asked[1], asked[2].replace(f"--{flag}", f"`{flag.replace('-', '_')}`")
    said = asked[2].replace("`column`", "`columns`")
    assert planned[2] == said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    ["tasks = [", "nonsense = 1", "seeds = [1, 1]", "[prune]\nthreshold = 7", "seeds = [-1]"],
)
def test_a_bad_file_is_refused_alike(subprobe_command, tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    planned = subprobe_command("plan", "bad.toml")
    assert planned == subprobe_command("run", "--config", "bad.toml", "--out", "run")
    assert planned[0] == 2


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"recipe": {"max_length": 4000}}, "must be <= 512, the number of positions"),
        ({"tasks": ["nonsense"]}, "unknown task 'nonsense'"),
        ({"model": "a b c"}, "neither `embedded`, a path nor a hub id"),
        ({"probe": {"corpus": "nowhere.conllu"}}, "nowhere.conllu"),
        ({"probe": {"names": ["nonsense"]}}, "unknown probe 'nonsense'"),
    ],
)  # fmt: skip
def test_what_needs_no_hub_is_refused_without_one(subprobe_command, tmp_path, bad, said):
    import tomlkit

    options = {"model": "bert-base-uncased", "tasks": ["mrpc"], **bad}
    (tmp_path / "bad.toml").write_text(tomlkit.dumps(options), encoding="utf-8")
    code, out, err = subprobe_command("plan", tmp_path / "bad.toml")
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_another_configuration_on_a_folder_is_refused_as_run_does(run, subprobe_command, tmp_path):
    other = run.config.model_copy(update={"seeds": (1, 2, 3)})
    (tmp_path / "more.toml").write_text(config_toml(other), encoding="utf-8")
    words = ("--config", "more.toml", "--out", "run", "-q")
    planned, asked = subprobe_command("plan", *words), subprobe_command("run", *words)
    assert planned == asked
    assert "choose --add to extend that run" in planned[2]
