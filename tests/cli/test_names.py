"""One name, one type, one meaning over all commands; an old name says what it is now."""

import ast
import inspect
import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import subprobe
from subprobe.cli import COMMANDS, app
from subprobe.commands.flags import RENAMED

ROOT = Path(subprobe.__file__).parent


def commands():
    """`evaluate`, `patterns check`, ... -> the function."""
    found = {one.name: one.callback for one in app.registered_commands}
    for group in app.registered_groups:
        for one in group.typer_instance.registered_commands:
            found[f"{group.name} {one.name}"] = one.callback
    return found


ALL = commands()


def flags(command):
    """Flag -> (type of one value, whether it repeats, meaning); an argument in capitals."""
    found = {}
    for name, hint in get_type_hints(command, include_extras=True).items():
        if name == "return":
            continue
        kind, info = get_args(hint)[:2]
        option = type(info).__name__ == "OptionInfo"
        written = (info.default, *(info.param_decls or ()))
        long = [flag for flag in written if str(flag).startswith("--")]
        flag = long[0] if long else f"--{name.replace('_', '-')}" if option else name.upper()
        types = [one for one in get_args(kind) if one is not type(None)] if "|" in str(kind) else []
        kind = types[0] if types else kind
        repeats = getattr(kind, "__origin__", None) is list
        # details of one command follow the meaning
        meaning = re.split(r"[;:(]", info.help)[0].strip()
        found[flag] = (get_args(kind)[0] if repeats else kind, repeats, meaning)
    return found


FLAGS = {name: flags(command) for name, command in ALL.items()}

OTHER_TYPE = {
    ("--epochs", "finetune"): "Trainer may stop within an epoch; gates and classifiers do not",
}
REPEATED = {
    ("--seed", "run"): "a run has several seeds",
    ("--task", "run"): "a run has several tasks",
    ("--task", "stability"): "it compares tasks",
    ("--workers", "plan"): "it simulates several numbers side by side",
    ("--batch-size", "latency"): "it measures several sizes side by side",
    ("--keep", "gates"): "it learns several sizes side by side",
    ("--keep", "curve"): "it scores several sizes",
    ("--kind", "curve"): "it draws several kinds",
    ("--match", "hypotheses"): "it compares with both kinds of random masks",
}
OTHER_MEANING = {
    "--out": "says what the command writes",
    "FOLDER": "says what the command reads",
    "MASKS": "says which masks the command reads",
}


def test_the_walk_sees_every_command_and_option():
    assert {*COMMANDS} <= {*ALL}
    assert {"patterns export", "patterns train", "patterns check"} <= {*ALL}
    assert FLAGS["export"]["--format"] == (str, False, "csv or parquet")
    assert FLAGS["run"]["--seed"][:2] == (int, True)
    assert FLAGS["evaluate"]["--mask"][2] == "mask file, head_mask.npy, or a folder of them"


@pytest.mark.parametrize("flag", sorted({flag for found in FLAGS.values() for flag in found}))
def test_a_name_is_of_one_type_and_means_one_thing(flag):
    having = {name: found[flag] for name, found in FLAGS.items() if flag in found}
    types = {one[0] for name, one in having.items() if (flag, name) not in OTHER_TYPE}
    assert len(types) == 1, having
    repeats = {one[1] for name, one in having.items() if (flag, name) not in REPEATED}
    assert len(repeats) <= 1, having
    if flag not in OTHER_MEANING:
        assert len({one[2] for one in having.values()}) == 1, having


def test_exceptions_are_needed():
    for flag, name in OTHER_TYPE:
        others = [found[flag][0] for command, found in FLAGS.items()
                  if flag in found and command != name]  # fmt: skip
        assert FLAGS[name][flag][0] not in others
    for flag, name in REPEATED:
        assert FLAGS[name][flag][1]


READS_TEXTS = ["finetune", "prune", "gates", "evaluate", "probe", "same-score", "hypotheses",
               "patterns export", "patterns check"]  # fmt: skip
RUNS_A_MODEL = [*READS_TEXTS, "view", "latency"]
ONE_MODEL = [*RUNS_A_MODEL, "data", "compact", "bake"]


@pytest.mark.parametrize("name", ALL)
def test_names_are_where_they_are_expected(name):
    found = FLAGS[name]
    assert ("MODEL" in found) == (name in ONE_MODEL)
    assert ("--model" in found) == (name == "run")  # where it overrides a line of the file
    assert ("--device" in found) == (
        name in [*RUNS_A_MODEL, "run", "plan", "artefacts", "groups", "curve"]
    )
    for flag in ("--batch-size", "--max-length", "--limit"):
        assert flag in found or name not in READS_TEXTS, flag
    if name in ONE_MODEL:
        assert next(iter(inspect.signature(ALL[name]).parameters)) == "model"
    assert ("--out" in found) == ("--overwrite" in found)


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_short_help_with_an_example(subprobe_command, name):
    code, out, _ = subprobe_command(*name.split(), "-h")
    assert code == 0
    assert f"Example: subprobe {name}" in " ".join(out.split())
    assert subprobe_command(*name.split(), "--help")[1] == out


@pytest.mark.parametrize(
    ("name", "old"), [(name, old) for name, renamed in RENAMED.items() for old in renamed]
)
def test_an_old_name_is_refused_and_says_the_new_one(subprobe_command, name, old):
    new = RENAMED[name][old]
    assert old not in FLAGS[name]
    known = new.split()[0] in FLAGS[name]
    assert known or new.startswith(f"the first argument: subprobe {name} MODEL")
    for words in ((old, "3"), (f"{old}=3",)):
        code, out, err = subprobe_command(*name.split(), *words)
        assert (code, out, err) == (2, "", f"error: {old} is now {new}\n")


def test_only_a_name_that_a_command_had_is_renamed(subprobe_command):
    code, _, err = subprobe_command("export", "--sentences", "3")
    assert code == 2
    assert "is now" not in err


@pytest.mark.parametrize("command", [["compare", "nowhere"], ["probe", "embedded"]])
def test_corrections_are_spelled_alike(subprobe_command, command):
    code, _, err = subprobe_command(*command, "--correction", "bh")
    assert (code, err) == (2, "error: --correction: bh was renamed to fdr_bh\n")
    code, _, err = subprobe_command(*command, "--correction", "bonferroni")
    assert code == 2
    assert "known corrections: fdr_bh, holm" in err


MORE = {
    "finetune": ["--task", "acceptability", "--out", "m"],
    "prune": ["--task", "acceptability", "--out", "m.safetensors"],
    "gates": ["--task", "acceptability", "--penalty", "1", "--out", "m"],
    "evaluate": ["--task", "acceptability"],
    "probe": ["--probe", "norms", "--corpus", "natural"],
    "same-score": ["--task", "acceptability", "--masks", "2"],
    "hypotheses": ["--mask", "m.safetensors", "--task", "acceptability"],
    "patterns export": ["--out", "m"],
    "patterns check": [],
    "view": ["A cat.", "--out", "m.html"],
    "latency": ["--mask", "m.safetensors"],
}


@pytest.mark.parametrize("name", RUNS_A_MODEL)
def test_a_device_that_is_not_there_is_refused(
    subprobe_command, tiny_encoder, tmp_path, monkeypatch, name
):
    import torch

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words = [*name.split(), tiny_encoder, *MORE[name], "--device"]
    code, out, err = subprobe_command(*words, "cuda")
    assert (code, out) == (2, "")
    assert err == (
        "error: --device: torch finds no CUDA device; choose cpu or auto; `subprobe doctor` "
        "lists the devices\n"
    )
    code, _, err = subprobe_command(*words, "gpu")
    assert code == 2
    assert "unknown device 'gpu'" in err
    assert not list(tmp_path.iterdir())


LIBRARY = ["data", "models", "pruning", "probes", "analysis"]
SHOWS_COMMANDS = {
    "probes/patterns/synthetic.py": "a script with flags of its own",
    "analysis/screen/compared/comparison_notes.py": "prints to the terminal of a command alone",
    "analysis/screen/spread.py": "prints to the terminal of a command alone",
    "analysis/screen/same_score.py": "prints to the terminal of a command alone",
    "analysis/screen/hypotheses.py": "prints to the terminal of a command alone",
    "analysis/screen/rows.py": "prints to the terminal of a command alone",
}


@pytest.mark.parametrize("room", LIBRARY)
def test_the_library_names_no_flag(room):
    found = []
    for path in sorted((ROOT / room).rglob("*.py")):
        if path.relative_to(ROOT).as_posix() in SHOWS_COMMANDS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Constant):
                continue
            text = node.value
            if isinstance(text, str) and re.search(r"(^|[^\w-])--[a-z]", text):
                found.append(f"{path}:{node.lineno}: {text}")
    assert not found


def test_what_the_library_says_becomes_the_flag_of_the_command(subprobe_command, tmp_path):
    said = {
        (
            "prune",
            "embedded",
            "--task",
            "acceptability",
            "--threshold",
            "2",
        ): "error: --threshold must be <= 1, got 2.0; see: subprobe prune -h",
        ("probe", "embedded", "--probe", "norms"): "name a --corpus or a --task",
        (
            "probe",
            "embedded",
            "--probe",
            "norms",
            "--head-selection",
            "x",
        ): "error: --head-selection must be 'held-out' or 'reported', got 'x'; ",
        ("latency", "embedded", "--mask", "m", "--overwrite", "--out", "x.xls"): "--out x.xls: ",
        ("finetune", "embedded", "--task", "x", "--column", "first=a"): "add --data-dir",
    }
    out = ["--out", tmp_path / "m.safetensors"]
    for words, expected in said.items():
        more = {"prune": out, "finetune": ["--out", tmp_path / "m"]}.get(words[0], [])
        code, _, err = subprobe_command(*words, *more)
        assert code == 2
        assert expected in err, err
        assert err.count("\n") == 1


def test_python_reads_the_name_of_the_argument():
    from subprobe.data.errors import ConfigError
    from subprobe.data.tasks.by_name import load_task

    with pytest.raises(ConfigError, match="add `data_dir`"):
        load_task("mine", columns={"first": "a", "label": "b"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evaluate"], "MODEL"),
        (["evaluate", "m", "--task", "x", "--nope"], "--nope"),
        (["evaluate", "m", "--task", "x", "y"], "y"),
        (["sample", "x", "--kind", "bad", "--out", "y", "--seed", "x"], "--seed"),
        (["patterns", "check", "m", "--maps", "1"], "--maps"),
        (["prune", "m", "--task", "x", "--out", "y.safetensors", "--limit", "-1"], "--limit"),
    ],
)
def test_wrong_use_is_one_line(subprobe_command, words, said):
    code, out, err = subprobe_command(*words)
    command = " ".join(words[: 1 + (words[0] == "patterns")])
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert said in err
    assert err.endswith(f"; see: subprobe {command} -h\n")
    assert err.count("\n") == 1
