"""`--null untrained`: the same search in the encoder with random weights, in one table."""

import json

import pytest
from subprobe.data.output.tables import read_rows
from subprobe.models.masks.constants import same_constants
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.partners.drawing import draws_of


@pytest.fixture(scope="module")
def tuned(own, tiny_encoder, tmp_path_factory):
    """A fine-tuned tiny model that learned the task, and the arguments that name its task."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.training import fine_tune_to_folder
    from subprobe.analysis.steps.progress import Silent

    folder = tmp_path_factory.mktemp("tuned") / "model"
    task = TaskChoice("toy", str(own[3]), {"first": "text", "label": "side"})
    fine_tune_to_folder(
        str(tiny_encoder), task, folder, seed=1, order_seed=2, selection="held-out",
        options=RecipeOptions(learning_rate=0.005, epochs=8, batch_size=8), progress=Silent(),
    )  # fmt: skip
    return [folder, *own]


def test_a_search_and_its_null_share_one_table(subprobe_command, tuned, tmp_path):
    out = tmp_path / "null"
    code, shown, err = subprobe_command(
        "prune", *tuned, "--null", "untrained", "--draws", 3, "--keep", 0.5, "--out", out
    )
    assert code == 0, err
    assert sorted(path.name for path in out.iterdir() if not path.name.startswith(".")) == [
        "good.safetensors", "subprobe.json", "untrained-null.csv", "untrained-null.parquet",
        "untrained.safetensors",
    ]  # fmt: skip
    good, untrained = (Subnetwork.load(out / f"{n}.safetensors") for n in ("good", "untrained"))
    assert good.fingerprint != untrained.fingerprint
    assert good.sparsity() == untrained.sparsity()
    rows = read_rows(out / "untrained-null.csv")
    assert set(rows["probe"]) == {"untrained-null"}
    scores = rows[rows["metric"].eq("accuracy")]
    for state in ("pruned", "untrained"):
        lines = scores[scores["state"].eq(state)]
        assert lines["kind"].value_counts().to_dict().items() >= {
            "good": 1, "complement": 1, "random": 3,
        }.items()  # fmt: skip
    assert list(scores["state"]).count("finetuned") == 1
    by = scores.set_index(["state", "kind"])["value"]
    gap = rows[rows["metric"].eq("mask_minus_complement")].set_index("state")
    chance = scores["baseline_value"].iloc[0]
    for state in ("pruned", "untrained"):
        wanted = max(by[state, "good"], chance) - max(by[state, "complement"], chance)
        assert gap.loc[state, "value"] == pytest.approx(wanted)
    against = rows[rows["metric"].eq("trained_minus_untrained")].set_index("variant")["value"]
    assert against["of=mask_minus_complement"] == pytest.approx(
        gap.loc["pruned", "value"] - gap.loc["untrained", "value"]
    )
    assert against["of=mask"] - against["of=complement"] == pytest.approx(
        against["of=mask_minus_complement"]
    )
    assert set(rows["better"].dropna()) == {"higher"}
    assert "trained - untrained" in shown


def test_gates_are_learnt_in_both_encoders(subprobe_command, tuned, tmp_path):
    out = tmp_path / "gates"
    code, said, err = subprobe_command(
        "gates", *tuned, "--penalty", 0.01, "--penalty", 0.1, "--epochs", 1, "--null", "untrained",
        "--ablation", "resample", "--donor-seed", 2, "--draws", 2, "--json", "--quiet",
        "--out", out,
    )  # fmt: skip
    assert code == 0, err
    rows = read_rows(out / "untrained-null.csv")
    assert len(json.loads(said)["null"]) == len(rows)
    for penalty in ("0.01", "0.1"):
        own = Subnetwork.load(out / f"untrained-l0-{penalty}.safetensors")
        good = Subnetwork.load(out / f"l0-{penalty}.safetensors")
        assert own.fingerprint != good.fingerprint
        # the inputs are the same ones, whatever the weights
        assert own.ablation == good.ablation == "resample"
        assert same_constants(own.constants, good.constants)
        assert draws_of(own.constants)["seed"] == 2
        mine = rows[rows["variant"].str.startswith(f"lambda={penalty}")]
        mine = mine[mine["variant"].str.split(";").str[0].eq(f"lambda={penalty}")]
        assert set(mine["state"]) == {"finetuned", "pruned", "untrained"}
        rest = mine[mine["kind"].eq("complement") & mine["metric"].eq("accuracy")]
        # only heads have gates, so all MLPs stay
        assert len(rest) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--null", "random"], "unknown null 'random'; known nulls: untrained"),
        (["--draws", "3"], "cannot be combined with a task"),
    ],
)
def test_bad_options_are_refused_before_any_work(subprobe_command, tuned, tmp_path, words, said):
    code, out, err = subprobe_command("prune", *tuned, *words, "--out", tmp_path / "m.safetensors")
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_null_needs_a_folder_and_a_recorded_recipe(subprobe_command, tuned, tmp_path):
    null = ["--null", "untrained"]
    code, _, err = subprobe_command("prune", *tuned, *null, "--out", tmp_path / "m.safetensors")
    assert code == 2
    assert "the output is a folder" in err
    import shutil

    model = tmp_path / "model"
    shutil.copytree(tuned[0], model)
    (model / "subprobe.json").unlink()
    code, _, err = subprobe_command(
        "prune", model, *tuned[1:], *null, "--quiet", "--out", tmp_path / "out"
    )
    assert code == 2
    assert "does not record how it was fine-tuned" in err
    assert "leave out --null" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--units", "heads", "--ablation", "mean"],
        ["--units", "heads", "--ablation", "resample", "--match-donors", "label"],
        ["--form", "continuous-sparsification", "--train-encoder"],
    ],
    ids=["heads", "partners", "continuous"],
)
def test_gates_of_a_size_are_learnt_in_both_encoders(subprobe_command, tuned, tmp_path, options):
    out = tmp_path / "gates"
    code, said, err = subprobe_command(
        "gates", *tuned, "--keep", 0.5, "--epochs", 1, *options, "--null", "untrained",
        "--draws", 2, "--out", out,
    )  # fmt: skip
    assert code == 0, err
    assert "keep=0.5 and its untrained null" in said
    form = "continuous-sparsification" if "--form" in options else "hard-concrete"
    good = Subnetwork.load(out / f"{form}-0.5.safetensors")
    own = Subnetwork.load(out / f"untrained-{form}-0.5.safetensors")
    assert own.fingerprint != good.fingerprint
    assert own.counts() == good.counts()
    assert own.ablation == good.ablation == (options[3] if "heads" in options else "zero")
    rows = read_rows(out / "untrained-null.csv")
    assert rows["variant"].str.startswith("keep=0.5").all()
    scores = rows[rows["metric"].eq("accuracy")]
    for state in ("pruned", "untrained"):
        kinds = scores[scores["state"].eq(state)]["kind"].value_counts().to_dict()
        assert kinds.items() >= {"good": 1, "complement": 1, "random": 2}.items()
    assert set(scores.loc[scores["kind"].ne("full"), "ablation"]) == {good.ablation}
    gaps = rows[rows["metric"].eq("trained_minus_untrained")]["variant"]
    assert set(gaps) == {
        f"keep=0.5;of={what}" for what in ("mask", "complement", "mask_minus_complement")
    }
