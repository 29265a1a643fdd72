"""A command imports what it uses, and nothing that is heavy beside it."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from subprobe.data.output.tables import rows_frame, write_parquet
from subprobe.models.masks.subnetwork import Subnetwork
from tiers import mostly_slow
from tiny_run import write_toy_task

LATE = """
import json, sys
sys.argv = ["subprobe", *json.loads(sys.argv[1])]
from subprobe.cli import main
try:
    main()
finally:
    print("\\n" + json.dumps(sorted(sys.modules)))
"""
SCREEN = {"pandas", "numpy", "pyarrow", "pydantic", "safetensors", "scipy"}
"""What tables and masks need."""
NO_TORCH = {"torch", "transformers", "datasets", "spacy", "captum", "tokenizers", "accelerate"}
TRAINING = {
    "transformers.trainer", "transformers.training_args", "datasets", "sklearn", "scipy.stats",
    "statsmodels", "altair", "vl_convert", "captum",
}  # fmt: skip
"""What neither reads a model nor scores it."""


def imported(words, folder):
    """The names of all modules that a command imports, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", LATE, json.dumps([str(word) for word in words])],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_encoder, finished_run):
    """A folder with a mask, a task and a gold sentence."""
    folder = tmp_path_factory.mktemp("imports")
    write_toy_task(folder / "stance")
    mask = Subnetwork.load(finished_run / "masks" / "acceptability-seed1-good.safetensors")
    mask.save(folder / "good.safetensors")
    words = "1 The the DET 2 det", "2 keys key NOUN 0 root"
    lines = ["# text = The keys"]
    for word in words:
        number, form, lemma, tag, head, relation = word.split()
        lines.append("\t".join([number, form, lemma, tag, *"__", head, relation, *"__"]))
    (folder / "one.conllu").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    return folder


def test_the_help_and_the_package_import_no_number(tmp_path):
    code = "import json, sys, subprobe; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    package, screen = set(json.loads(done.stdout)), imported(["--help"], tmp_path)
    heavy = SCREEN | NO_TORCH | TRAINING
    assert not heavy & package
    assert not (heavy | {"rich", "typer"}) & package
    assert not heavy & screen


@pytest.mark.parametrize(
    "words",
    mostly_slow(
        [
            "list tasks",
            "list models",
            "list relations",
            "list probes",
            "list importance",
            "sample good.safetensors --kind bad --out bad.safetensors",
        ],
        ["list probes", "sample good.safetensors --kind bad --out bad.safetensors"],
    ),
)
def test_lists_and_masks_need_no_statistics(words, place):
    assert not (NO_TORCH | TRAINING | {"scipy"}) & imported(words.split(), place)


def test_an_export_computes_what_it_writes(place, finished_run):
    words = ["export", finished_run, "--table", "performance", "--out", "tables"]
    found = imported(words, place)
    assert not (NO_TORCH | TRAINING) & found


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["stability"], ["compare", "--no-probes"], ["compare"], ["survival"], ["spread"]],
    ids=" ".join,
)
def test_what_compares_runs_needs_no_torch(words, place, finished_run):
    found = imported([words[0], finished_run, *words[1:]], place)
    assert not NO_TORCH & found
    assert not {"altair", "vl_convert"} & found


@pytest.mark.slow
def test_a_report_needs_no_torch(place, finished_run):
    assert not NO_TORCH & imported(["report", finished_run, "--out", "page.html"], place)


@pytest.mark.slow
def test_a_report_of_patterns_needs_no_torch(place, finished_run):
    """The classifier itself is not asked again: rows are flagged with what it cannot tell."""
    run = place / "patterns"
    run.mkdir()
    rows = pd.read_parquet(finished_run / "rows.parquet")
    about = rows[rows["probe"] == "performance"].drop_duplicates(["seed", "kind", "state"])
    shares = about.assign(probe="attention-patterns", unit="model", variant="raw", value=0.25,
                          metric="pattern_share", relation="block", flag="unconfirmed")  # fmt: skip
    write_parquet(rows_frame(pd.concat([rows, shares])), run / "rows.parquet")
    (run / "manifest.json").write_bytes((finished_run / "manifest.json").read_bytes())
    assert not NO_TORCH & imported(["report", run, "--out", "patterns.html"], place)
    assert "Of its calls on real maps" in " ".join((place / "patterns.html").read_text().split())


@pytest.mark.slow
@pytest.mark.parametrize("command", ["probe", "evaluate", "view"])
def test_what_reads_a_model_brings_no_training(command, place, finished_run):
    model = finished_run / "models" / "acceptability-seed1"
    words = {
        "probe": [model, "--probe", "attention-stats", "--corpus", "one.conllu"],
        "evaluate": [model, "--task", "acceptability", "--json"],
        "view": [model, "The keys.", "--out", "view.html"],
    }[command]
    found = imported([command, *words], place)
    assert "torch" in found
    assert not TRAINING & found
    assert "spacy" not in found
