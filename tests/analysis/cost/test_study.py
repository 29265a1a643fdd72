"""The study's grid is planned fast, without torch, and keeps 64 workers busy."""

import json
import subprocess
import sys

import pytest
from subprobe.analysis.configuration.config import read_config
from subprobe.analysis.cost.inputs import planned
from subprobe.analysis.cost.outlook import outlook_of
from subprobe.analysis.cost.rates import Rates, usual_rates
from subprobe.analysis.cost.simulate import simulate
from subprobe.analysis.steps.progress import Silent
from subprobe.data.tasks.glue import GLUE
from subprobe.models.training.recipes import STUDY

PLANNED = """
import json, resource, sys
from subprobe.cli import main
sys.argv = ["subprobe", "plan", "--config", "study", "--json"]
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("\\n" + json.dumps([used.ru_utime + used.ru_stime, sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def study():
    return planned(read_config("study"), None, Silent())


def test_its_plan_needs_no_torch_and_little_time(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PLANNED], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    lines = done.stdout.strip().splitlines()
    seconds, modules = json.loads(lines[-1])
    absent = {"torch", "transformers", "datasets", "spacy", "captum", "tokenizers", "altair"}
    assert not absent & set(modules)
    # 1.5 s on an idle core, the imports included; a busy machine counts more
    assert seconds < 5
    plain = json.loads(lines[0])
    assert plain["cells"]["all"] == plain["cells"]["missing"] > 8000
    assert [one["workers"] for one in plain["schedules"]] == [1, 64]
    assert any("those published for GLUE" in line for line in plain["said"])
    assert any(
        "not downloaded for a plan: bert-base-uncased, cola" in line for line in plain["said"]
    )


def test_it_is_the_grid_of_the_study(study):
    config = study.config
    assert set(config.tasks) == set(GLUE)
    assert config.seeds == (1337, 42, 86, 71, 166)
    assert set(study.work.recipes.values()) == {STUDY}
    assert (config.prune.rule, config.prune.threshold) == ("study", 0.9)
    assert (config.prune.selection, config.prune.scores) == ("reported", "study")
    cells = [cell for cell in study.graph if cell.step == "retrain" and "mnli/seed42" in cell.name]
    assert {(cell.options["method"], cell.options["kind"]) for cell in cells} == {
        *(("structured", kind) for kind in ("good", "random", "bad", "super", "anti", "middle")),
        *(("magnitude", kind) for kind in ("good", "random", "bad")),
    }
    probed = [cell for cell in study.graph if cell.step == "probe"]
    assert {cell.options["probe"]["name"] for cell in probed} == {"attention-patterns"}
    assert {"finetuned", "pruned", "retrained"} <= {cell.options["state"] for cell in probed}


@pytest.mark.parametrize("speed", [0.1, 1.0, 10.0])
def test_64_workers_are_kept_busy(study, speed):
    """The makespan is near what no order can beat, on slow and on fast GPUs."""
    usual = usual_rates("cuda")
    rates = Rates({kind: speed * rate for kind, rate in usual.flops.items()}, usual.start,
                  usual.weight, "estimate", "")  # fmt: skip
    found = outlook_of(study, rates, (1, 64))
    alone, many = found.schedules
    assert many.bound == max(many.critical, many.work / 64)
    assert many.makespan <= 1.15 * many.bound
    assert alone.makespan == pytest.approx(many.work)


def test_other_numbers_of_workers_are_kept_busy_too(study):
    seconds = {
        name: one.seconds
        for name, one in outlook_of(study, usual_rates("cuda"), (1,)).estimates.items()
    }
    for workers in (2, 8, 32, 128):
        found = simulate(study.graph, seconds, workers)
        assert found.makespan <= 1.15 * found.bound
