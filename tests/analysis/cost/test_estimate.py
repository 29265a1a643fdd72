"""What was measured goes before what is calculated, and in proportion to what is computed."""

from dataclasses import replace

import pytest
from planned_run import planned_config, write_planned_run
from subprobe.analysis.configuration.mask_options import RetrainOptions
from subprobe.analysis.cost.estimate import amounts_of, estimates_of, seconds_of
from subprobe.analysis.cost.inputs import workload_of
from subprobe.analysis.cost.rates import Rates, usual_rates
from subprobe.analysis.cost.samples import Measured, Sample, samples_of
from subprobe.analysis.plan.graph import Cell, Graph
from subprobe.analysis.storage.certificate import Certificate, FileMark

RATES = Rates({"train": 10.0, "score": 20.0, "probe": 40.0, "slow": 4.0}, 1.0, 3.0, "estimate", "")


def cell(name, step="evaluate", **options):
    return Cell(name, step, options={"task": "a", **options})


def sample(one, amount, seconds, kind="score"):
    return Sample(one, amount, kind, seconds, 500.0, 1000)


def test_a_cell_takes_as_long_as_the_cells_that_it_is_most_like():
    good = {"method": "structured", "kind": "good", "state": "pruned"}
    measured = Measured([
        sample(cell("1", **good), 100, 10),
        sample(cell("2", **good), 100, 14),
        sample(cell("3", state="finetuned"), 100, 50),
    ])  # fmt: skip
    assert measured.seconds(cell("4", **good), "score", 100) == pytest.approx(12)
    assert measured.seconds(cell("5", **good), "score", 200) == pytest.approx(24)
    # another task: the same kind of mask; another mask: all scorings
    other = {**good, "task": "b"}
    assert measured.seconds(cell("6", **other), "score", 100) == pytest.approx(12)
    assert measured.seconds(cell("7", state="untrained"), "score", 100) == pytest.approx(74 / 3)
    # a search makes the same kind of passes
    assert measured.seconds(cell("8", "prune"), "score", 300) == pytest.approx(74)
    assert measured.seconds(cell("9", "finetune"), "train", 100) is None


def test_probes_are_told_apart():
    one, other = ({"probe": {"name": name}} for name in ("attention-stats", "alti"))
    measured = Measured([sample(cell("1", "probe", **one), 10, 1, "probe"),
                         sample(cell("2", "probe", **other), 10, 9, "probe")])  # fmt: skip
    assert measured.seconds(cell("3", "probe", **other), "probe", 10) == pytest.approx(9)


def test_rates_say_what_nothing_was_measured_of():
    assert RATES.seconds("train", 50) == 1 + 5
    assert RATES.seconds("other", 2) == 6
    assert RATES.seconds("probe", 40) == 2
    assert RATES.seconds("probe", 40, "slow") == 11


def test_the_usual_rates_are_of_the_device_and_its_threads():
    gpu, one, two = usual_rates("cuda"), usual_rates("cpu", 1), usual_rates("cpu", 2)
    assert gpu.flops["train"] > 20 * two.flops["train"] == 40 * one.flops["train"]
    assert {one.basis, gpu.basis} == {"estimate"}


def certificate(**measured):
    return Certificate("mask-0", "a", {}, (FileMark("cells/x", 7, 0, ""),), "", measured)


@pytest.mark.parametrize(
    "seconds", [None, "3", float("nan"), float("inf"), -1, True, [2]], ids=repr
)
def test_a_time_that_is_no_number_says_nothing(seconds):
    graph = Graph([cell("a", "mask")])
    amounts = {"a": ("other", 1.0)}
    assert samples_of(graph, {"a": certificate(seconds=seconds)}, amounts) == []
    [found] = samples_of(graph, {"a": certificate(seconds=3)}, amounts)
    assert (found.seconds, found.size, found.peak_mb) == (3, 7, 0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("estimate")
    return write_planned_run(planned_config(folder), folder / "run", seconds=7.0)


def test_the_cells_of_a_run_are_estimated_by_those_that_are_finished(run):
    work = workload_of(run.config, run.sources.facts)
    proofs = {name: run.store.certificate(run.ids[name]) for name in run.graph.cells}
    every = seconds_of(run.graph, work, proofs, RATES)
    assert set(every) == set(run.graph.cells)
    assert all(seconds == pytest.approx(7, rel=0.01) for seconds in every.values())
    # of one seed alone: the other takes as long
    first = {name: one for name, one in proofs.items() if "/seed1/" in name}
    assert seconds_of(run.graph, work, first, RATES) == pytest.approx(every, rel=0.01)
    # nothing is finished: longer texts take longer
    none = seconds_of(run.graph, work, {}, RATES)
    assert none["acceptability/seed1/finetune"] > none["acceptability/seed1/full/score"]


def test_memory_and_disk_are_those_of_the_nearest_cells(run):
    work = workload_of(run.config, run.sources.facts)
    name = "acceptability/seed1/structured/good/0/score"
    proof = run.store.certificate(run.ids[name])
    measured = Measured(samples_of(run.graph, {name: proof}, {name: ("score", 1.0)}))
    amounts = amounts_of(run.graph, work)
    found = estimates_of(run.graph, work, amounts, measured, RATES)
    assert found[name].memory_mb == 640
    assert found[name].disk == proof.files[0].size
    dropped = run.config.model_copy(update={"retrain": RetrainOptions(keep=False)})
    few = estimates_of(run.graph, replace(work, config=dropped), amounts, measured, RATES)
    retrained = "acceptability/seed1/structured/good/0/retrain"
    assert few[retrained].disk < found[retrained].disk / 5
    training = found["acceptability/seed1/finetune"]
    assert few["acceptability/seed1/finetune"].disk == training.disk
    assert training.memory_mb > 700
    assert training.disk > 4 * work.shape.parameters
    assert training.basis == "estimate"
