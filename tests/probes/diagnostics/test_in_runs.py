"""The diagnostic set of GLUE from the command line and in a run."""

import json

import pytest
from diagnostics_file import made_rows, write_diagnostics
from subprobe.data.output.tables import read_rows
from tiny import tiny_model, tiny_tokenizer
from tiny_run import TinyCells, save_tiny_encoder, tiny_config

NAME = "glue-diagnostics"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ax")
    write_diagnostics(folder / "ax.tsv", made_rows(24))
    for name, classes in (("nli", ("not_entailment", "entailment")), ("other", ("a", "b"))):
        tiny_model(
            "bert", "classification", id2label=dict(enumerate(classes)),
            label2id={label: k for k, label in enumerate(classes)},
        ).save_pretrained(folder / name)  # fmt: skip
        tiny_tokenizer("wordpiece").save_pretrained(folder / name)
    return folder


def probed(subprobe_command, place, *more, task="entailment", model="nli", file="ax.tsv"):
    option = ["--option", f"{NAME}.file={place / file}"] if file else []
    return subprobe_command(
        "probe", place / model, "--task", task, "--probe", NAME, *option, "--quiet", *more
    )


def test_the_command_needs_no_data_of_the_task(place, subprobe_command, tmp_path):
    out = tmp_path / "rows.csv"
    # rte lies on the hub, which is not asked
    for task in ("entailment", "rte"):
        code, _, err = probed(subprobe_command, place, "--out", out, "--overwrite", task=task)
        assert code == 0, err
        rows = read_rows(out)
        assert set(rows["corpus"]) == {NAME}
        whole = rows[rows["metric"] == "matthews"].iloc[0]
        assert (whole["task"], whole["n"], whole["better"]) == (task, 24, "higher")
        assert whole["n_clusters"] == 12


def refused(found):
    code, out, err = found
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1, err
    return err


def test_bad_input_is_one_line(place, subprobe_command):
    (place / "bad.tsv").write_text("index\tsentence1\tsentence2\n0\ta\tb\n")
    line = refused(probed(subprobe_command, place, file="bad.tsv"))
    assert "bad.tsv" in line
    assert "has no column 'Lexical Semantics'" in line
    line = refused(probed(subprobe_command, place, file=""))
    assert "no file is named" in line
    line = refused(probed(subprobe_command, place, file="nowhere.tsv"))
    assert "nowhere.tsv" in line
    line = refused(probed(subprobe_command, place, task="acceptability"))
    assert "the classes are unacceptable, acceptable" in line
    line = refused(probed(subprobe_command, place, model="other"))
    assert "its classes are a, b" in line


def test_a_run_probes_masks_and_skips_other_tasks(place, tmp_path):
    save_tiny_encoder(tmp_path / "encoder")
    probe = {"names": [NAME], "draws": 1, "states": ["pruned"],
             "options": {NAME: {"file": str(place / "ax.tsv")}}}  # fmt: skip
    config = tiny_config(
        tmp_path / "encoder", tasks=["entailment", "acceptability"], seeds=[1], probe=probe
    )
    cells = TinyCells(config, tmp_path / "run")
    names = [name for name in cells.whole.graph.cells if name.endswith(f"/{NAME}")]
    good = "entailment/seed1/structured/good/0/probe/glue-diagnostics"
    assert {"entailment/seed1/full/probe/glue-diagnostics", good} <= set(names), names
    full, pruned = cells.outputs("entailment/seed1/full/probe/glue-diagnostics", good)
    for found in (full, pruned):
        assert set(found.rows["n"]) <= set(range(1, 25))
        assert found.rows["metric"].str.startswith("category_").any()
    assert full.rows["kind"].iloc[0] == "full"
    assert pruned.rows["kind"].iloc[0] == "good"
    assert json.dumps(dict(full.notes["texts"])) == "{}"
    skipped = "acceptability/seed1/full/probe/glue-diagnostics"
    plan = cells.whole.part((skipped,))
    from subprobe.analysis.running import engine
    from subprobe.analysis.running.execute import assess, execute

    state = assess(plan.graph, plan.ids, plan.store)
    here = engine.InThisProcess(cells.prepared, plan.folder, cells.progress)
    execute(plan.graph, plan.ids, plan.store, here, state, cells.progress)
    assert not state.failed
    assert "the classes are" in str(state.proofs[skipped].nothing)
