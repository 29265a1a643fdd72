"""The options of each probe, and checks of given values."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from ..data.checked_values import rule_of
from ..data.errors import ConfigError, UnknownNameError
from .entry import Options, ProbeEntry
from .registry import PLUGINS, PROBES, find_probe


def typed_options(entry: ProbeEntry, given: Mapping[str, Any]) -> Options:
    """The checked options of a probe: given values, and defaults for the rest.

    Raises:
        ConfigError: for a value that the option does not accept.
        UnknownNameError: for an option that the probe does not have, listing the existing ones.
    """
    known = entry.options.model_fields
    for option in given:
        if option in entry.shared:
            raise ConfigError(
                f"{option} cannot be set for a single probe",
                where=f"option {entry.name}.{option}",
                remedy=f"set it for all probes: probe.{option}",
            )
        if option not in known:
            raise UnknownNameError(f"{entry.name} option", option, known)
    try:
        return entry.options.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]) if first["loc"] else ""
        raise ConfigError(
            rule_of(first),
            where=f"option {entry.name}.{option}".rstrip("."),
            remedy=f"give it like its default, {_written(known[option].default)}"
            if option
            else None,
        ) from None


def check_options(
    given: Mapping[str, Mapping[str, Any]], probes: Sequence[str]
) -> dict[str, Options]:
    """Check the options of all probes that run.

    Args:
        given: probe -> option -> value.
        probes: the probes that run.

    Returns:
        probe -> its options, of each that runs.

    Raises:
        ConfigError: for options of a probe that does not run, or a value of another kind.
        UnknownNameError: for a probe that does not exist, or an option that it does not have.
    """
    for name in given:
        if find_probe(name).name not in probes:
            raise ConfigError(
                f"options are given for the probe {name}, which is not among the probes to run",
                remedy=f"add {name} to the probes, or set options of {', '.join(probes)}",
            )
    return {name: typed_options(find_probe(name), given.get(name, {})) for name in probes}


def complete_options(
    given: Mapping[str, Mapping[str, Any]], probes: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """All options of all probes that run, as plain JSON values; probes without options are omitted.

    Raises:
        ConfigError: as `check_options`.
        UnknownNameError: as `check_options`.
    """
    checked = check_options(given, probes)
    return {n: one.model_dump(mode="json") for n, one in checked.items() if type(one).model_fields}


def option_records(entry: ProbeEntry) -> Iterator[dict[str, str]]:
    """Name, possible values, default and meaning of each option."""
    for name, field in entry.options.model_fields.items():
        yield {
            "option": f"{entry.name}.{name}",
            "values": _values(field),
            "default": _written(field.default),
            "what": field.description or "",
        }


def _values(field: FieldInfo) -> str:
    """The values that an option may have, such as `all | words` or `integer >= 1`."""
    bounds = [
        f"{sign} {getattr(one, name)}"
        for one in field.metadata
        for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        if getattr(one, name, None) is not None
    ]
    return " ".join([_kind(field.annotation), *bounds])


def _kind(annotation: Any) -> str:
    names = {bool: "true | false", int: "integer", float: "number", str: "text"}
    if annotation in names:
        return names[annotation]
    if get_origin(annotation) is Annotated:
        return _values(FieldInfo.from_annotation(annotation))
    if get_origin(annotation) is tuple:
        return f"list of {_kind(get_args(annotation)[0])}"
    return " | ".join(map(str, get_args(annotation))) or str(annotation)


def _written(default: Any) -> str:
    """A default value in TOML notation."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return f"[{', '.join(map(_written, default))}]"
    return f'"{default}"' if isinstance(default, str) else str(default)


def parse_options(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Options written as `PROBE.OPTION=VALUE`, the value in TOML or as a bare word.

    A list is written in TOML or with commas: `["a", "b"]` or `a,b`. An item that contains a comma
    is put in double quotes.

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
                remedy="write it like attention-trees.root=free",
            )
        if option in found.setdefault(probe, {}):
            raise ConfigError(f"`option` {place} is given twice")
        found[probe][option] = _items(value) if _is_list(probe, option) else _value(value)
    return found


def _is_list(probe: str, option: str) -> bool:
    """Whether an option is a list; False for one that does not exist, which is refused later."""
    entry = PROBES.get(probe) or PLUGINS.get(probe)
    field = entry.options.model_fields.get(option) if entry else None
    return field is not None and get_origin(field.annotation) is tuple


def _items(text: str) -> Any:
    """The value of a list: TOML, or else items between commas, each in TOML or a bare word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        pass
    cells = next(csv.reader([text], skipinitialspace=True), [])
    return [_value(cell.strip()) for cell in cells] if len(cells) > 1 else text


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
