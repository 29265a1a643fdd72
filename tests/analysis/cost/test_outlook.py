"""What a plan says of a folder: finished, missing, damaged, to check; and by what it says so."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from planned_run import SHAPE, copied, planned_config, write_planned_run
from subprobe.analysis.cost.inputs import planned
from subprobe.analysis.cost.outlook import STATES, outlook_of
from subprobe.analysis.cost.rates import usual_rates
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.plan.registry import VERSIONS
from subprobe.analysis.plan.sources import Sources
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError

SCORE = "acceptability/seed1/structured/good/0/score"
SEARCH = "acceptability/seed1/structured/search"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return write_planned_run(planned_config(folder), folder / "run")


@pytest.fixture
def config(whole):
    return whole.config


@pytest.fixture
def run(whole, tmp_path):
    return copied(whole, tmp_path / "run")


def outlook(config, folder, workers=(1, 2), others=()):
    rates = usual_rates("cpu")
    return outlook_of(planned(config, folder, Silent()), rates, workers, others)


def test_a_finished_run_leaves_nothing(config, run):
    found = outlook(config, run.folder)
    assert set(found.states.values()) == {"done"}
    assert found.left == []
    assert [one.makespan for one in found.schedules] == [0, 0]
    assert found.path == found.said == ()
    assert found.plain()["disk_left"] == 0 < found.plain()["disk"]


def test_what_is_not_there_is_missing_and_takes_what_the_others_took(config, run):
    run.store.remove(run.ids[SCORE])
    found = outlook(config, run.folder)
    assert {n: s for n, s in found.states.items() if s != "done"} == {SCORE: "missing"}
    [step] = [step for step in found.steps if step.step == "evaluate"]
    assert (step.missing, step.done, step.basis) == (1, step.cells - 1, "measured")
    assert step.seconds == pytest.approx(2, rel=0.01)
    assert found.path == (SCORE,)


@pytest.mark.parametrize("fault", ["truncated", "empty", "altered", "another certificate"])
def test_an_altered_cell_is_found_and_what_read_it_is_to_check(config, run, fault):
    path = run.store.table(run.ids[SEARCH])
    content = path.read_bytes()
    if fault == "truncated":
        path.write_bytes(content[:-5])
    elif fault == "empty":
        path.write_bytes(b"")
    elif fault == "altered":
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    else:
        run.store.proof(run.ids[SEARCH]).write_text("{}", encoding="utf-8")
    found = outlook(config, run.folder)
    assert found.states[SEARCH] == "damaged"
    assert path.stem in found.faults[SEARCH]
    readers = {name for name, state in found.states.items() if state == "to check"}
    assert readers == run.graph.downstream([SEARCH])
    assert found.left[0] == SEARCH


def test_an_empty_folder_has_everything_missing(config, run, tmp_path):
    before = planned(config, run.folder, Silent())
    (tmp_path / "empty").mkdir()
    found = outlook_of(replace(before, folder=tmp_path / "empty"), usual_rates("cpu"), (1,))
    assert set(found.states.values()) == {"missing"}
    assert {step.basis for step in found.steps} == {"estimate"}
    assert "estimate: floating-point operations (the examples, read shape" in found.said[0]


def test_another_run_says_how_long_cells_take(config, run, tmp_path):
    other = planned_config(tmp_path, seeds=[5])
    copy = write_planned_run(other, tmp_path / "other", seconds=30.0)
    for cell in run.ids.values():
        run.store.remove(cell)
    found = outlook(config, run.folder, others=[copy.folder])
    assert {step.basis for step in found.steps} == {"measured"}
    work = found.plain()["work_s"]
    assert work == pytest.approx(30 * len(found.states), rel=0.01)


def test_a_folder_that_says_nothing_is_refused(config, run, tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ConfigError, match="contains no run with a finished cell"):
        outlook(config, run.folder, others=[tmp_path / "nothing"])
    large = planned_config(tmp_path / "large")
    shape = {**SHAPE, "hidden_size": 256, "intermediate_size": 512}
    (Path(large.model) / "config.json").write_text(json.dumps(shape), encoding="utf-8")
    copy = write_planned_run(large, tmp_path / "other")
    with pytest.raises(ConfigError, match="its encoder is 16 times larger"):
        outlook(config, run.folder, others=[copy.folder])


def test_the_json_has_one_form(config, run):
    run.store.remove(run.ids[SEARCH])
    run.store.table(run.ids[SCORE]).write_bytes(b"")
    found = outlook(config, run.folder, workers=(1, 2, 64))
    plain = json.loads(json.dumps(found.plain(), allow_nan=False))
    assert set(plain) == {
        "folder", "cells", "steps", "damaged", "work_s", "critical_path", "schedules", "disk",
        "disk_left", "said",
    }  # fmt: skip
    states = {name.replace(" ", "_") for name in STATES}
    assert set(plain["cells"]) == {"all", *states}
    assert sum(plain["cells"][name] for name in states) == plain["cells"]["all"]
    for step in plain["steps"]:
        assert set(step) == {"step", "cells", *states, "seconds", "memory_mb", "disk", "basis"}
        assert sum(step[name] for name in states) == step["cells"]
    assert sum(step["cells"] for step in plain["steps"]) == plain["cells"]["all"]
    assert [one["workers"] for one in plain["schedules"]] == [1, 2, 64]
    for one in plain["schedules"]:
        assert set(one) == {"workers", "makespan", "critical", "work", "bound"}
        assert one["bound"] <= one["makespan"] <= one["work"]
    chain = sum(one["seconds"] for one in plain["critical_path"])
    assert chain == pytest.approx(plain["schedules"][0]["critical"], abs=1)
    assert list(plain["damaged"]) == [SCORE]


def test_more_of_a_run_is_planned_by_what_is_there(run):
    """A third seed is missing, the others are finished: their cells are the same ones."""
    more = run.config.model_copy(update={"seeds": (1, 2, 3)})
    graph = plan(more, run.sources.facts)
    digests = {name: name for cell in graph for name in cell.sources}
    before = planned(run.config, run.folder, Silent())
    ids = graph.ids(VERSIONS, digests)
    found = outlook_of(replace(before, config=more, graph=graph, ids=ids), usual_rates("cpu"), (1,))
    missing = {name for name, state in found.states.items() if state == "missing"}
    assert missing == {name for name in graph.cells if "/seed3/" in name}
    assert {step.basis for step in found.steps} == {"measured"}


@pytest.mark.parametrize(
    "wrong", [{"epochs": "3"}, {"batch_size": 0}, {"epochs": float("inf")}, {"max_length": True}]
)
def test_a_record_that_nobody_could_train_by_is_none(run, wrong):
    held = json.loads(json.dumps(run.sources.plain()))
    assert Sources.parse(held) == run.sources
    held["facts"]["acceptability"]["recipe"] |= {"epochs": 1.5, "learning_rate": 1}
    assert Sources.parse(held) is not None
    held["facts"]["acceptability"]["recipe"] |= wrong
    assert Sources.parse(held) is None
