"""compact, bake and latency, and what the other commands do with the folders they write."""

import json

import numpy as np
import pandas as pd
import pytest
from subprobe import load_compact
from subprobe.data.output.tables import ROW_TYPES
from subprobe.models.checkpoint.checkpoint import load_saved
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.subnetwork import Subnetwork


@pytest.fixture(scope="module")
def tuned(own, tiny_encoder, tmp_path_factory):
    """A fine-tuned tiny model and a mask of it: a layer without heads, a pruned MLP."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.training import fine_tune_to_folder
    from subprobe.analysis.steps.progress import Silent

    folder = tmp_path_factory.mktemp("tuned")
    task = TaskChoice("toy", str(own[3]), {"first": "text", "label": "side"})
    fine_tune_to_folder(
        str(tiny_encoder), task, folder / "model", seed=1, order_seed=2, selection="held-out",
        options=RecipeOptions(learning_rate=0.005, epochs=2, batch_size=8), progress=Silent(),
    )  # fmt: skip
    model = load_saved(str(folder / "model"))
    anatomy = anatomy_of(model)
    head = np.ones((anatomy.num_layers, anatomy.num_heads), dtype=bool)
    head[0], head[1, 2] = False, False
    mask = Subnetwork(head, np.array([True, False]), fingerprint=weights_fingerprint(model))
    mask.save(folder / "mask.safetensors")
    return folder / "model", folder / "mask.safetensors"


@pytest.fixture(scope="module")
def smaller(tuned, tmp_path_factory):
    from subprobe.analysis.single.smaller import bake_to_folder, compact_to_folder, load_whole

    folder = tmp_path_factory.mktemp("smaller")
    whole = load_whole(str(tuned[0]), tuned[1])
    compact_to_folder(whole, folder / "compact")
    bake_to_folder(whole, folder / "baked")
    return folder


def scores(command, own, *arguments):
    code, out, err = command("evaluate", *arguments, *own, "--json")
    assert code == 0, err
    return pd.DataFrame(json.loads(out)).set_index("metric")


def test_compact_writes_a_folder_and_says_what_is_left(subprobe_command, tuned, tmp_path):
    model, mask = tuned
    arguments = ("compact", model, "--mask", mask, "--out", tmp_path / "m")
    code, out, err = subprobe_command(*arguments)
    assert (code, out) == (0, "")
    assert "of the prunable weights kept" in err
    code, out, err = subprobe_command(*arguments, "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    loaded = load_compact(tmp_path / "m")
    assert told["parameters"] == sum(p.numel() for p in loaded.parameters())
    whole = load_saved(str(model))
    assert told["parameters_before"] == sum(p.numel() for p in whole.parameters())
    assert 0 < told["prunable_kept"] < 1
    meta = json.loads((tmp_path / "m" / "subprobe.json").read_text())
    assert (meta["task"], meta["form"], meta["made_from"]) == ("toy", "compact", str(model))
    assert meta["pair"] is False


def test_evaluate_gives_the_same_for_mask_compact_and_baked(subprobe_command, own, tuned, smaller):
    masked = scores(subprobe_command, own, tuned[0], "--mask", tuned[1])
    compact = scores(subprobe_command, own, smaller / "compact")
    baked = scores(subprobe_command, own, smaller / "baked")
    for found in (compact, baked):
        assert found["value"].tolist() == masked["value"].tolist()
        assert found["n"].tolist() == masked["n"].tolist()
    # the smaller model knows under which mask it came about
    for column in ("mask_id", "kind", "state", "sparsity"):
        assert compact[column].tolist() == masked[column].tolist()


@pytest.mark.parametrize("probe", ["attention-stats", "dependency-heads"])
def test_probes_give_the_same_for_mask_and_compact(
    subprobe_command, tuned, smaller, tmp_path, probe
):
    rest = ["--probe", probe, "--corpus", "natural", "--limit", 12, "--quiet", "--out"]
    tables = []
    for number, which in enumerate(([tuned[0], "--mask", tuned[1]], [smaller / "compact"])):
        code, _, err = subprobe_command("probe", *which, *rest, tmp_path / f"{number}.csv")
        assert code == 0, err
        tables.append(pd.read_csv(tmp_path / f"{number}.csv").drop(columns="model"))
    pd.testing.assert_frame_equal(*tables, atol=1e-5, check_exact=False)
    heads = tables[1][tables[1]["layer"].eq(0) & tables[1]["head"].notna()]
    assert heads["value"].isna().all()


def test_attributions_of_a_compact_model(subprobe_command, own, tuned, smaller, tmp_path):
    rest = [*own, "--probe", "attributions", "--limit", 3, "--quiet", "--out"]
    shares = []
    for number, which in enumerate(([tuned[0], "--mask", tuned[1]], [smaller / "compact"])):
        code, _, err = subprobe_command("probe", *which, *rest, tmp_path / f"{number}.csv")
        assert code == 0, err
        rows = pd.read_csv(tmp_path / f"{number}.csv")
        shares.append(rows.loc[rows["metric"] == "attribution_share", "value"])
    np.testing.assert_allclose(shares[0], shares[1], atol=1e-3)


def test_latency_gives_tidy_rows(subprobe_command, tuned, tmp_path):
    model, mask = tuned
    target = tmp_path / "times.csv"
    sizes = ["--batch-size", 1, "--batch-size", 2, "--length", 8]
    arguments = ["latency", model, "--mask", mask, *sizes]
    code, out, _ = subprobe_command(*arguments, "--out", target, "--threads", 1, "--quiet")
    assert (code, out) == (0, "")
    rows = pd.read_csv(target)
    assert list(rows.columns) == list(ROW_TYPES)
    variants = ["whole", "masked", "baked", "compact"]
    for cell in ("batch=1 length=8", "batch=2 length=8"):
        here = rows[rows["target"] == cell]
        seconds = here[here["metric"] == "seconds"].set_index("variant")
        assert list(seconds.index) == variants
        assert (seconds["value"] > 0).all()
        assert (seconds["ci_low"] <= seconds["value"]).all()
        assert (seconds["value"] <= seconds["ci_high"]).all()
        assert set(seconds["n"]) == {7}
        ratios = here[here["metric"] == "time_ratio"].set_index("variant")["value"]
        assert ratios["masked"] == 1
        sizes = here.pivot_table(index="variant", columns="metric", values="value")
        for metric in ("prunable", "parameters", "prunable_flops", "flops"):
            assert sizes[metric]["compact"] < sizes[metric]["whole"] == sizes[metric]["baked"]
    assert rows["corpus"].str.contains("1 threads").all()
    code, out, _ = subprobe_command(*arguments, "--quiet")
    assert code == 0
    assert all(variant in out for variant in variants)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--repeats", 3], "--repeats must be >= 7 for a median, got 3"),
        (["--batch-size", 0], "--batch-size must be >= 1, got 0"),
        (
            ["--length", 5000],
            "--length must be <= 128, the number of positions of the model, got 5000",
        ),
    ],
)
def test_latency_refuses_what_it_cannot_measure(subprobe_command, tuned, arguments, said):
    code, _, err = subprobe_command("latency", tuned[0], "--mask", tuned[1], "--quiet", *arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_a_smaller_model_takes_no_mask_and_is_not_made_smaller(
    subprobe_command, own, tuned, smaller, tmp_path
):
    compact = smaller / "compact"
    code, _, err = subprobe_command("evaluate", compact, "--mask", tuned[1], *own)
    assert code == 2
    assert "leave out --mask" in err
    for command in ("compact", "bake"):
        code, _, err = subprobe_command(
            command, compact, "--mask", tuned[1], "--out", tmp_path / "m"
        )
        assert code == 2
        assert "name the full model" in err
    assert not (tmp_path / "m").exists()


def test_a_folder_whose_mask_was_changed_is_refused(subprobe_command, own, tuned, tmp_path):
    code, _, _ = subprobe_command("compact", tuned[0], "--mask", tuned[1], "--out", tmp_path / "m")
    assert code == 0
    mask = Subnetwork.load(tuned[1])
    head = ~mask.head_mask
    Subnetwork(head, mask.mlp_mask).save(tmp_path / "m" / "mask.safetensors")
    code, _, err = subprobe_command("evaluate", tmp_path / "m", *own)
    assert code == 2
    assert "does not fit the weights" in err


def test_a_mask_of_other_weights_needs_a_word(subprobe_command, tuned, tmp_path):
    mask = Subnetwork.load(tuned[1]).with_meta(fingerprint="0" * 64)
    mask.save(tmp_path / "other.safetensors")
    arguments = [
        "bake",
        tuned[0],
        "--mask",
        tmp_path / "other.safetensors",
        "--out",
        tmp_path / "m",
    ]
    code, _, err = subprobe_command(*arguments)
    assert code == 2
    assert "other weights" in err
    code, _, _ = subprobe_command(*arguments, "--other-weights")
    assert code == 0
