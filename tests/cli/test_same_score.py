"""`subprobe same-score`: masks of one model, published scores, tables, screen and bad input."""

import json

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.same_score.columns import TABLES as COLUMNS
from subprobe.data.output.tables import ROW_TYPES
from subprobe.models.masks.subnetwork import Subnetwork

TABLES = {**COLUMNS, "rows": ROW_TYPES}
MADE = ("--masks", 5, "--method", "structured-heads", "--keep", 0.5, "--core-draws", 2,
        "--selection", "reported")  # fmt: skip
FAST = ("--quiet", "--permutations", 99)
PUBLISHED = {
    "seed": ["original", *map(str, range(1, 7))],
    "sparsity": [0.0, *[0.5] * 6],
    "mnli-matched": [0.9, 0.8, 0.82, 0.84, 0.81, 0.83, 0.805],
    "lexical_overlap_ln_passive": [0.5, 0.1, 0.2, 0.3, 0.05, 0.02, 0.4],
    "subsequence_se_adjective": [1.0, 0.9, 1.0, 0.95, 0.98, 0.97, 0.96],
}


@pytest.fixture(scope="module")
def tuned(own, tiny_encoder, tmp_path_factory):
    """Folder of a fine-tuned tiny model."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.training import fine_tune_to_folder
    from subprobe.analysis.steps.progress import Silent

    folder = tmp_path_factory.mktemp("tuned") / "model"
    task = TaskChoice("toy", str(own[3]), {"first": "text", "label": "side"})
    fine_tune_to_folder(
        str(tiny_encoder), task, folder, seed=1, order_seed=2, selection="reported",
        options=RecipeOptions(learning_rate=0.005, epochs=3, batch_size=8), progress=Silent(),
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """A second test set of the toy task."""
    path = tmp_path_factory.mktemp("second") / "hard.csv"
    lines = [f"The {('cats', 'dogs')[n % 2]} saw the author {n}.,{('left', 'right')[n // 2 % 2]}"
             for n in range(16)]  # fmt: skip
    path.write_text("\n".join(["text,side", *lines]) + "\n")
    return ["--probe", "challenge", "--option", f"challenge.file={path}",
            "--option", "challenge.columns=first=text,label=side"]  # fmt: skip


@pytest.fixture(scope="module")
def made(subprobe_command_once, tuned, own, second, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "alike"
    words = ("same-score", tuned, *own, *second, *MADE, "--out", out, *FAST)
    code, _, err = subprobe_command_once(*words)
    assert code == 0, err
    return out


@pytest.fixture(scope="module")
def subprobe_command_once():
    """`subprobe_command` for fixtures of a module."""
    import contextlib
    import io
    import sys

    from subprobe.cli import main

    def run(*words):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            before, sys.argv = sys.argv, ["subprobe", *map(str, words)]
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
            finally:
                sys.argv = before
        return code, out.getvalue(), err.getvalue()

    return run


def test_masks_are_made_scored_and_compared(made):
    assert {path.name for path in made.iterdir()} == {
        *(f"{name}.csv" for name in TABLES), "masks", "same-score.svg", "subprobe.json",
    }  # fmt: skip
    tables = {name: pd.read_csv(made / f"{name}.csv") for name in TABLES}
    for name, columns in TABLES.items():
        assert list(tables[name].columns) == list(columns), name
    masks = [Subnetwork.load(path) for path in sorted((made / "masks").iterdir())]
    assert len(masks) == 5
    assert {(mask.n_heads, mask.n_mlps) for mask in masks} == {(4, 2)}
    assert {mask.selection for mask in masks} == {"reported, bootstrap sample"}
    spread = tables["mask_spread"]
    assert spread["primary"].tolist() == [True, False, False]
    assert spread["probe"].tolist() == ["performance", "challenge", "challenge"]
    assert spread["n_masks"].tolist() == [5, 5, 5]
    assert spread["baseline_value"].iloc[0] == 0.5
    assert spread["full"].notna().all()
    points = tables["mask_scores"]
    assert set(points["mask"]) == {"full", *(f"mask-0{place}" for place in range(1, 6))}
    mean = points[(points["kind"] != "full") & points["primary"]]["value"].mean()
    assert spread["mean"].iloc[0] == pytest.approx(mean)
    # rows name their mask
    rows = tables["rows"]
    assert set(rows["mask_id"].dropna()) == {mask.mask_id for mask in masks}


def test_the_core_stands_beside_random_sets(made):
    core = pd.read_csv(made / "core.csv")
    units = pd.read_csv(made / "core_units.csv")
    kept = units[units["core"]]
    alone = core[core["set"] == "core alone"].iloc[0]
    assert (alone["heads"], alone["mlps"]) == (
        (kept["unit"] == "head").sum(), (kept["unit"] == "mlp").sum(),
    )  # fmt: skip
    assert (core.loc[core["set"] != "full", "n_draws"].dropna() == 2).all()
    assert core["note"].dropna().str.contains("2 draws: too few").any()
    points = pd.read_csv(made / "mask_scores.csv")
    full = core[(core["set"] == "full") & (core["probe"] == "performance")]["value"].iloc[0]
    assert full == points[(points["kind"] == "full") & points["primary"]]["value"].iloc[0]


@pytest.mark.slow
def test_masks_from_files_give_the_same_numbers(subprobe_command, made, tuned, own, second):
    files = sorted((made / "masks").iterdir())
    code, out, err = subprobe_command(
        "same-score", tuned, *files, *own, *second, "--core-draws", 0, "--json", *FAST
    )
    assert code == 0, err
    tables = json.loads(out)
    assert set(tables) == set(TABLES)
    saved = pd.read_csv(made / "mask_spread.csv")
    read = pd.DataFrame(tables["mask_spread"])
    for column in ("mean", "sd", "full", "sd_expected"):
        assert read[column].astype(float).tolist() == pytest.approx(
            saved[column].tolist(), nan_ok=True
        )
    pairs = pd.DataFrame(tables["mask_predictions"])
    assert len(pairs) == 15  # of five masks and the full model


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(subprobe_command, made, tuned, own, second, tmp_path):
    out = tmp_path / "again"
    words = ("same-score", tuned, *own, *second, *MADE, "--out", out, *FAST)
    assert subprobe_command(*words)[0] == 0
    for path in sorted(made.rglob("*")):
        if path.is_file() and path.name != "subprobe.json":
            other = tmp_path / "again" / path.relative_to(made)
            assert other.read_bytes() == path.read_bytes(), path.name


def test_the_screen_says_what_was_found(subprobe_command, made, tuned, own, second):
    files = sorted((made / "masks").iterdir())[:3]
    code, out, _ = subprobe_command(
        "same-score", tuned, *files, *own, *second, "--core-draws", 0, *FAST
    )
    assert code == 0
    said = " ".join(out.split())
    assert "3 masks: accuracy" in said
    assert "two masks are both right or both wrong on" in said
    assert "no test of a correlation reaches .05; it needs 5" in said


def test_the_size_is_that_of_one_search_by_the_rule(subprobe_command, tuned, own, tmp_path):
    prune = ("prune", tuned, *own, "--out", tmp_path / "one.safetensors", "--quiet", "--json")
    code, out, err = subprobe_command(*prune)
    assert code == 0, err
    one = json.loads(out)
    code, _, err = subprobe_command(
        "same-score", tuned, *own, "--masks", 2, "--resampling", "half", "--core-draws", 0,
        "--out", tmp_path / "o", *FAST,
    )  # fmt: skip
    assert code == 0, err
    masks = [Subnetwork.load(path) for path in sorted((tmp_path / "o" / "masks").iterdir())]
    assert [(mask.n_heads, mask.n_mlps) for mask in masks] == [(one["n_heads"], one["n_mlps"])] * 2
    # with the score alone there is nothing to draw it against
    assert not (tmp_path / "o" / "same-score.svg").exists()


def test_a_misspelt_metric_is_refused_before_any_search(
    subprobe_command, tuned, own, second, monkeypatch
):
    from subprobe.analysis.same_score import making

    def searched(*_args, **_options):
        raise AssertionError("searched")

    monkeypatch.setattr(making, "find_good", searched)
    code, _, err = subprobe_command(
        "same-score", tuned, *own, *second, *MADE, "--metric", "acuracy", "--quiet"
    )
    assert code == 2
    assert "unknown metric 'acuracy'" in err


@pytest.mark.slow
@pytest.mark.parametrize("form", ["hard-concrete", "continuous-sparsification"])
def test_masks_of_learned_gates_differ_by_their_seeds(subprobe_command, tuned, own, tmp_path, form):
    words = ("same-score", tuned, *own, "--masks", 3, "--method", form, "--keep", 0.5, "--seed", 4,
             "--core-draws", 1, *FAST)  # fmt: skip
    code, _, err = subprobe_command(*words, "--out", tmp_path / "o")
    assert code == 0, err
    masks = [Subnetwork.load(path) for path in sorted((tmp_path / "o" / "masks").iterdir())]
    assert [mask.counts()["units"][0] for mask in masks] == [5, 5, 5]
    assert [mask.seed_draw for mask in masks] == [4, 5, 6]
    assert {mask.seed_init for mask in masks} == {1}
    assert {mask.method for mask in masks} == {form}
    # the first mask is that of `subprobe gates` with the same seed
    code, _, err = subprobe_command(
        "gates", tuned, *own, "--keep", 0.5, "--form", form, "--seed", 4, "--quiet",
        "--out", tmp_path / "g",
    )  # fmt: skip
    assert code == 0, err
    alone = Subnetwork.load(next((tmp_path / "g").glob("*.safetensors")))
    assert alone.mask_id == masks[0].mask_id
    core = pd.read_csv(tmp_path / "o" / "core.csv")
    split = {(mask.n_heads, mask.n_mlps) for mask in masks}
    line = core[core["set"].eq("mask")].iloc[0]
    assert pd.isna(line["heads"]) == (len(split) > 1)


def test_masks_of_one_size_may_have_other_numbers_of_heads(subprobe_command, tuned, own, tmp_path):
    files = [save_mask(tmp_path / f"{n}.safetensors", 5 - n, mlps=n) for n in (1, 2)]
    code, _, err = subprobe_command(
        "same-score", tuned, *files, *own, "--core-draws", 1, "--out", tmp_path / "o", *FAST
    )
    assert code == 0, err
    core = pd.read_csv(tmp_path / "o" / "core.csv").set_index("set")
    assert pd.isna(core.loc["mask", "heads"])
    assert core.loc["core alone", ["heads", "mlps"]].tolist() == [3, 1]


def test_published_scores(subprobe_command, tmp_path):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(PUBLISHED))
    code, out, _ = subprobe_command("same-score", path, "--json", *FAST)
    assert code == 0
    tables = json.loads(out)
    assert set(tables) == {"mask_scores", "mask_spread", "mask_correlations", "same_score_notes"}
    metrics = [line["metric"] for line in tables["mask_spread"]]
    assert metrics == ["mnli-matched", "accuracy_non_entailed", "accuracy_entailed"]
    code, out, _ = subprobe_command(
        "same-score", path, "--metric", "subcase_accuracy", "--out", tmp_path / "o", *FAST
    )
    assert code == 0
    spread = pd.read_csv(tmp_path / "o" / "mask_spread.csv")
    assert spread["relation"].dropna().tolist() == list(PUBLISHED)[3:]
    assert (tmp_path / "o" / "same-score.svg").read_text().startswith("<svg")
    code, out, _ = subprobe_command("same-score", path, *FAST)
    assert "Pearson's r with the score" in " ".join(out.split())


def save_mask(path, heads, mlps=1, **more):
    head = np.zeros(8, dtype=bool)
    head[:heads] = True
    mlp = np.zeros(2, dtype=bool)
    mlp[:mlps] = True
    Subnetwork(head.reshape(2, 4), mlp, **more).save(path)
    return path


@pytest.mark.parametrize(
    ("sizes", "more", "said"),
    [
        ([4], [], "1 mask: a comparison needs 2 or more"),
        ([4, 5], [], "masks of different sizes"),
        ([4, 4], ["--masks", 3], "either read from files or searched for"),
        ([], [], "either read from files or searched for"),
        ([], ["--masks", 1], "masks must be >= 2, got 1"),
        ([], ["--masks", 3, "--method", "magnitude"], "all of its masks would be equal"),
        ([], ["--masks", 3, "--resampling", "third"], "unknown sample"),
        ([], ["--masks", 3, "--method", "hard-concrete"], "set --keep, the share of the units"),
        ([4, 4], ["--metric", "loss"], "unknown metric 'loss'"),
        ([4, 4], ["--score", "accuracy"], "cannot be combined with a model"),
        ([4, 4], ["--probe", "heuristics"], "heuristics"),
    ],
)
def test_bad_input_is_one_line(subprobe_command, tuned, own, tmp_path, sizes, more, said):
    files = [save_mask(tmp_path / f"{n}.safetensors", size) for n, size in enumerate(sizes)]
    code, _, err = subprobe_command(
        "same-score", tuned, *files, *own, *more, "--out", tmp_path / "o", "--quiet"
    )
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1 + sum(
        "does not record" in e for e in err.splitlines()
    )
    assert not (tmp_path / "o").exists()


def test_a_mask_of_another_model_is_refused(subprobe_command, tuned, own, tmp_path):
    files = [save_mask(tmp_path / f"{n}.safetensors", 4, fingerprint="1" * 64) for n in "ab"]
    code, _, err = subprobe_command("same-score", tuned, *files, *own, "--quiet")
    assert code == 2
    assert "found on other weights" in err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--task", "mrpc"], "cannot be combined with a file of published scores"),
        (["--metric", "loss"], "unknown metric"),
        (["--score", "loss"], "unknown score"),
        (["x.safetensors"], "has no masks"),
    ],
)
def test_bad_input_beside_published_scores(subprobe_command, tmp_path, more, said):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(PUBLISHED))
    code, _, err = subprobe_command("same-score", path, *more)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_no_task_and_no_file(subprobe_command, tuned, tmp_path):
    code, _, err = subprobe_command("same-score", tuned, "--masks", 3)
    assert (code, "no task to score masks on" in err) == (2, True)
    code, _, err = subprobe_command("same-score", tmp_path / "nowhere.json")
    assert (code, "nowhere.json" in err) == (2, True)
