"""A run folder holds one configuration: another is refused, added, or takes its place."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from learner import learner
from subprobe.analysis.configuration.config import RunConfig, parse_config
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.plan.seed_plan import TaskFacts
from subprobe.analysis.plan.sources import Sources
from subprobe.analysis.plan.whole_run import RunPlan
from subprobe.analysis.run_folder.reading import load_rows, load_run
from subprobe.analysis.running.earlier import begin, differences, said, settled
from subprobe.analysis.stability.mask_sets import read_mask_sets
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError
from subprobe.data.output.ownership import foreign
from subprobe.data.output.run_record import run_configuration, run_seeds
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.recipes import Recipe
from tiny_run import computed_cells, tiny_config, without_report

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_report")]

SMALL = {
    "seeds": [1],
    "controls": {"draws": 1, "untrained": False, "bag_of_words": False, "retrained_draws": 0},
    "probe": {"names": []},
}


def config(**values):
    return parse_config(values, where="test")


def recorded(folder, options):
    """A folder in which a run with these options was begun."""
    facts = {task: TaskFacts(task, Recipe(1e-4, 1.0)) for task in options.tasks}
    graph = plan(options, facts)
    begin(RunPlan(options, folder, Sources({}, facts), graph, {}), 1, "refuse")
    return folder


def test_what_differs_is_said():
    one = config(seeds=[1], recipe={"epochs": 1.0}, workers=1)
    other = config(seeds=[5, 6], recipe={"epochs": 2.5}, workers=2, data_dir="d")
    found = differences(one.plain(), other.plain())
    assert said(found) == "data_dir: not set -> d; seeds: 1 -> 5, 6; recipe.epochs: 1.0 -> 2.5"
    same = config(seeds=[6, 5], recipe={"epochs": 2.5}, workers=9, data_dir="d")
    assert differences(other.plain(), same.plain()) == {}


def test_the_same_place_spelled_otherwise_is_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = config(model="./m", data_dir="glue", tasks=["CoLA"], probe={"corpus": "c.txt"})
    other = config(
        model=str(tmp_path / "m"), data_dir="./glue/", tasks=["cola"],
        probe={"corpus": str(tmp_path / "c.txt")},
    )  # fmt: skip
    assert differences(one.plain(), other.plain()) == {}
    # a bare name is a hub id, never a folder
    hub = config(**{**one.plain(), "model": "m"})
    assert list(differences(one.plain(), hub.plain())) == ["model"]


def test_another_configuration_is_refused(tmp_path):
    recorded(tmp_path, config(seeds=[1]))
    heard = []
    assert settled(config(seeds=[1], workers=3), tmp_path, "refuse", heard.append).workers == 3
    with pytest.raises(
        ConfigError, match=r"different configuration \(seeds: 1 -> 5\).*`add`.*`new`"
    ):
        settled(config(seeds=[5]), tmp_path, "refuse", heard.append)
    assert heard == []
    assert settled(config(seeds=[5]), tmp_path, "new", heard.append).seeds == (5,)
    assert "seeds: 1 -> 5" in heard[0]


def test_what_is_added_is_added(tmp_path):
    old = config(
        tasks=["acceptability"], seeds=[1, 2], controls={"draws": 5, "untrained": True},
        probe={"names": ["norms"], "options": {"norms": {}}},
    )  # fmt: skip
    recorded(tmp_path, old)
    heard = []
    new = config(
        tasks=["entailment"], seeds=[2, 7], prune={"methods": ["structured-heads"]},
        controls={"draws": 3, "untrained": False, "across_seeds": True},
        probe={"names": ["attention-trees"], "options": {"attention-trees": {"root": "free"}}},
    )  # fmt: skip
    both = settled(new, tmp_path, "add", heard.append)
    assert both.tasks == ("acceptability", "entailment")
    assert both.seeds == (1, 2, 7)
    assert both.prune.methods == ("structured", "structured-heads")
    assert both.probe.names == ("norms", "attention-trees")
    assert both.probe.options["attention-trees"]["root"] == "free"
    assert (both.controls.draws, both.controls.untrained, both.controls.across_seeds) == (
        5, True, True
    )  # fmt: skip
    assert "adding" in heard[0]
    # what is there already adds nothing
    less = config(**{**old.plain(), "seeds": [2]})
    again = settled(less, tmp_path, "add", heard.append)
    assert not differences(again.plain(), old.plain())


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"recipe": {"epochs": 3.0}}, r"recipe\.epochs: 0\.0 -> 3\.0"),
        ({"probe": {"sentences": 7}}, r"probe\.sentences: 300 -> 7"),
        ({"model": "./other"}, r"model: embedded -> \./other"),
        ({"examples": [9, 9, 9]}, "examples: not set -> 9, 9, 9"),
    ],
)
def test_what_has_one_value_in_a_run_is_not_added(tmp_path, changed, line):
    recorded(tmp_path, config())
    with pytest.raises(ConfigError, match=line):
        settled(config(seeds=[3], **changed), tmp_path, "add", print)


@pytest.mark.parametrize("text", ["", "[]", '{"run": 3}', '{"run": {"configuration": []}}'])
def test_a_damaged_record_is_no_run(tmp_path, text):
    (tmp_path / "subprobe.json").write_text(text)
    (tmp_path / "manifest.json").write_text(text)
    assert run_configuration(tmp_path) is None
    assert run_seeds(tmp_path) is None
    assert settled(RunConfig(), tmp_path, "refuse", print) == RunConfig()


@pytest.fixture(scope="module")
def one_seed(tiny_encoder, tmp_path_factory):
    """A finished run of seed 1."""
    folder = tmp_path_factory.mktemp("earlier") / "run"
    with without_report():
        run_experiment(tiny_config(tiny_encoder, **SMALL), folder)
    return folder


def holds(folder):
    """The seeds of tables, masks and models."""
    rows = load_rows(folder)
    masks = {path.name.split("-")[1] for path in (folder / "masks").iterdir()}
    models = {path.name.split("-")[1] for path in (folder / "models").iterdir()}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {f"seed{run['seed_init']}" for run in manifest["runs"]} == masks == models
    assert {f"seed{seed}" for seed in rows["seed"].dropna()} == masks
    points = pd.read_csv(folder / "seed_points.csv")
    assert set(points["seed"]) == set(rows["seed"].dropna())
    assert list(foreign(folder)) == []
    return masks


@pytest.mark.slow
def test_another_seed_is_refused_then_added_then_takes_the_place(
    one_seed, tiny_encoder, tmp_path, monkeypatch
):
    folder = shutil.copytree(one_seed, tmp_path / "run")
    five = tiny_config(tiny_encoder, **{**SMALL, "seeds": [5]})
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match=r"seeds: 1 -> 5"):
        run_experiment(five, folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    run_experiment(five, folder, existing="add")
    assert holds(folder) == {"seed1", "seed5"}
    assert read_mask_sets(folder)[0].seeds == (1, 5)
    names = computed_cells(monkeypatch)
    (folder / "notes.md").write_text("mine")
    with pytest.raises(ConfigError, match=r"notes\.md"):
        run_experiment(five, folder, existing="new")
    run_experiment(five, folder, existing="new", overwrite=True)
    assert names == []
    assert (folder / "notes.md").read_text() == "mine"
    (folder / "notes.md").unlink()
    assert holds(folder) == {"seed5"}
    fresh = tmp_path / "fresh"
    run_experiment(five, fresh)
    for path in [*fresh.glob("*.csv"), *fresh.glob("masks/*")]:
        assert (folder / path.relative_to(fresh)).read_bytes() == path.read_bytes(), path.name
    assert {p.name for p in (folder / "cells").iterdir()} == {
        p.name for p in (fresh / "cells").iterdir()
    }


def test_masks_that_no_configuration_asks_for_are_not_counted(one_seed, tmp_path):
    folder = shutil.copytree(one_seed, tmp_path / "run")
    good = Subnetwork.load(folder / "masks" / "acceptability-seed1-good.safetensors")
    for name in ("acceptability-seed9-good", "acceptability-seed1-magnitude-good"):
        good.with_meta(seed_init=9).save(folder / "masks" / f"{name}.safetensors")
    assert set(load_run(folder).masks["seed"]) == {1}
    with pytest.raises(Exception, match="one seed"):
        read_mask_sets(folder)


def test_the_command_refuses_adds_and_says_what(one_seed, tmp_path, subprobe_command):
    import tomlkit

    folder = shutil.copytree(one_seed, tmp_path / "run")
    options = run_configuration(folder)
    (tmp_path / "run.toml").write_text(tomlkit.dumps({**options, "workers": 1}))
    words = ["run", "--config", tmp_path / "run.toml", "--out", folder, "--quiet"]
    code, _, err = subprobe_command(*words, "--seed", 5)
    assert code == 2
    assert (
        "different configuration (seeds: 1 -> 5); choose --add to extend that run or --new" in err
    )
    assert subprobe_command(*words, "--add", "--new")[0] == 2
    assert subprobe_command(*words, "--add", "--seed", 1)[0] == 0
    assert holds(folder) == {"seed1"}


def test_a_run_that_was_stopped_while_adding_is_not_mixed(
    one_seed, tiny_encoder, tmp_path, monkeypatch
):
    from subprobe.analysis.cells import searching

    folder = shutil.copytree(one_seed, tmp_path / "run")
    five = tiny_config(tiny_encoder, **{**SMALL, "seeds": [5]})

    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(searching, "find_good", stop)
        with pytest.raises(KeyboardInterrupt):
            run_experiment(five, folder, existing="add")
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]
    assert run_seeds(folder) == {"acceptability-seed1", "acceptability-seed5"}
    with pytest.raises(ConfigError, match="seeds: 1, 5 -> 1"):
        run_experiment(tiny_config(tiny_encoder, **SMALL), folder)
    run_experiment(five, folder, existing="add")
    assert holds(folder) == {"seed1", "seed5"}


def test_a_table_that_the_user_changed_is_kept(one_seed, tiny_encoder, tmp_path):
    folder = shutil.copytree(one_seed, tmp_path / "run")
    (folder / "tests.csv").write_text("my own numbers")
    with pytest.raises(ConfigError, match=r"tests\.csv"):
        run_experiment(tiny_config(tiny_encoder, **SMALL), folder)
    run_experiment(tiny_config(tiny_encoder, **SMALL), folder, Silent(), overwrite=True)
    assert (folder / "tests.csv.bak").read_text() == "my own numbers"
    assert np.isfinite(load_rows(folder)["n"].dropna().astype(float)).all()


def test_the_first_probe_that_learns_brings_its_texts_along(tmp_path):
    recorded(tmp_path, config(seeds=[1], probe={"names": ["attention-stats"]}))
    new = {"names": ["nearest-tag"], "train": "a.conllu", "train_sentences": 50, "cache": "s"}
    with learner():
        both = settled(config(seeds=[1], probe=new), tmp_path, "add", lambda _line: None)
        assert both.probe.names == ("attention-stats", "nearest-tag")
        assert (both.probe.train, both.probe.train_sentences) == ("a.conllu", 50)
        (tmp_path / "again").mkdir()
        recorded(tmp_path / "again", both)
        other = config(seeds=[1], probe={**new, "train": "b.conllu"})
        with pytest.raises(ConfigError, match=r"probe.train: a.conllu -> b.conllu"):
            settled(other, tmp_path / "again", "add", lambda _line: None)
        # where states are kept changes nothing
        same = config(**{**both.plain(), "probe": {**both.plain()["probe"], "cache": "elsewhere"}})
        assert differences(both.plain(), same.plain()) == {}
