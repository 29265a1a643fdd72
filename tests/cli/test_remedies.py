"""A remedy names only what exists: options, commands, and options that the running command has."""

import ast
import re
from pathlib import Path

import pytest
import subprobe
from subprobe.analysis.configuration.config import RunConfig
from subprobe.cli import root_command
from subprobe.commands.flags import _LIBRARY, Command
from subprobe.data.errors import MaskError
from subprobe.probes.registry import list_probes

ROOT = Path(subprobe.__file__).parent
PACKAGES = ("data", "models", "pruning", "probes", "analysis", "commands")


def commands() -> dict[str, Command]:
    """Every command by the words that call it."""
    found, waiting = {}, [("", root_command())]
    while waiting:
        name, command = waiting.pop()
        for word, inner in getattr(command, "commands", {}).items():
            found[f"{name} {word}".strip()] = inner
            waiting.append((f"{name} {word}".strip(), inner))
    return found


COMMANDS = commands()
FLAGS = {
    flag
    for command in COMMANDS.values()
    for one in command.params
    for flag in (*one.opts, *one.secondary_opts)
} | {"--help", "--debug", "--version"}


def option_names() -> set[str]:
    """Names that an option has in Python, in a configuration, or of a probe."""
    names = {one.name for command in COMMANDS.values() for one in command.params} | set(_LIBRARY)
    for section, field in RunConfig.model_fields.items():
        inner = getattr(field.annotation, "model_fields", {})
        names |= {section, *(f"{section}.{name}" for name in inner), *inner}
    for entry in list_probes():
        fields = entry.options.model_fields
        names |= {*fields, *(f"{entry.name}.{name}" for name in fields)}
    return names


def texts(node: ast.AST) -> list[str]:
    """The texts of an expression; what is filled in stands as {}."""
    if isinstance(node, ast.JoinedStr):
        parts = (one.value if isinstance(one, ast.Constant) else "{}" for one in node.values)
        return ["".join(map(str, parts))]
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    return [text for inner in ast.iter_child_nodes(node) for text in texts(inner)]


def remedies() -> list[tuple[str, str]]:
    """Every remedy of the package, with the place where it stands."""
    found = []
    for path in (path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = isinstance(node, ast.keyword) and node.arg == "remedy"
            if isinstance(node, ast.Assign):
                named = any("REMEDY" in getattr(one, "id", "").upper() for one in node.targets)
            if named and isinstance(node, ast.keyword | ast.Assign):
                place = f"{path.relative_to(ROOT)}:{node.value.lineno}"
                found += [(place, text) for text in texts(node.value)]
    return found


def test_every_option_and_command_of_a_remedy_exists():
    known, wrong = option_names(), []
    every = remedies()
    assert len(every) > 300
    for place, text in every:
        wrong += [(place, flag) for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)
                  if flag not in FLAGS]  # fmt: skip
        for quoted in re.findall(r"`([^`{}]*)`", text):
            words = quoted.split()
            if words[:1] == ["subprobe"]:
                if not {" ".join(words[1:2]), " ".join(words[1:3])} & set(COMMANDS):
                    wrong.append((place, quoted))
            elif re.fullmatch(r"[a-z][a-z_.]*", quoted) and quoted not in known:
                wrong.append((place, quoted))
        wrong += [(place, word) for word in re.findall(r"see: subprobe ([a-z]+)", text)
                  if word not in COMMANDS]  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize(("command", "has"), [("evaluate", True), ("probe", False)])
def test_a_remedy_names_other_weights_only_where_the_command_takes_them(
    subprobe_command, monkeypatch, command, has
):
    from subprobe.analysis.configuration import task_choice

    assert any(one.name == "other_weights" for one in COMMANDS[command].params) == has

    def refuse(*_args, **_options):
        raise MaskError(
            "the mask was found on other weights",
            remedy="use the model on which the mask was found, or accept `other_weights`",
        )

    monkeypatch.setattr(task_choice, "task_choice", refuse)
    words = ("--probe", "attributions") if command == "probe" else ()
    code, _, err = subprobe_command(command, "embedded", "--task", "acceptability", *words)
    assert code == 2
    assert "use the model on which the mask was found" in err
    assert ("or accept --other-weights" in err) == has
    assert "`" not in err
