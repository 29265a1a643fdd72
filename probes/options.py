"""The options of each probe: which there are, and whether given ones fit."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from ..data.errors import ConfigError, UnknownNameError
from .registry import find_probe

_ELSEWHERE = {"selection", "untrained", "progress"}
"""Keywords that are no options of one probe: the run has its own option, or the code alone."""


def probe_options(name: str) -> dict[str, Any]:
    """The options of a probe and their defaults.

    Raises:
        UnknownNameError: if the name is no probe.
    """
    entry = find_probe(name)
    called = entry.build or entry.run
    assert called is not None  # every probe runs in one of two ways
    return {
        parameter.name: parameter.default
        for parameter in inspect.signature(called).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in _ELSEWHERE
    }


def check_options(given: Mapping[str, Mapping[str, Any]], probes: Sequence[str]) -> None:
    """Raise unless every option is one of a probe that runs, and its value of the right kind.

    What values an option may have is for the probe to say.

    Args:
        given: probe -> option -> value.
        probes: what runs.

    Raises:
        ConfigError: for options of a probe that does not run, or a value of another kind.
        UnknownNameError: for an option that the probe does not have, listing those it has.
    """
    for name, values in given.items():
        known = probe_options(name)
        if name not in probes:
            raise ConfigError(
                f"options for the probe {name}, which is not run",
                remedy=f"run one of its own, or give options to {', '.join(probes)}",
            )
        for option, value in values.items():
            if option not in known:
                raise UnknownNameError(f"{name} option", option, known)
            default = known[option]
            kinds = _kinds(default)
            if type(value) not in kinds:
                raise ConfigError(
                    f"option {name}.{option} is {value!r}",
                    remedy=f"give it like its default, {default!r}",
                )


def _kinds(default: Any) -> tuple[type, ...]:
    if isinstance(default, (tuple, list)):
        return (list, tuple)
    if isinstance(default, float):
        return (float, int)
    return (type(default),)


def parse_options(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Options written as `PROBE.OPTION=VALUE`, the value in TOML or as a bare word.

    Raises:
        ConfigError: for a text that is not written so, or an option given twice.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        place, equals, value = text.partition("=")
        probe, dot, option = place.partition(".")
        if not (equals and dot and probe and option):
            raise ConfigError(
                f"`option` {text} is not of the form PROBE.OPTION=VALUE",
                remedy="for instance attention-trees.root=free",
            )
        if option in found.setdefault(probe, {}):
            raise ConfigError(f"`option` {place} is given twice")
        found[probe][option] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
