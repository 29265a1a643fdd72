"""The transfer matrix of a tiny run, against the run's own scores and plain second computations."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.plan.transfer import with_transfer
from subprobe.analysis.run_folder.reading import load_rows
from subprobe.analysis.transfer.computing import crossed, spent_here
from subprobe.analysis.transfer.matrix import transfer_tables
from subprobe.analysis.upkeep.clean import leftovers
from subprobe.analysis.upkeep.recorded import plan_of
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.models.checkpoint.checkpoint import load_classifier, load_tokenizer
from subprobe.models.masks.subnetwork import Subnetwork
from tiny_run import computed_cells, tiny_config, without_report

pytestmark = pytest.mark.slow

WORDS = ("cats", "dogs", "houses", "author", "children", "table")


def write_three_classes(folder):
    """A task with another number of classes than the embedded ones."""
    folder.mkdir()
    for number, split in enumerate(("train", "validation", "test")):
        lines = ["text,side"]
        for place in range(30):
            rest = " ".join(WORDS[(place * step + number) % len(WORDS)] for step in (1, 5, 7))
            lines.append(
                f"The {WORDS[place % 3]} saw {rest}.,{('left', 'right', 'middle')[place % 3]}"
            )
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(tiny_encoder, tmp_path_factory):
    """A finished run of a task with two classes and one with three, and the folder of its data."""
    base = tmp_path_factory.mktemp("transfer")
    data = write_three_classes(base / "sides")
    config = tiny_config(
        tiny_encoder,
        tasks=["acceptability", "sides"],
        task={"sides": {"data_dir": str(data), "columns": {"first": "text", "label": "side"}}},
        controls={"draws": 2, "retrained_draws": 0, "complement": True},
        probe={"names": []},
        retrain={"keep": False},
    )
    with without_report():
        run_experiment(config, base / "run")
    return base / "run"


@pytest.fixture(scope="module")
def matrix(run):
    found = crossed(run)
    return found, transfer_tables(found, load_rows(run), resamples=200)


def test_masks_of_language_modelling_are_transferred_like_those_of_any_task(tiny_encoder, tmp_path):
    text = tmp_path / "text.txt"
    lines = [
        f"The {WORDS[n % 6]} saw the {WORDS[n // 6 % 6]} near {WORDS[n % 5]}." for n in range(90)
    ]
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = tiny_config(
        tiny_encoder,
        tasks=["acceptability", "mlm"],
        task={"mlm": {"data_dir": str(text)}},
        seeds=[1],
        controls={"draws": 2, "retrained_draws": 0},
        probe={"names": []},
    )
    with without_report():
        run_experiment(config, tmp_path / "run")
    rows = load_rows(tmp_path / "run")
    tables = transfer_tables(crossed(tmp_path / "run"), rows, resamples=200)
    matrix = tables["transfer"].set_index(["mask_task", "task", "metric"])
    mine = rows[rows["probe"].eq("performance") & rows["state"].eq("pruned")]
    mine = mine[mine["task"].eq("mlm") & mine["kind"].eq("good")].set_index("metric")
    for metric in ("accuracy", "bits"):
        assert matrix.loc[("mlm", "mlm", metric), "value"] == mine.loc[metric, "value"]
        other = matrix.loc[("acceptability", "mlm", metric)]
        assert other["own"] == mine.loc[metric, "value"]
        assert 0 < other["n_clusters"] < other["n"]
        line = tables["transfer_differences"].query(
            "mask_task == 'acceptability' and task == 'mlm' and metric == @metric"
        )
        assert set(line["reference"]) == {"full", "own", "random"}
    assert matrix.loc[("mlm", "acceptability", "accuracy"), "jaccard_heads"] >= 0


def own_scores(run, task, kind):
    rows = load_rows(run)
    mine = rows[(rows["probe"] == "performance") & (rows["task"] == task) & (rows["kind"] == kind)]
    return mine[mine["metric"] == mine["metric"].iloc[0]].sort_values(["seed", "draw"])


def test_the_diagonal_is_what_the_run_itself_scored(run, matrix):
    table = matrix[1]["transfer"].set_index(["mask_task", "task"])
    for task in ("acceptability", "sides"):
        line = table.loc[(task, task)]
        line = line[line["primary"]].iloc[0]
        good, random = (own_scores(run, task, kind) for kind in ("good", "random"))
        assert line["value"] == line["own"] == good["value"].mean()
        assert (line["seed_low"], line["seed_high"]) == (good["value"].min(), good["value"].max())
        assert line["random"] == pytest.approx(random["value"].mean(), abs=1e-15)
        assert line["full"] == own_scores(run, task, "full")["value"].mean()
        assert line["jaccard_heads"] == 1 > line["jaccard_heads_expected"] > 0


@pytest.mark.parametrize(("of", "onto"), [("acceptability", "sides"), ("sides", "acceptability")])
def test_a_mask_of_another_label_count_scores_what_the_masked_model_answers(run, matrix, of, onto):
    from subprobe.models.masks.gates import gated

    found, tables = matrix
    line = tables["transfer"].query("mask_task == @of and task == @onto and primary").iloc[0]
    scores = []
    for seed in (1, 2):
        folder = str(run / "models" / f"{onto}-seed{seed}")
        spec, report = report_of(found, onto)
        model, tokenizer = load_classifier(folder, spec), load_tokenizer(folder)
        mask = Subnetwork.load(run / "masks" / f"{of}-seed{seed}-good.safetensors")
        with gated(model, mask):
            said = [
                int(model(**tokenizer(*one.texts(), return_tensors="pt")).logits.argmax())
                for one in report
            ]
        scores.append(accuracy_score([one.label for one in report], said))
    assert line["value"] == pytest.approx(np.mean(scores), abs=1e-12)
    assert line["own"] == own_scores(run, onto, "good")["value"].mean()


def report_of(found, task):
    from subprobe.analysis.plan.preparing import prepare
    from subprobe.analysis.steps.progress import Silent
    from subprobe.analysis.steps.selection import parts_for

    data = prepare(found.plan.config, Silent()).tasks[task].data
    return data.spec, parts_for(data, found.plan.config.prune, seed=1).report


def test_random_masks_have_the_size_of_the_mask_that_is_transferred(run, matrix):
    found, tables = matrix
    rows = found.rows.query("mask_task == 'sides' and task == 'acceptability'")
    assert len(rows.query("kind == 'random' and metric == 'accuracy'")) == 2 * 2  # seeds, draws
    ids = set(rows.query("kind == 'random'")["mask_id"])
    own = found.rows.query("mask_task == 'sides' and task == 'sides' and kind == 'random'")
    assert ids == set(own["mask_id"])  # the run's own draws
    line = tables["transfer"].query("mask_task == 'sides' and task == 'acceptability'").iloc[0]
    goods = [found.masks["sides", seed, "structured"] for seed in (1, 2)]
    assert line["kept_heads"] == np.mean([mask.head_mask.mean() for mask in goods])
    other = [found.masks["acceptability", seed, "structured"] for seed in (1, 2)]
    shared = [(a.head_mask & b.head_mask).sum() / (a.head_mask | b.head_mask).sum()
              for a, b in zip(goods, other, strict=True)]  # fmt: skip
    assert line["jaccard_heads"] == pytest.approx(np.mean(shared))


def test_the_complement_of_a_mask_is_scored_on_both_tasks(run, matrix):
    found, tables = matrix
    rest = found.rows.query("kind == 'complement' and metric == 'accuracy'")
    assert len(rest) == 2 * 2 * 2  # tasks, tasks, seeds
    # one mask in both models, and the score of the run on the mask's own task
    assert rest.groupby(["mask_task", "seed"])["mask_id"].nunique().eq(1).all()
    table = tables["transfer"].query("primary").set_index(["mask_task", "task"])
    for task in ("acceptability", "sides"):
        own = own_scores(run, task, "complement")["value"].mean()
        assert table.loc[(task, task), "complement"] == pytest.approx(own)
    lines = tables["transfer_differences"].query(
        "reference == 'complement' and level == 'these seeds' and primary"
    )
    assert set(zip(lines["mask_task"], lines["task"], strict=True)) == {
        (of, onto) for of in ("acceptability", "sides") for onto in ("acceptability", "sides")
    }
    for line in lines.itertuples():
        at = table.loc[(line.mask_task, line.task)]
        assert line.difference == pytest.approx(at["value"] - at["complement"])
    # tested as all references are; few answers differ in these models, so that p may be missing
    assert lines["test"].notna().all()


def test_complements_are_transferred_only_if_the_run_scores_them(run):
    plan = plan_of(run)
    controls = plan.config.controls.model_copy(update={"complement": False})
    without = replace(plan, config=plan.config.model_copy(update={"controls": controls}))
    kinds = [{one.kind for one in with_transfer(one, retrained=True)[1]} for one in (plan, without)]
    assert kinds == [{"good", "random", "complement"}, {"good", "random"}]


def test_differences_have_every_reference_and_a_corrected_p(matrix):
    table = matrix[1]["transfer_differences"]
    off = table.query("mask_task == 'sides' and task == 'acceptability' and primary")
    assert set(off["reference"]) == {"full", "own", "random", "complement"}
    assert set(off["level"]) == {"one seed", "these seeds", "seeds and examples"}
    assert off["difference"].to_numpy() == pytest.approx(
        (off["value_a"] - off["value_b"]).to_numpy()
    )
    assert set(table.query("mask_task == task")["reference"]) == {"full", "random", "complement"}
    tested = table[table["p_value"].notna()]
    assert (tested["p_adjusted"] >= tested["p_value"] - 1e-12).all()
    assert table.loc[table["test"].notna(), "level"].eq("these seeds").all()


def test_draws_are_compared_within_their_seed_in_the_direction_of_the_metric(run, matrix):
    """In a run whose seeds are not in ascending order."""
    found = matrix[0]
    rows = found.rows.sort_values("seed", ascending=False, kind="stable", ignore_index=True)
    lower = {("good", 1): 0.7, ("good", 2): 0.3, ("random", 1): 0.6, ("random", 2): 0.2}
    value = [lower.get(pair, 0.9) for pair in zip(rows["kind"], rows["seed"], strict=True)]
    metric = rows["metric"].where(rows["metric"] == "accuracy", "bits")
    failed = rows["kind"].eq("random") & rows["task"].eq("sides") & rows["draw"].eq(1)
    rows = rows.assign(value=value, metric=metric, flag=rows["flag"].mask(failed, "diverged"))
    rows = rows.drop_duplicates(["cell_id", "mask_task", "task", "seed", "metric"])
    table = transfer_tables(replace(found, rows=rows), load_rows(run), resamples=50)["transfer"]
    assert set(table["metric"]) == {"accuracy", "bits"}
    assert table["above_random"].eq(table["metric"].eq("accuracy").astype(float)).all()
    assert table["flag"].str.contains("diverged").eq(table["task"].eq("sides")).all()


def test_a_second_call_computes_nothing_and_gives_the_same(run, matrix, monkeypatch):
    names = computed_cells(monkeypatch)
    again = transfer_tables(crossed(run), load_rows(run), resamples=200)
    assert names == []
    for name, table in matrix[1].items():
        pd.testing.assert_frame_equal(table, again[name])
    assert not [one for one in leftovers(run) if one.path.startswith("cells/")]


def test_retrained_masks_are_computed_once_and_their_models_are_spent(run, monkeypatch, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    names = computed_cells(monkeypatch)
    found = crossed(copy, retrained=True)
    assert names.count("retrain") == 2 * 2 * 2 * 2  # tasks, tasks, seeds, good and one random
    table = transfer_tables(found, load_rows(copy), resamples=200)["transfer"]
    assert set(table["reading"]) == {"pruned", "retrained"}
    assert len(table.query("reading == 'retrained' and primary")) == 4
    assert not list((copy / "models").glob("*retrained"))  # retrain.keep is off
    crossed(copy, retrained=True)
    assert names.count("retrain") == 16


def test_retrained_models_of_the_run_itself_stay(run):
    plan = plan_of(run)
    whole, _ = with_transfer(plan, retrained=True)
    trained = {name for name, cell in whole.graph.cells.items() if cell.step == "retrain"}
    assert len(trained) == 16
    own = sorted(trained)[:3]
    assert spent_here(whole.graph, own) == trained - set(own)
    assert spent_here(whole.graph, plan.graph.cells) == trained - set(plan.graph.cells)


def test_one_task_a_removed_model_and_changed_data_are_refused(run, finished_run, tmp_path):
    with pytest.raises(ConfigError, match="at least two tasks; this run has one: acceptability"):
        crossed(finished_run)
    copy = shutil.copytree(run, tmp_path / "run")
    for path in (copy / "cells").glob("evaluate-*"):
        # the run's own scores stay
        if path.suffix == ".json" and "/of/" in json.loads(path.read_text())["name"]:
            path.unlink()
    shutil.rmtree(copy / "models" / "sides-seed2")
    with pytest.raises(ConfigError, match=r"models/sides-seed2/.* no mask can be scored on it"):
        crossed(copy)


def test_a_mask_that_was_changed_is_refused(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    searches = list((copy / "cells").glob("prune-*.safetensors"))
    searches[0].write_bytes(searches[1].read_bytes())
    with pytest.raises((ConfigError, DataFileError)):
        crossed(copy)


def test_the_command_prints_writes_and_draws_the_matrix(run, matrix, subprobe_command, tmp_path):
    code, out, err = subprobe_command("compare", run, "--transfer")
    assert code == 0, err
    said = " ".join(out.split())
    assert "the mask of sides scores" in said
    assert "score of the mask of each task, as pruned" in said
    page = tmp_path / "page.html"
    code, out, err = subprobe_command(
        "compare", run, "--transfer", "--out", tmp_path / "t", "--report", page, "--json"
    )
    assert code == 0, err
    assert {path.name for path in (tmp_path / "t").glob("*.csv")} == {
        "transfer.csv", "transfer_differences.csv", "comparison_notes.csv",
    }  # fmt: skip
    assert len(json.loads(out)["transfer"]) == len(pd.read_csv(tmp_path / "t" / "transfer.csv"))
    assert "Masks of one task on the models of another" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--retrained"], "--retrained belongs to --transfer"),
        (["--transfer", "--relation", "nsubj"], "--relation and --metric compare probes"),
    ],
)
def test_options_that_do_not_go_together(run, subprobe_command, given, said):
    code, _, err = subprobe_command("compare", run, *given)
    assert code == 2
    assert said in " ".join(err.split())
    code, _, err = subprobe_command("compare", run, run, "--transfer")
    assert code == 2
    assert "compares the tasks of one run, got 2 runs" in " ".join(err.split())
