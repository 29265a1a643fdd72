"""`subprobe stability`: both layouts of masks, its tables, and every kind of bad input."""

import json
import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from subprobe.models.masks.subnetwork import Subnetwork

COLUMNS = ["task", "unit", "statistic", "value", "ci_low", "ci_high", "p_value", "n_seeds"]
STATISTICS = [
    "survival_mean", "survival_sd", "fleiss_kappa", "krippendorff_alpha", "cochran_q", "cochran_p",
    "kept_in_all", "kept_in_all_expected", "jaccard_mean", "jaccard_expected", "permutation_p",
]  # fmt: skip
FILES = {"stability", "overlap", "variance", "survival", "counts", "intervals", "notes"}
TASKS, SEEDS = ("alpha", "beta"), (7, 42, 1337)


def random_masks(seed, layers=4, heads=5):
    rng = np.random.default_rng(seed)
    return rng.random((layers, heads)) < 0.6, rng.random(layers) < 0.7


def write_published(folder, seed, masks=None):
    head, mlp = random_masks(seed) if masks is None else masks
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "head_mask.npy", head.astype(np.float32))
    np.save(folder / "mlp_mask.npy", mlp.astype(np.float32))


@pytest.fixture
def published(tmp_path):
    """Masks of two tasks and three seeds as the study published them."""
    for i, task in enumerate(TASKS):
        for seed in SEEDS:
            write_published(tmp_path / "set" / task / f"seed_{seed}", seed + i)
    return tmp_path / "set"


@pytest.fixture
def ours(tmp_path):
    """The same masks as a run folder holds them, with bad ones beside."""
    for i, task in enumerate(TASKS):
        for seed in SEEDS:
            head, mlp = random_masks(seed + i)
            good = Subnetwork(head_mask=head, mlp_mask=mlp, task=task, seed_init=seed)
            good.save(tmp_path / "run" / "masks" / f"{task}-seed{seed}-good.safetensors")
            bad = good.with_meta(head_mask=~head, kind="bad")
            bad.save(tmp_path / "run" / "masks" / f"{task}-seed{seed}-bad.safetensors")
    return tmp_path / "run"


def test_both_layouts_give_the_same_tables(subprobe_command, published, ours, tmp_path):
    for name, folder in (("a", published), ("b", ours)):
        code, out, err = subprobe_command("stability", folder, "--out", tmp_path / name)
        assert (code, out) == (0, "")
        assert "7 tables" in err
        assert {path.stem for path in (tmp_path / name).glob("*.csv")} == FILES
    for name in FILES:
        pair = [(tmp_path / folder / f"{name}.csv").read_bytes() for folder in "ab"]
        assert pair[0] == pair[1], name


def test_the_main_table_has_its_schema(subprobe_command, published, tmp_path):
    subprobe_command("stability", published, "--out", tmp_path / "out")
    text = (tmp_path / "out" / "stability.csv").read_text("utf-8")
    assert text.splitlines()[0] == ",".join(COLUMNS)
    table = pd.read_csv(tmp_path / "out" / "stability.csv")
    for task in TASKS:
        for unit in ("head", "mlp"):
            lines = table[(table["task"] == task) & (table["unit"] == unit)]
            assert lines["statistic"].tolist() == STATISTICS
            assert set(lines["n_seeds"]) == {3}
    assert "nan" not in text.lower()
    one = table.set_index(["task", "unit", "statistic"])
    heads = np.stack([random_masks(seed)[0].ravel() for seed in SEEDS])
    assert one.loc[("alpha", "head", "survival_mean"), "value"] == pytest.approx(heads.mean())
    assert one.loc[("alpha", "head", "kept_in_all"), "value"] == heads.all(axis=0).sum()
    kappa = one.loc[("alpha", "head", "fleiss_kappa")]
    assert kappa["p_value"] == one.loc[("alpha", "head", "permutation_p"), "value"]
    cells = pd.read_csv(tmp_path / "out" / "survival.csv").query("task == 'alpha'")
    assert len(cells) == 4 * 5 + 4
    assert cells.query("unit == 'head' and layer == 2 and head == 3")["survival_mean"].item() == (
        pytest.approx(heads[:, 2 * 5 + 3].mean())
    )


def test_json_and_screen_say_the_same(subprobe_command, published):
    code, out, _ = subprobe_command("stability", published, "--json", "--sizes", 20, 4, 80)
    found = json.loads(out)
    assert code == 0
    assert set(found) == FILES
    assert list(found["stability"][0]) == COLUMNS
    assert {row["unit"] for row in found["stability"]} == {"head", "mlp", "weight"}
    code, out, _ = subprobe_command("stability", published)
    assert code == 0
    kappas = [row["value"] for row in found["stability"] if row["statistic"] == "fleiss_kappa"]
    lines = [line.split() for line in out.splitlines() if line.split()[:1] in (["alpha"], ["beta"])]
    shown = [float(line[3]) for line in lines if line[1] != "weights"]
    assert shown == pytest.approx(kappas, abs=6e-4)
    assert "size-adjusted" in out


def test_same_seed_same_bytes_and_no_dependence_on_other_tasks(
    subprobe_command, published, tmp_path
):
    subprobe_command("stability", published, "--out", tmp_path / "a")
    subprobe_command("stability", published, "--out", tmp_path / "b")
    subprobe_command("stability", published, "--task", "beta", "--out", tmp_path / "c")
    subprobe_command("stability", published / "beta", "--out", tmp_path / "d")
    whole, again, one, folder = (
        (tmp_path / name / "stability.csv").read_text("utf-8") for name in "abcd"
    )
    assert whole == again
    beta = [line for line in whole.splitlines() if line.startswith("beta,")]
    assert one.splitlines()[1:] == beta
    assert folder == one


def test_kinds_of_a_run(subprobe_command, ours):
    code, out, _ = subprobe_command("stability", ours, "--kind", "bad", "--json")
    assert code == 0
    shares = [row["share"] for row in json.loads(out)["counts"] if row["unit"] == "head"]
    assert shares[0] == pytest.approx(1 - random_masks(SEEDS[0])[0].mean())


def test_empty_masks_give_a_note_and_no_number(subprobe_command, tmp_path):
    for seed in SEEDS:
        full = np.full((4, 5), seed == 42), np.zeros(4, dtype=bool)
        write_published(tmp_path / "set" / "WNLI" / f"seed_{seed}", seed, full)
    code, out, err = subprobe_command("stability", tmp_path / "set", "--json")
    assert code == 0, err
    found = json.loads(out)
    of = {(row["unit"], row["statistic"]): row for row in found["stability"]}
    assert of["head", "fleiss_kappa"]["value"] == pytest.approx(-0.5)
    assert of["head", "jaccard_mean"]["value"] is None
    assert of["mlp", "fleiss_kappa"]["value"] is None
    assert of["mlp", "cochran_q"]["value"] is None
    assert of["mlp", "permutation_p"]["value"] is None
    notes = {(row["unit"], row["note"]) for row in found["notes"]}
    assert ("head", "degenerate: 2 of 3 masks keep nothing") in notes
    assert ("head", "degenerate: 1 of 3 masks keep everything") in notes
    assert ("mlp", "degenerate: 3 of 3 masks keep nothing") in notes
    assert subprobe_command("stability", tmp_path / "set")[0] == 0


def test_heads_alone_are_enough(subprobe_command, published):
    for path in published.rglob("mlp_mask.npy"):
        path.unlink()
    code, out, _ = subprobe_command("stability", published, "--json")
    assert code == 0
    assert {row["unit"] for row in json.loads(out)["stability"]} == {"head"}


# -- bad input --------------------------------------------------------------------------------


@pytest.fixture
def refused(subprobe_command, tmp_path):
    """Call the command on a folder that it must refuse; gives the one line that it says."""

    def call(folder, *more):
        code, out, err = subprobe_command("stability", folder, *more, "--out", tmp_path / "out")
        assert (code, out) == (2, ""), err
        assert len(err.splitlines()) == 1
        assert err.startswith("error: ")
        assert not (tmp_path / "out").exists()
        return err

    return call


def test_no_masks(refused, tmp_path, published):
    (tmp_path / "empty").mkdir()
    assert "holds no masks" in refused(tmp_path / "empty")
    assert "no such folder" in refused(tmp_path / "nowhere")
    assert "name one of the folders in it: set" in refused(tmp_path)
    (published / "alpha" / "seed_9").mkdir()
    assert "contains neither head_mask.npy nor mlp_mask.npy" in refused(published)


def test_one_seed(refused, published):
    for seed in SEEDS[1:]:
        shutil.rmtree(published / "beta" / f"seed_{seed}")
    assert "beta has one seed (7)" in refused(published)


def test_different_shapes(refused, published, ours):
    write_published(published / "alpha" / "seed_7", 0, random_masks(0, heads=6))
    line = refused(published)
    assert "different shapes" in line
    assert "[4, 6]" in line
    head, mlp = random_masks(0, layers=3)
    target = ours / "masks" / "beta-seed7-good.safetensors"
    Subnetwork(head_mask=head, mlp_mask=mlp).save(target)
    assert "different shapes" in refused(ours)


def test_a_missing_file_of_one_seed(refused, published):
    (published / "alpha" / "seed_42" / "mlp_mask.npy").unlink()
    assert "alpha seed 42" in refused(published)


class Harmful:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def test_pickles_are_not_read(refused, published):
    target = published / "alpha" / "seed_7" / "head_mask.npy"
    np.save(target, np.array([[Harmful()]], dtype=object), allow_pickle=True)
    assert "pickled objects" in refused(published)
    target.write_bytes(pickle.dumps(Harmful()))
    assert "pickled objects" in refused(published)


@pytest.mark.parametrize(
    ("stored", "word"),
    [
        (np.full((4, 5), 0.5), "0.5"),
        (np.full((4, 5), np.nan), "nan"),
        (np.full((4, 5), 2), "contains 2, but a mask may contain only 0 and 1"),
        (np.ones((4, 5, 2)), "shape [4, 5, 2]"),
        (np.ones((0, 5)), "shape [0, 5]"),
        (np.full((4, 5), "1"), "which is not numeric"),
        (np.ones((3, 5)), "different numbers of layers"),
    ],
)
def test_other_values(refused, published, stored, word):
    np.save(published / "alpha" / "seed_7" / "head_mask.npy", stored)
    assert word in refused(published)


@pytest.mark.parametrize("broken", [b"", b"\x93NUMPY\x01\x00", b"text"])
def test_broken_files(refused, published, ours, broken):
    (published / "beta" / "seed_42" / "mlp_mask.npy").write_bytes(broken)
    assert "mlp_mask.npy" in refused(published)
    (ours / "masks" / "beta-seed7-good.safetensors").write_bytes(broken)
    assert "safetensors" in refused(ours)


def test_other_wrong_use(refused, published, ours, tmp_path):
    assert "known kinds" in refused(ours, "--kind", "best")
    assert "none of them super" in refused(ours, "--kind", "super")
    assert "do not say their kind" in refused(published, "--kind", "bad")
    assert "unknown task 'gamma'" in refused(published, "--task", "gamma")
    assert "must be >= 1" in refused(published, "--sizes", 0, 4, 80)
    other = Subnetwork.load(ours / "masks" / "alpha-seed7-good.safetensors")
    other.with_meta(model="another").save(ours / "masks" / "beta-seed7-good.safetensors")
    assert "several encoders" in refused(ours)
    (tmp_path / "file").write_text("x")
    assert "no such folder" in refused(tmp_path / "file")
