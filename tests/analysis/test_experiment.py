"""A run goes on where it was stopped, computes nothing twice, and gives the same bytes."""

import shutil
from typing import Any

import pytest
from subprobe.analysis.cells import probing, scoring, searching, training
from subprobe.analysis.experiment import run_experiment
from subprobe.data.errors import SubprobeError
from subprobe.data.output.tables import read_rows
from tiny_run import Stopped, computed_cells, tiny_config, without_report

pytestmark = pytest.mark.usefixtures("no_report")

SMALL: dict[str, Any] = {
    "seeds": [1],
    "controls": {"draws": 2, "untrained": False},
    "probe": {
        "names": ["attention-stats", "dependency-heads", "attention-trees"], "sentences": 16,
        "subsets": 20, "states": ["pruned"], "draws": 1,
    },
}  # fmt: skip


def outputs(folder):
    """Bytes of every table and mask: what must not depend on how a run came about."""
    files = [folder / "rows.parquet", *folder.glob("*.csv"), *folder.glob("masks/*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def whole(tiny_encoder, tmp_path_factory):
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with without_report():
        run_experiment(tiny_config(tiny_encoder, **SMALL), folder)
    return folder


@pytest.mark.slow
def test_every_probe_has_its_rows(whole):
    every = read_rows(whole / "rows.parquet")
    for probe in ("attention-stats", "attention-trees"):
        rows = every[every["probe"] == probe]
        assert {"full", "good", "random", "bad"} <= set(rows["kind"])


@pytest.mark.parametrize(
    "step",
    [
        "retrain",
        *(pytest.param(step, marks=pytest.mark.slow)
          for step in ("finetune", "prune", "evaluate", "probe")),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_an_interrupted_run_goes_on(whole, tiny_encoder, tmp_path, monkeypatch, step):
    """Stopped while the first cell of a step is computed, it ends with the same bytes."""
    folder = tmp_path / "run"
    owner, name = {
        "finetune": (training, "finetune"),
        "prune": (searching, "find_good"),
        "evaluate": (scoring, "evaluate"),
        "retrain": (training, "save"),
        "probe": (probing, "probe_model"),
    }[step]

    def stop(*_args, **_options):
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, stop)
        with pytest.raises(Stopped):
            run_experiment(tiny_config(tiny_encoder, **SMALL), folder)
    assert not (folder / "report.html").exists()
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]
    run_experiment(tiny_config(tiny_encoder, **SMALL), folder)
    assert outputs(folder) == outputs(whole)


@pytest.mark.slow
def test_a_finished_run_computes_nothing(whole, tiny_encoder, tmp_path, monkeypatch):
    folder = shutil.copytree(whole, tmp_path / "run")
    names = computed_cells(monkeypatch)
    run_experiment(tiny_config(tiny_encoder, **SMALL), folder)
    assert names == []
    assert outputs(folder) == outputs(whole)


@pytest.mark.slow
def test_a_changed_option_computes_only_what_depends_on_it(
    whole, tiny_encoder, tmp_path, monkeypatch
):
    folder = shutil.copytree(whole, tmp_path / "run")
    names = computed_cells(monkeypatch)
    more = {**SMALL, "controls": {"draws": 3, "untrained": False}}
    run_experiment(tiny_config(tiny_encoder, **more), folder, existing="add")
    assert set(names) == {"evaluate"}
    names.clear()
    longer = {**more, "probe": {**SMALL["probe"], "sentences": 15}}
    run_experiment(tiny_config(tiny_encoder, **longer), folder, existing="new")
    assert set(names) == {"probe", "survivors"}


@pytest.mark.slow
def test_another_training_option_computes_everything(whole, tiny_encoder, tmp_path, monkeypatch):
    folder = shutil.copytree(whole, tmp_path / "run")
    names = computed_cells(monkeypatch)
    recipe = {"learning_rate": 0.002, "epochs": 1, "batch_size": 16}
    run_experiment(tiny_config(tiny_encoder, **{**SMALL, "recipe": recipe}), folder, existing="new")
    assert {"finetune", "prune", "evaluate", "retrain", "probe"} <= set(names)


@pytest.mark.slow
def test_a_half_written_cell_is_computed_again(whole, tiny_encoder, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "run")
    next((folder / "cells").glob("evaluate-*")).unlink()
    shutil.rmtree(folder / "models")
    run_experiment(tiny_config(tiny_encoder, **SMALL), folder)
    assert outputs(folder) == outputs(whole)


def test_a_file_in_the_way_is_refused(tiny_encoder, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(SubprobeError, match="is a file"):
        run_experiment(tiny_config(tiny_encoder, **SMALL), tmp_path / "run")
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_seeds_side_by_side_give_the_same_bytes(finished_run, tiny_encoder, tmp_path):
    """Two processes fill one store; the tables are those of a run with one process."""
    from subprobe.analysis.configuration.config import parse_config
    from tiny_run import tiny_options

    options = {**tiny_options(tiny_encoder), "workers": 2}
    run_experiment(parse_config(options, where="test"), tmp_path / "run")
    found, expected = outputs(tmp_path / "run"), outputs(finished_run)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
