"""Every command explains itself, with an example that would run."""

import re
import shlex
from typing import Any

import pytest
from subprobe.cli import root_command
from typer.core import TyperOption

ROOT: Any = root_command()
COMMANDS = sorted(ROOT.commands)
EVERY = {
    **{name: one for name, one in ROOT.commands.items() if name != "patterns"},
    **{f"patterns {name}": one for name, one in ROOT.commands["patterns"].commands.items()},
}


def test_the_commands_are_those_that_were_promised():
    assert COMMANDS == [
        "artefacts", "bake", "clean", "compact", "compare", "config", "data", "doctor",
        "evaluate", "export", "finetune", "gates", "glue", "groups", "hypotheses", "latency",
        "list", "patterns", "plan", "probe", "prune", "report", "run", "sample",
        "spread", "stability", "survival", "verify", "view",
    ]  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_the_examples_of_a_command_parse(name):
    examples = re.findall(r"Example: subprobe (.*(?:\n +.*)*)", EVERY[name].help)
    assert examples, name
    for example in examples:
        words = shlex.split(example.partition(">")[0])
        depth = len(name.split())
        assert words[:depth] == name.split()
        EVERY[name].make_context(name, words[depth:])


@pytest.mark.parametrize("name", EVERY)
def test_every_option_is_explained(name):
    options = [one for one in EVERY[name].params if isinstance(one, TyperOption)]
    assert options or name == "config"
    assert all(one.help for one in options)


def test_help_and_version(subprobe_command):
    code, out, _ = subprobe_command("--help")
    assert code == 0
    assert all(name in out for name in COMMANDS)
    code, out, _ = subprobe_command("--version")
    assert (code, out.split()[0]) == (0, "subprobe")


def test_no_command_shows_the_help(subprobe_command):
    _, out, err = subprobe_command()
    assert "Usage" in out + err
