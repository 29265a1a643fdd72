"""Pruned units with activations of other inputs, on the command line."""

import json

import numpy as np
import pandas as pd
import pytest
from subprobe.data.errors import ConfigError
from subprobe.data.output.tables import read_rows
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.partners.drawing import draws_of

TEXTS = {"cats": "keys", "keys": "cats"}
"""First words with as many pieces."""


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    """A folder of own files in which the counterfactual has another first word."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("paired")
    for split, count in (("train", 24), ("validation", 12)):
        rows = []
        for place in range(count):
            first = ("cats", "keys")[place % 2]
            rest = " ".join(rng.choice(["the", "author", "children"], size=3 + place % 4))
            rows.append((f"{first} {rest}", f"{TEXTS[first]} {rest}", first))
        frame = pd.DataFrame(rows, columns=["text", "other", "side"])
        frame.to_csv(folder / f"{split}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def tuned(paired, tiny_encoder, tmp_path_factory):
    """A folder with a fine-tuned tiny model and a mask."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.mask_options import PruneOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.loaded import load_for_task
    from subprobe.analysis.single.training import fine_tune_to_folder, prune_to_mask
    from subprobe.analysis.steps.progress import Silent

    folder = tmp_path_factory.mktemp("tuned")
    task = TaskChoice("toy", str(paired), {"first": "text", "label": "side"})
    fine_tune_to_folder(
        str(tiny_encoder), task, folder / "model", seed=1, order_seed=1, selection="held-out",
        progress=Silent(), options=RecipeOptions(learning_rate=0.005, epochs=2, batch_size=8),
    )  # fmt: skip
    loaded = load_for_task(str(folder / "model"), task)
    prune_to_mask(loaded, PruneOptions(keep=0.5), folder / "zero.safetensors", Silent())
    return folder


def of_task(paired, *columns):
    named = [
        text for column in ("first=text", "label=side", *columns) for text in ("--column", column)
    ]
    return ("--task", "toy", "--data-dir", paired, *named)


def scores(command, *arguments):
    code, out, err = command("evaluate", *arguments, "--json")
    assert code == 0, err
    return pd.DataFrame(json.loads(out)).set_index("metric"), err


PAIRS = "counterfactual=other"


@pytest.mark.parametrize("name", ["resample", "counterfactual"])
def test_prune_writes_a_mask_with_its_pool_that_evaluate_uses(
    subprobe_command, paired, tuned, name, tmp_path
):
    task = of_task(paired, PAIRS)
    masks = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in masks:
        code, out, err = subprobe_command(
            "prune", tuned / "model", *task, "--keep", "0.5", "--ablation", name, "--out", path,
            "--json",
        )  # fmt: skip
        assert code == 0, err
        assert json.loads(out)["ablation"] == name
    assert masks[0].read_bytes() == masks[1].read_bytes()
    rows, _ = scores(
        subprobe_command, tuned / "model", *of_task(paired), "--mask", masks[0], "--batch-size", 1
    )
    again, _ = scores(subprobe_command, tuned / "model", *of_task(paired), "--mask", masks[0])
    assert set(rows["ablation"]) == {name}
    assert rows["value"].equals(again["value"])
    assert rows["mask_id"].iloc[0] == Subnetwork.load(masks[0]).mask_id


def test_a_mask_is_scored_under_other_draws(subprobe_command, paired, tuned):
    task = (tuned / "model", *of_task(paired), "--mask", tuned / "zero.safetensors")
    draw = ("--ablation", "resample", "--match-donors")
    found = {
        (match, seed): scores(
            subprobe_command, *task, *draw, match, "--donor-seed", seed
        )
        for match, seed in (("any", 0), ("any", 1), ("label", 0), ("label-length", 0))
    }  # fmt: skip
    ids = {rows["mask_id"].iloc[0] for rows, _ in found.values()}
    assert len(ids) == 4
    assert "partners of another length" in found["any", 0][1]
    said = found["label", 0][1]
    assert "partners share the class of the validation examples" in said
    assert "partners share" not in found["any", 0][1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--match-donors", "label"), "draws no examples anew"),
        (("--ablation", "zero", "--donor-seed", 1), "draws no examples anew"),
        (("--ablation", "resample", "--match-donors", "size"), "unknown match of partners 'size'"),
        (("--ablation", "counterfactual"), "36 of 36 examples have no counterfactual"),
    ],
)
def test_wrong_draws_are_refused_in_one_line(subprobe_command, paired, tuned, arguments, said):
    code, out, err = subprobe_command(
        "evaluate", tuned / "model", *of_task(paired), "--mask", tuned / "zero.safetensors",
        *arguments, "--json",
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_a_counterfactual_of_another_length_is_refused_in_one_line(
    subprobe_command, paired, tuned, tmp_path
):
    for split in ("train", "validation"):
        frame = pd.read_csv(paired / f"{split}.csv")
        frame.loc[3, "other"] += " the"
        frame.to_csv(tmp_path / f"{split}.csv", index=False)
    out = tmp_path / "mask.safetensors"
    code, _, err = subprobe_command(
        "prune", tuned / "model", *of_task(tmp_path, PAIRS), "--ablation", "counterfactual",
        "--out", out,
    )  # fmt: skip
    assert code == 2
    assert "the counterfactual of train-3 has" in err
    assert len([line for line in err.splitlines() if line.startswith("error")]) == 1
    assert not out.exists()


def test_probes_read_a_corpus_under_other_inputs(subprobe_command, paired, tuned, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("cats the author\nkeys the children the author\n", encoding="utf-8")
    arguments = (
        "probe", tuned / "model", "--probe", "attention-stats", "--corpus", corpus,
        "--mask", tuned / "zero.safetensors", *of_task(paired), "--json",
    )  # fmt: skip
    found = {}
    for name in ("zero", "resample"):
        code, out, err = subprobe_command(*arguments, "--ablation", name)
        assert code == 0, err
        rows = pd.DataFrame(json.loads(out))
        assert set(rows["ablation"]) == {name}
        found[name] = rows
    assert not found["zero"]["value"].equals(found["resample"]["value"])


def test_a_run_stores_only_the_options_that_matter():
    from subprobe.analysis.configuration.config import parse_config
    from subprobe.analysis.configuration.mask_options import PruneOptions

    plain = PruneOptions().of_search("structured")
    assert not {"ablation", "match_donors", "donor_seed"} & set(plain)
    drawn = PruneOptions(ablation="resample", donor_seed=2)
    assert drawn.of_search("structured")["donor_seed"] == 2
    assert drawn.parts_read == ("train", "selection")
    assert PruneOptions(ablation="resample", match_donors="label").parts_read[-1] == "report"
    assert PruneOptions(ablation="counterfactual").parts_read[-1] == "report"
    with pytest.raises(ConfigError, match="match_donors"):
        parse_config({"prune": {"match_donors": "size"}}, where="file")


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("resample", ["--keep", "0.5", "--match-donors", "label", "--donor-seed", 3]),
        ("counterfactual", ["--keep", "0.5", "--form", "continuous-sparsification"]),
        ("resample", ["--penalty", "0.01", "--donor-seed", 3]),
        ("counterfactual", ["--penalty", "0.01"]),
    ],
    ids=["resample", "counterfactual", "resample-penalty", "counterfactual-penalty"],
)
def test_gates_are_learned_with_partners(subprobe_command, paired, tuned, name, asked, tmp_path):
    task = (tuned / "model", *of_task(paired, PAIRS))
    code, _, err = subprobe_command(
        "gates", *task, *asked, "--ablation", name, "--epochs", 1, "--out", tmp_path / "g"
    )
    assert code == 0, err
    (path,) = (tmp_path / "g").glob("*.safetensors")
    mask = Subnetwork.load(path)
    assert mask.ablation == name
    swept = read_rows(tmp_path / "g" / "sweep.csv")
    own = swept[swept["mask_id"].fillna("").eq(mask.mask_id)]
    assert set(own["ablation"]) == {name}
    rows, _ = scores(subprobe_command, *task, "--mask", path)
    line = own[own["metric"].eq("accuracy") & own["split"].eq("validation")].iloc[-1]
    assert rows.loc["accuracy", "value"] == pytest.approx(line["value"])
    if name == "resample":
        match = "label" if "label" in asked else "any"
        assert draws_of(mask.constants) == {"seed": 3, "match": match}
        assert "partners of another length" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--keep", 0.5, "--units", "weights", "--ablation", "resample"),
         "--ablation: single weights have no output that the ablation resample could replace"),
        (("--keep", 0.5, "--ablation", "counterfactual"), "36 of 36 examples have no"),
        (("--penalty", 0.1, "--ablation", "counterfactual"), "36 of 36 examples have no"),
        (("--penalty", 0.1, "--donor-seed", 1), "--donor-seed: the ablation zero draws no"),
        (("--keep", 0.5, "--ablation", "resample", "--match-donors", "size"), "unknown match"),
        (("--penalty", 0.1, "--ablation", "noise"), "unknown ablation 'noise'"),
    ],
    ids=str,
)  # fmt: skip
def test_gates_refuse_partners_that_cannot_be_in_one_line(
    subprobe_command, paired, tuned, arguments, said, tmp_path
):
    code, out, err = subprobe_command(
        "gates", tuned / "model", *of_task(paired), *arguments, "--quiet", "--out", tmp_path / "g"
    )
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "g").exists()


def test_a_run_without_counterfactuals_is_refused_before_it_trains(paired, tiny_encoder, tmp_path):
    from subprobe.analysis.experiment import run_experiment
    from subprobe.data.errors import InputError
    from tiny_run import tiny_config

    task = {"data_dir": str(paired), "columns": {"first": "text", "label": "side"}}
    prune = {"methods": ["hard-concrete"], "keep": 0.5, "ablation": "counterfactual"}
    config = tiny_config(tiny_encoder, tasks=["toy"], task={"toy": task}, prune=prune)
    with pytest.raises(InputError, match="examples have no counterfactual"):
        run_experiment(config, tmp_path / "run")
    assert not (tmp_path / "run" / "cells").exists()
