"""The single commands, one after the other, on a tiny encoder and a user's own files."""

import json

import pandas as pd
import pytest
from safetensors import safe_open
from subprobe.data.output.tables import ROW_TYPES
from subprobe.models.masks.subnetwork import Subnetwork


@pytest.fixture(scope="module")
def tuned(own, tiny_encoder, tmp_path_factory):
    """Folder of a fine-tuned tiny model and the mask that the search keeps."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.mask_options import PruneOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.loaded import load_for_task
    from subprobe.analysis.single.training import fine_tune_to_folder, prune_to_mask
    from subprobe.analysis.steps.progress import Silent

    folder = tmp_path_factory.mktemp("tuned")
    task = TaskChoice("toy", str(own[3]), {"first": "text", "label": "side"})
    fine_tune_to_folder(
        str(tiny_encoder), task, folder / "model", seed=1, order_seed=2, selection="held-out",
        options=RecipeOptions(learning_rate=0.005, epochs=3, batch_size=8), progress=Silent(),
    )  # fmt: skip
    loaded = load_for_task(str(folder / "model"), task)
    prune_to_mask(loaded, PruneOptions(), folder / "good.safetensors", Silent())
    return folder / "model", folder / "good.safetensors"


def test_finetune_writes_a_model_and_says_what_it_did(
    subprobe_command, own, tiny_encoder, tmp_path
):
    code, out, err = subprobe_command(
        "finetune", tiny_encoder, *own, "--seed", 3, "--epochs", 1, "--json",
        "--out", tmp_path / "m", "--quiet",
    )  # fmt: skip
    meta = json.loads(out)
    assert code == 0
    assert (meta["task"], meta["seed_init"], meta["seed_order"]) == ("toy", 3, 3)
    assert meta["n_truncated"] == 0
    assert err == ""
    names = {path.name for path in (tmp_path / "m").iterdir()}
    assert {"config.json", "model.safetensors", "subprobe.json", "tokenizer.json"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]


def test_a_stopped_training_goes_on_beside_its_folder(
    subprobe_command, own, tiny_encoder, tmp_path, monkeypatch
):
    from subprobe.models.training import trainer

    def stopped(self, args, state, control, **kwargs):
        if state.global_step == 3:
            raise KeyboardInterrupt

    words = (
        "finetune", tiny_encoder, *own, "--epochs", 2, "--batch-size", 8, "--micro-batch", 3,
        "--checkpoint-steps", 1, "--json",
    )  # fmt: skip
    exact = json.loads(subprobe_command(*words, "--out", tmp_path / "exact")[1])
    assert exact["training"]["micro_batch"] == 3
    with monkeypatch.context() as patch:
        patch.setattr(trainer.Watch, "on_step_end", stopped)
        code, _, _ = subprobe_command(*words, "--out", tmp_path / "m")
    assert code not in (0, 2)
    state = tmp_path / ".m.training"
    assert [one.name for one in state.iterdir()] == ["training.safetensors"]
    assert not (tmp_path / "m").exists()
    code, out, err = subprobe_command(*words, "--out", tmp_path / "m")
    assert code == 0
    assert "resumes after step 2 of" in err
    assert json.loads(out)["fingerprint"] == exact["fingerprint"]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("m", "exact")]
    assert weights[0] == weights[1]
    assert not state.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--precision", "float16", "--device", "cpu"), "--precision: float16 needs a CUDA GPU"),
        (("--memory-gb", "1e-6"), "--memory-gb: training on one example at a time takes about"),
        (("--micro-batch", "-1"), "--micro-batch"),
    ],
)  # fmt: skip
def test_options_of_training_that_cannot_be_are_refused(
    words, said, subprobe_command, own, tiny_encoder, tmp_path
):
    code, _, err = subprobe_command(
        "finetune", tiny_encoder, *own, *words, "--out", tmp_path / "m", "--quiet"
    )
    assert code == 2
    assert said in " ".join(err.split())
    assert list(tmp_path.iterdir()) == []


def test_narration_goes_to_stderr(subprobe_command, own, tiny_encoder, tmp_path):
    code, out, err = subprobe_command(
        "finetune", tiny_encoder, *own, "--epochs", 1, "--out", tmp_path / "m"
    )
    assert (code, out) == (0, "")
    assert "fine-tuning on toy" in err
    assert str(tmp_path / "m") in err.replace("\n", "")


@pytest.mark.parametrize("route", ["masked", "compact"])
def test_a_mask_is_retrained_and_known_again(
    subprobe_command, own, tuned, tiny_encoder, tmp_path, route
):
    """Pruned units stay as they were pretrained, rows say `retrained`; others are refused."""
    model, good = tuned
    again = tmp_path / "again"
    code, out, err = subprobe_command(
        "finetune", tiny_encoder, *own, "--mask", good, "--route", route, "--epochs", 1,
        "--out", again, "--json", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    mask = Subnetwork.load(good)
    assert json.loads(out)["retrained_mask"] == mask.mask_id
    code, out, err = subprobe_command("evaluate", again, "--mask", good, *own, "--json")
    assert code == 0, err
    assert {row["state"] for row in json.loads(out)} == {"retrained"}
    code, out, _ = subprobe_command("evaluate", model, "--mask", good, *own, "--json")
    assert {row["state"] for row in json.loads(out)} == {"pruned"}
    # another mask is not this model's
    other = tmp_path / "random.safetensors"
    subprobe_command("sample", good, "--kind", "random", "--seed", 1, "--out", other)
    code, _, err = subprobe_command("evaluate", again, "--mask", other, *own)
    assert code == 2
    assert "weights" in err


def test_prune_then_sample_keep_the_counts(subprobe_command, own, tuned, tmp_path):
    model, _ = tuned
    good = tmp_path / "good.safetensors"
    code, out, _ = subprobe_command("prune", model, *own, "--out", good, "--json", "--quiet")
    assert code == 0
    described = json.loads(out)
    assert described["kind"] == "good"
    kept = Subnetwork.load(good)
    for kind in ("random", "bad"):
        files = [tmp_path / f"{kind}-{n}.safetensors" for n in range(2)]
        for path in files:
            code, out, _ = subprobe_command(
                "sample", good, "--kind", kind, "--seed", 5, "--out", path, "--json"
            )
            assert code == 0
            assert json.loads(out)["kind"] == kind
        drawn = Subnetwork.load(files[0])
        assert (drawn.n_heads, drawn.n_mlps) == (kept.n_heads, kept.n_mlps)
        assert files[0].read_bytes() == files[1].read_bytes()
    with safe_open(good, "np") as opened:
        assert list(opened.metadata()) == ["subprobe"]


def test_evaluate_gives_rows_on_stdout_or_in_a_file(subprobe_command, own, tuned, tmp_path):
    model, good = tuned
    code, out, _ = subprobe_command("evaluate", model, "--mask", good, *own, "--json")
    assert code == 0
    rows = pd.DataFrame(json.loads(out))
    accuracy = rows[rows["metric"] == "accuracy"].iloc[0]
    assert (accuracy["kind"], accuracy["state"], accuracy["n"]) == ("good", "pruned", 24)
    assert 0 <= accuracy["ci_low"] <= accuracy["value"] <= accuracy["ci_high"] <= 1
    assert accuracy["baseline"] == "majority"
    target = tmp_path / "scores.csv"
    code, out, _ = subprobe_command("evaluate", model, *own, "--out", target)
    assert (code, out) == (0, "")
    assert list(pd.read_csv(target).columns) == list(ROW_TYPES)
    code, out, _ = subprobe_command("evaluate", model, *own)
    assert code == 0
    assert "accuracy" in out


@pytest.mark.parametrize("probe", ["attention-stats", "dependency-heads"])
def test_probe_writes_one_file(subprobe_command, tuned, tmp_path, probe):
    model, good = tuned
    target = tmp_path / "rows.csv"
    code, out, _ = subprobe_command(
        "probe", model, "--mask", good, "--probe", probe, "--corpus", "natural",
        "--limit", 12, "--out", target, "--quiet",
    )  # fmt: skip
    assert (code, out) == (0, "")
    rows = pd.read_csv(target)
    assert set(rows["probe"]) == {probe}
    assert set(rows["kind"]) == {"good"}
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv"}


def test_probe_takes_options_a_correction_and_random_weights(
    subprobe_command, tiny_encoder, tmp_path
):
    told = [
        "probe", tiny_encoder, "--probe", "attention-trees", "--probe", "dependency-heads",
        "--corpus", "natural", "--limit", 12, "--quiet",
    ]  # fmt: skip
    given = [
        "--option", "attention-trees.decoder=arborescence", "--option", "attention-trees.root=free",
        "--option", "dependency-heads.min_count=9", "--correction", "fdr_bh", "--untrained", 4,
    ]  # fmt: skip
    found = []
    for name, options in (("plain", []), ("given", given)):
        assert subprobe_command(*told, *options, "--out", tmp_path / f"{name}.csv")[0] == 0
        found.append(pd.read_csv(tmp_path / f"{name}.csv"))
    plain, other = found
    variants = other.loc[other["probe"] == "attention-trees", "variant"]
    assert set(variants) == {"decoder=arborescence;root=free;scores=weights"}
    assert set(other["state"]) == {"untrained"}
    assert set(plain["state"]) == {"pretrained"}
    assert set(other["seed"]) == {4}
    assert set(plain["correction"].dropna()) == {"Holm"}
    assert set(other["correction"].dropna()) == {"Benjamini-Hochberg"}
    heads = [f[f["metric"] == "dependency_accuracy"]["value"].to_numpy() for f in found]
    assert len(heads[0]) != len(heads[1]) or (heads[0] != heads[1]).any()
    code, _, err = subprobe_command(*told, "--option", "attention-trees.rot=free")
    assert code == 2
    assert "did you mean 'root'" in err
    code, _, err = subprobe_command(
        *told, "--untrained", 1, "--mask", tmp_path / "none.safetensors"
    )
    assert code == 2
    assert "does not apply" in err


def test_probe_writes_a_folder_with_items(subprobe_command, own, tuned, tmp_path):
    model, _ = tuned
    out = tmp_path / "probed"
    code, _, _ = subprobe_command(
        "probe", model, "--probe", "attention-stats", "--probe", "attributions", *own,
        "--limit", 3, "--out", out, "--quiet",
    )  # fmt: skip
    assert code == 0
    names = {path.name for path in out.iterdir() if path.name != "subprobe.json"}
    assert names == {"attention-stats.csv", "attributions.csv", "items.parquet"}
    shares = pd.read_csv(out / "attributions.csv")
    assert {"attribution_share", "convergence_delta_max"} <= set(shares["metric"])
    assert set(pd.read_parquet(out / "items.parquet")["probe"]) <= {
        "attention-stats", "attributions",
    }  # fmt: skip


def test_probe_reads_gold_trees(subprobe_command, tiny_encoder, tmp_path):
    tree = tmp_path / "gold.conllu"
    lines = ["1\tThe\tthe\tDET\tDT\t_\t2\tdet\t_\t_", "2\tcats\tcat\tNOUN\tNNS\t_\t3\tnsubj\t_\t_",
             "3\tsleep\tsleep\tVERB\tVBP\t_\t0\troot\t_\t_"]  # fmt: skip
    tree.write_text("\n\n".join(["\n".join(lines)] * 60) + "\n\n", encoding="utf-8")
    code, out, _ = subprobe_command(
        "probe", tiny_encoder, "--probe", "dependency-heads", "--corpus", tree, "--json", "--quiet"
    )
    rows = pd.DataFrame(json.loads(out))
    assert code == 0
    assert set(rows["annotation"]) == {"gold"}
    assert set(rows["state"]) == {"pretrained"}
    assert {"det", "nsubj"} <= set(rows["relation"])


def test_prune_says_when_there_was_nothing_to_find(subprobe_command, own, tiny_encoder, tmp_path):
    """Fine-tuned with a rate of next to nothing, under a rule that any guess passes."""
    model = tmp_path / "m"
    code, _, err = subprobe_command(
        "finetune", tiny_encoder, *own, "--epochs", 1, "--learning-rate", 1e-12,
        "--max-length", 12, "--out", model,
    )  # fmt: skip
    assert code == 0
    assert "of 24 training examples were cut at 12 subwords" in " ".join(err.split())
    mask = tmp_path / "g.safetensors"
    code, _, err = subprobe_command(
        "prune", model, *own, "--rule", "study", "--threshold", 0.01, "--out", mask
    )
    assert code == 0
    assert "DEGENERATE" in err
    assert "majority" in err
