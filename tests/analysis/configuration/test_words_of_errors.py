"""No message of pydantic reaches a user: every field of the configuration, wrong in every way."""

import re
from typing import Any

import pytest
from pydantic import BaseModel
from subprobe.analysis.configuration.config import RunConfig, parse_config
from subprobe.analysis.configuration.own_tasks import OwnTask
from subprobe.data.errors import InputError
from subprobe.probes.options import typed_options
from subprobe.probes.registry import find_probe, list_probes

FOREIGN = re.compile(
    r"Input should|Extra inputs|Field required|Value error|validation error|valid (string|integer|"
    r"number|tuple|dict|bool)|should have at|https?://|pydantic|unable to parse|greater than|"
    r"less than|cannot have"
)
WRONG: list[Any] = [-1, 10**400, 2.5, float("nan"), float("inf"), True, "x", "", [], [[]], {}, None,
                    {"x": 1}, ["x", "x"], [-1], b"x"]  # fmt: skip


def sections() -> dict[tuple[str, ...], type[BaseModel]]:
    found: dict[tuple[str, ...], type[BaseModel]] = {(): RunConfig, ("task", "mine"): OwnTask}
    for name, field in RunConfig.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found[(name,)] = field.annotation
    return found


def said_of(check: Any) -> str:
    """What an input error says, or nothing where a value is accepted."""
    try:
        check()
    except InputError as error:
        return str(error)
    return ""


def told(place: tuple[str, ...], name: str, value: Any) -> str:
    """What is said of one value of the configuration."""
    values: Any = {name: value}
    for section in reversed(place):
        values = {section: values}
    return said_of(lambda: parse_config(values, where="run.toml"))


@pytest.mark.parametrize("place", list(sections()), ids=".".join)
def test_every_field_of_the_configuration_is_refused_in_our_words(place):
    refused = 0
    for name in sections()[place].model_fields:
        for value in WRONG:
            line = told(place, name, value)
            if line:
                refused += 1
                assert not FOREIGN.search(line), line
                assert "\n" not in line
    assert refused > 3
    line = told(place, "no_such_option", 1)
    assert line.startswith("run.toml: unknown option ")
    assert not FOREIGN.search(line)
    assert next(iter(sections()[place].model_fields)) in line  # the options that there are


@pytest.mark.parametrize("name", [entry.name for entry in list_probes()])
def test_every_option_of_a_probe_is_refused_in_our_words(name):
    entry = find_probe(name)
    for option in entry.options.model_fields:
        for value in WRONG:
            line = said_of(lambda given={option: value}: typed_options(entry, given))
            assert not FOREIGN.search(line), line


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("prune.threshold", 2, "option 'prune.threshold' must be <= 1, got 2"),
        ("prune.threshold", 0, "option 'prune.threshold' must be > 0, got 0"),
        ("prune.keep", 1, "option 'prune.keep' must be < 1, got 1"),
        ("prune.folds", 1, "option 'prune.folds' must be >= 2, got 1"),
        ("prune.folds", 2.5, "option 'prune.folds' must be an integer, got 2.5"),
        ("prune.folds", "x", "option 'prune.folds' must be an integer, got 'x'"),
        ("prune.threshold", "x", "option 'prune.threshold' must be a number, got 'x'"),
        ("prune.rule", "x", "option 'prune.rule' must be 'gain', 'study' or 'absolute', got 'x'"),
        ("prune.methods", [], "option 'prune.methods' needs at least 1 item, got []"),
        ("prune", 3, "option 'prune' must be a table of options, got 3"),
        ("model", 3, "option 'model' must be text, got 3"),
        ("as_classes", "x", "option 'as_classes' must be true or false, got 'x'"),
        ("seeds", 3, "option 'seeds' must be a list, got 3"),
        ("labels", 3, "option 'labels' must be a list, got 3"),
        ("probe.options", 3, "option 'probe.options' must be a table of names and values, got 3"),
        ("seeds", [1, 1], "option 'seeds' contains duplicates: 1"),
        ("prune.thresholt", 1, "unknown option 'prune.thresholt'; did you mean 'threshold'? "),
    ],
)
def test_a_rule_is_said_with_its_values(place, value, said):
    *sections, name = place.split(".")
    line = told(tuple(sections), name, value)
    assert line.startswith(f"run.toml: {said}"), line
