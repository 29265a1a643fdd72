"""Every command checks where it writes before it works, and loses nothing."""

import json
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from subprobe.cli import COMMANDS
from subprobe.commands.one_model import patterns
from subprobe.data.output.outputs import user_path

FOLDERS = [
    ["run"],
    ["finetune", "embedded", "--task", "toy"],
    ["gates", "./m", "--task", "toy", "--penalty", 0.1],
    ["compact", "./m", "--mask", "m.safetensors"],
    ["bake", "./m", "--mask", "m.safetensors"],
    ["compare", "./run"],
    ["stability", "./masks"],
    ["survival", "./run"],
    ["spread", "./run"],
    ["export", "./run"],
    ["patterns", "export", "./m"],
    ["patterns", "train", "./maps"],
    ["artefacts", "toy"],
    ["groups", "toy"],
    ["same-score", "./m", "--task", "toy", "--masks", 3],
]
TABLES = [
    ["evaluate", "./m", "--task", "toy"],
    ["latency", "./m", "--mask", "m.safetensors"],
    ["patterns", "check", "./m"],
]
MASKS = [["prune", "./m", "--task", "toy"], ["sample", "m.safetensors", "--kind", "bad"]]
PAGES = [["view", "embedded", "A cat."], ["report", "./run"]]
EVERY = [*FOLDERS, *TABLES, *MASKS, *PAGES, ["probe", "./m", "--probe", "norms"]]
NAME = {**{id(c): "out" for c in FOLDERS}, **{id(c): "out.csv" for c in TABLES},
        **{id(c): "out.safetensors" for c in MASKS}, **{id(c): "out.html" for c in PAGES},
        id(EVERY[-1]): "out"}  # fmt: skip


def title(words):
    return "-".join(word for word in map(str, words) if word.isalpha())


@pytest.fixture
def refused(subprobe_command, tmp_path, monkeypatch):
    """Call a command that must be refused for its output: one line, and all is as it was."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
        code, out, err = subprobe_command(*words)
        assert (code, out) == (2, ""), err
        assert err.startswith("error: "), err
        assert err.count("\n") == 1, err
        after = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
        assert after == before
        return err

    return call


@pytest.mark.parametrize("words", EVERY, ids=title)
def test_a_parent_that_is_a_file_is_refused_at_once(refused, tmp_path, words):
    (tmp_path / "file.txt").write_text("mine")
    err = refused(*words, "--out", f"file.txt/deep/{NAME[id(words)]}")
    assert "file.txt" in err
    assert "is a file" in err


@pytest.mark.parametrize("words", [*FOLDERS, EVERY[-1]], ids=title)
@pytest.mark.parametrize("name", ["out.xlsx", "g2.pt", "good.safetensors"])
def test_a_file_name_is_no_folder(refused, words, name):
    assert name in refused(*words, "--out", name)


@pytest.mark.parametrize("words", FOLDERS, ids=title)
def test_a_table_name_is_no_folder(refused, words):
    assert "name a folder, such as x" in refused(*words, "--out", "x.csv")


@pytest.mark.parametrize(
    ("words", "form"),
    [*((words, ".csv or .parquet") for words in TABLES), *((w, ".safetensors") for w in MASKS),
     *((words, ".html") for words in PAGES)],
    ids=lambda value: title(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_file_of_another_form_is_refused(refused, words, form):
    for name in ("x.xlsx", "x", "x.pt"):
        assert f"name a {form} file" in refused(*words, "--out", name)


@pytest.mark.parametrize("words", EVERY, ids=title)
def test_what_the_user_has_there_is_refused(refused, tmp_path, words):
    name = NAME[id(words)]
    if Path(name).suffix:
        (tmp_path / name).write_text("mine")
    else:
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.tex").write_text("mine")
    err = refused(*words, "--out", name)
    assert "subprobe did not write" in err
    assert "--overwrite" in err


@pytest.mark.parametrize("words", [*FOLDERS, EVERY[-1]], ids=title)
def test_the_working_directory_is_no_exception(refused, tmp_path, words):
    (tmp_path / "thesis.tex").write_text("mine")
    assert "thesis.tex" in refused(*words, "--out", ".")


@pytest.mark.parametrize(
    ("words", "option", "wrong"),
    [
        (["compact", "./m", "--mask", "m.safetensors", "--out", "out"], "--onnx", "x.bin"),
        (["compare", "./run"], "--report", "page.pdf"),
        (["report", "./run"], "--figures", "all.svg"),
        (["report", "./run"], "--tables", "all.tex"),
    ],
)
def test_other_paths_that_are_written_are_checked_too(refused, tmp_path, words, option, wrong):
    assert f"{option} {wrong}" in refused(*words, option, wrong)
    (tmp_path / "file.txt").write_text("mine")
    good = {"--onnx": "x.onnx", "--report": "x.html"}.get(option, "x")
    assert "file.txt" in refused(*words, option, f"file.txt/{good}")


@pytest.mark.parametrize("words", [FOLDERS[2], FOLDERS[3], FOLDERS[4], FOLDERS[10]], ids=title)
def test_what_is_read_is_not_replaced(refused, words):
    assert "is an input of the command" in refused(
        *words, "--out", words[1 + (words[0] == "patterns")]
    )


def test_home_is_found_in_every_path_option():
    """Every parameter that is a path is read by the one function that knows `~`."""
    seen = 0
    for command in [*COMMANDS.values(), *(c.callback for c in patterns.app.registered_commands)]:
        for name, hint in get_type_hints(command, include_extras=True).items():
            if "Path" in str(hint):
                seen += 1
                assert get_args(hint)[1].parser is user_path, f"{command.__name__}: {name}"
    assert seen > 30


def test_home_is_found(subprobe_command, tmp_path, monkeypatch):
    import numpy as np
    from subprobe.analysis.configuration.config import parse_config
    from subprobe.models.masks.subnetwork import Subnetwork

    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    Subnetwork(np.array([[True, False]]), np.array([True])).save(home / "good.safetensors")
    for _ in range(2):  # a file of its own is written again
        code, _, err = subprobe_command(
            "sample", "~/good.safetensors", "--kind", "random", "--out=~/deep/x.safetensors"
        )
        assert code == 0, err
    assert (home / "deep" / "x.safetensors").is_file()
    assert not (tmp_path / "~").exists()
    for words, said in (
        (["run", "--config=~/run.toml", "--out", "o"], "home/run.toml"),
        (["compare", "~/run"], "home/run"),
        (["data", "embedded", "--task", "cola", "--data-dir=~/glue"], "home/glue"),
        (["probe", "embedded", "--probe", "norms", "--corpus=~/c.txt"], "home/c.txt"),
        (["patterns", "train", "~/maps", "--out", "o"], "home/maps"),
    ):
        code, _, err = subprobe_command(*words)
        assert (code, said in err) == (2, True), err
    probe = {
        "names": ["attention-patterns"], "corpus": "~/c.txt",
        "options": {"attention-patterns": {"weights": "~/p.safetensors"}},
    }  # fmt: skip
    given = {"data_dir": "~/glue", "probe": probe}
    read = parse_config(given, where="test")
    assert (read.data_dir, read.probe.corpus) == (str(home / "glue"), str(home / "c.txt"))
    (options,) = read.plain()["probe"]["options"].values()
    assert options["weights"] == str(home / "p.safetensors")


def test_bake_and_compact_lose_nothing(subprobe_command, tmp_path, tiny_encoder):
    """Into a folder with a thesis in it: refused, or written beside it; twice the same."""
    from subprobe.models.checkpoint.checkpoint import load_encoder
    from subprobe.models.encoder.anatomy import anatomy_of
    from subprobe.models.masks.subnetwork import full_subnetwork

    full_subnetwork(anatomy_of(load_encoder(str(tiny_encoder))), kind="good").save(
        tmp_path / "good.safetensors"
    )
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    (out / "config.json").write_text("{}")
    words = [tiny_encoder, "--mask", tmp_path / "good.safetensors", "--out", out]
    for command in ("bake", "compact", "bake"):
        assert subprobe_command(command, *words)[0] == 2
        code, _, err = subprobe_command(command, *words, "--overwrite")
        assert code == 0, err
        assert (out / "thesis.tex").read_text() == "years of work"
        assert (out / "config.json.bak").read_text() == "{}"
        assert (out / "compact.safetensors").exists() == (command == "compact")
        assert (out / "model.safetensors").exists() == (command == "bake")
    (out / "thesis.tex").unlink()
    (out / "config.json.bak").unlink()
    code, _, err = subprobe_command("compact", *words)
    assert code == 0, err
    record = json.loads((out / "subprobe.json").read_text())
    assert set(record["files"]["model"]) == {p.name for p in out.iterdir()} - {"subprobe.json"}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
