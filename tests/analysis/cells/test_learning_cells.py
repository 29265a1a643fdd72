"""Cells of probes that learn: what they read, what is shared, what is repeated, what is removed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from few_cells import rows_alone
from learner import ENTRY, NAME, learner
from subprobe.analysis.cells.probing import BARE
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.plan.seed_plan import TaskFacts
from subprobe.analysis.plan.whole_run import read_plan
from subprobe.analysis.run_folder.reading import load_rows
from subprobe.analysis.steps.progress import Silent
from subprobe.analysis.upkeep.clean import leftovers, remove
from subprobe.analysis.upkeep.verify import verify_run
from subprobe.data.generated_treebank import treebank
from subprobe.data.output.ownership import foreign
from subprobe.models.training.recipes import Recipe
from subprobe.probes.states.gather import gather_states
from tiny_run import tiny_config
from treebanks import write_conllu

pytestmark = pytest.mark.slow

PROBE = {
    "names": [NAME, "attention-stats"], "draws": 1, "sentences": 20, "train_sentences": 40,
    "states": ["pruned", "retrained"],
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _known():
    with learner():
        yield


def config(encoder, **probe):
    return tiny_config(
        encoder, seeds=[1, 2], controls={"draws": 1, "retrained_draws": 1, "untrained": False},
        probe={**PROBE, **probe},
    )  # fmt: skip


def small(encoder, **probe):
    """A run that trains each seed once."""
    controls = {"draws": 1, "retrained_draws": 0, "untrained": False, "bag_of_words": False}
    given = {**PROBE, "names": [NAME], "states": ["pruned"], **probe}
    return tiny_config(encoder, seeds=[1, 2], controls=controls, probe=given)


def planned(**options):
    made = config("embedded", **options)
    return plan(
        made, {"acceptability": TaskFacts("acceptability", Recipe(0.001, 1), probe_length=128)}
    )


def learnt(graph):
    return {name: graph[name] for name in graph.cells if name.endswith(f"/probe/{NAME}")}


def test_every_model_is_probed_and_masks_read_the_whole_one():
    graph = planned()
    cells = learnt(graph)
    at = "acceptability/seed1"
    own = {name.removeprefix(f"{at}/") for name in cells if name.startswith(at)}
    assert own == {
        f"{place}/probe/{NAME}"
        for place in (
            "full", "pretrained", "untrained",
            *(f"structured/{kind}/0{state}" for kind in ("good", "random", "bad")
              for state in ("", "/retrained")),
        )
    }  # fmt: skip
    for name, cell in cells.items():
        whole = f"{name.split('/structured')[0]}/full/probe/{NAME}"
        assert ("structured" in name) == (cell.inputs.get("whole") == whole)
        assert "learning" in cell.sources
        assert "corpus" not in cell.sources
    assert graph[f"{at}/full/probe/attention-stats"].sources == ("corpus",)


def test_a_probe_that_transfers_nothing_reads_no_whole_model():
    with learner(replace(ENTRY, transfers=False)):
        assert not any("whole" in cell.inputs for cell in learnt(planned()).values())


def test_encoders_without_a_task_are_probed_once():
    cells = learnt(planned())
    first = f"acceptability/seed1/pretrained/probe/{NAME}"
    assert cells[first].inputs == {}
    assert cells[first.replace("seed1", "seed2")].inputs == {"same": first}
    # another seed is another random encoder
    assert cells[f"acceptability/seed2/untrained/probe/{NAME}"].inputs == {}
    facts = {
        t: TaskFacts(t, Recipe(0.001, 1), probe_length=128) for t in ("acceptability", "entailment")
    }
    both = config("embedded").model_copy(update={"tasks": tuple(facts)})
    cells = learnt(plan(both, facts))
    for seed in (1, 2):
        name = f"entailment/seed{seed}/untrained/probe/{NAME}"
        assert cells[name].inputs == {"same": name.replace("entailment", "acceptability")}


def test_cells_of_other_probes_are_what_they_were():
    with_learning = planned()
    without = planned(names=["attention-stats"])
    for name in without.cells:
        assert with_learning[name] == without[name]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"train_sentences": 39}, False),
        ({"sentences": 19}, False),
        ({"cache": "elsewhere"}, True),
        ({"cache_limit": 3.0}, True),
        ({"draws": 2}, True),
    ],
)
def test_what_decides_a_cell(changed, same):
    name = f"acceptability/seed1/full/probe/{NAME}"
    assert (planned()[name].options == planned(**changed)[name].options) == same


def test_files_decide_by_their_content(tiny_encoder, tmp_path):
    parts = treebank({"train": 12, "dev": 4, "test": 8})
    ids = []
    for number, train in enumerate((parts.train, parts.train, parts.train[:-1])):
        folder = tmp_path / str(number)
        folder.mkdir()
        given = {
            "train": write_conllu(folder / "train.conllu", train),
            "test": write_conllu(folder / "test.conllu", parts.test),
        }
        run, _ = read_plan(config(tiny_encoder, **given), tmp_path / "run", Silent())
        ids.append(run.ids[f"acceptability/seed1/full/probe/{NAME}"])
        assert str(folder / "train.conllu") in run.sources.files
    assert ids[0] == ids[1] != ids[2]


@pytest.fixture(scope="module")
def run_and_counted(tiny_encoder, tmp_path_factory):
    """Folder of a run, to which nothing may write, and for which models it computed states."""
    folder, made = tmp_path_factory.mktemp("runs") / "run", []

    def told(context, texts, *args, **options):
        made.append((context.subnetwork, len(texts.examples)))
        return gather_states(context, texts, *args, **options)

    with pytest.MonkeyPatch.context() as patch, rows_alone():
        patch.setattr("subprobe.probes.states.cache.gather_states", told)
        run_experiment(small(tiny_encoder), folder)
    return folder, made


@pytest.fixture(scope="module")
def run(run_and_counted):
    return run_and_counted[0]


@pytest.fixture(scope="module")
def rows(run):
    found = load_rows(run)
    return found[found["probe"].eq(NAME)]


def test_rows_say_which_model_they_are_about(rows):
    whole = {(state, seed) for state in ("pretrained", "finetuned", "untrained") for seed in (1, 2)}
    full = rows[rows["kind"].eq("full")]
    assert set(zip(full["state"], full["seed"], strict=True)) == whole
    assert set(full["variant"]) == {"own"}
    masked = rows[rows["kind"].isin(["good", "random", "bad"])]
    assert set(masked["variant"]) == {"own", "transferred"}
    assert set(masked["state"]) == {"pruned"}
    assert set(rows["corpus"]) == {"generated"}
    assert set(rows["split"]) == {"test"}
    assert rows["ci_low"].notna().mean() > 0.9
    assert rows["n_clusters"].eq(10).all()


def test_what_no_task_and_seed_decides_is_the_same(rows):
    def values(state, seed):
        mine = rows[rows["state"].eq(state) & rows["seed"].eq(seed)]
        return list(mine["value"])

    assert values("pretrained", 1) == values("pretrained", 2)
    assert values("untrained", 1) != values("untrained", 2)
    cells = rows[rows["state"].eq("pretrained")].groupby("seed")["cell_id"].unique()
    assert cells[1][0] != cells[2][0]


def test_the_embeddings_are_the_same_under_masks_and_what_is_transferred_differs(rows):
    pruned = rows[rows["state"].eq("pruned") & rows["seed"].eq(1) & rows["kind"].eq("good")]
    value = pruned.set_index(["variant", "layer"])["value"]
    assert value["own", 0] == value["transferred", 0]
    assert (value["own"] != value["transferred"]).any()


def test_items_of_a_repeated_cell_name_it(run, rows):
    for cell in rows.loc[rows["state"].eq("pretrained"), "cell_id"].unique():
        items = pd.read_parquet(run / "cells" / f"{cell}.parquet")
        assert set(items["cell_id"]) == {cell}


def test_states_of_a_model_are_computed_once_and_removed(run_and_counted):
    run, counted = run_and_counted
    # two parts of each of 2 x (full, good, random, bad, untrained) models and of one pretrained
    masks = {mask.mask_id if mask else "" for mask, _ in counted}
    assert len(masks) >= 3
    assert len(counted) == 2 * (2 * 5 + 1)
    assert not (run / "hidden-states").exists()


def test_the_run_says_what_was_learnt_from(run):
    about = json.loads((run / "learning.json").read_text())["learning"]
    assert about["sentences"] == {"train": 40, "dev": 20, "test": 20}
    assert len(about["ids"]["test"]) == 20
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["learning"]["parted"] == "generated"
    assert "ids" not in manifest["learning"]
    assert list(foreign(run)) == []


def test_a_finished_run_is_verified_and_its_cells_come_out_again(run):
    found = verify_run(run)
    assert found.good
    assert found.sound == found.cells


def test_arrays_that_are_transferred_stand_beside_the_table(run, rows):
    from subprobe.data.files.tensor_files import read_arrays

    [cell] = rows.loc[rows["state"].eq("finetuned") & rows["seed"].eq(1), "cell_id"].unique()
    arrays = read_arrays(run / "cells" / f"{cell}.safetensors")
    assert arrays["means"].shape[0] == 3
    assert arrays["means"].dtype == np.float64
    masked = rows[rows["state"].ne("finetuned")]["cell_id"].unique()
    assert not [one for one in masked if (run / "cells" / f"{one}.safetensors").exists()]


def test_states_that_are_left_are_known_and_cleaned(run, tmp_path):
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    left = folder / "hidden-states"
    left.mkdir()
    name = "0" * 32
    for end in ("safetensors", "lock"):
        (left / f"{name}.states.{end}").write_bytes(b"x")
    (left / "notes.txt").write_text("mine")
    assert list(foreign(folder)) == ["hidden-states/notes.txt"]
    found = [one for one in leftovers(folder) if one.path.startswith("hidden-states")]
    assert sorted(Path(one.path).suffix for one in found) == [".lock", ".safetensors"]
    remove(folder, found)
    assert [one.name for one in left.iterdir()] == ["notes.txt"]


@pytest.mark.slow
def test_states_are_kept_in_the_folder_that_is_named(tiny_encoder, run, tmp_path):
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    named = small(tiny_encoder, cache=str(tmp_path / "states"))
    for path in (folder / "cells").glob("probe-*"):
        path.unlink()
    with rows_alone():
        run_experiment(named, folder)
    assert len(list((tmp_path / "states").glob("*.safetensors"))) == 2 * 11
    pd.testing.assert_frame_equal(load_rows(folder), load_rows(run))


def test_bare_encoders_are_those_without_a_task():
    assert BARE == ("pretrained", "untrained")
