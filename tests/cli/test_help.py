"""Every command explains itself, with an example that would run."""

import re
import shlex
from typing import Any

import click
import pytest
import typer
from subprobe.cli import app

ROOT: Any = typer.main.get_command(app)
COMMANDS = sorted(ROOT.commands)


def test_the_commands_are_those_that_were_promised():
    assert COMMANDS == [
        "bake", "compact", "compare", "config", "data", "doctor", "evaluate", "export", "finetune",
        "gates", "latency", "list", "patterns", "probe", "prune", "report", "run", "sample",
        "stability", "survival", "view",
    ]  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_a_command_parses(name):
    command = ROOT.commands[name]
    example = re.search(r"Example: subprobe (.*)", command.help)
    assert example, name
    words = shlex.split(example[1])
    assert words[0] == name
    arguments = [word for word in words[1:] if ">" not in word]
    if ">" in words:
        arguments = words[1 : words.index(">")]
    command.make_context(name, list(arguments))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name):
    for parameter in ROOT.commands[name].params:
        if isinstance(parameter, click.Option) and parameter.name != "help":
            assert parameter.help, (name, parameter.name)


def test_help_and_version(subprobe_command):
    code, out, _ = subprobe_command("--help")
    assert code == 0
    assert all(name in out for name in COMMANDS)
    code, out, _ = subprobe_command("--version")
    assert (code, out.split()[0]) == (0, "subprobe")


def test_no_command_shows_the_help(subprobe_command):
    _, out, err = subprobe_command()
    assert "Usage" in out + err
