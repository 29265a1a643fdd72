"""Every option of a run as TOML, with its value and a comment that explains it."""

from __future__ import annotations

from typing import Any

import tomlkit
from pydantic import BaseModel

from ...probes.options import option_records
from ...probes.registry import find_probe
from .config import ProbeOptions, RunConfig


def _fill(table: Any, section: BaseModel) -> None:
    plain = section.model_dump(mode="json")
    fields = type(section).model_fields.items()
    # TOML has the tables inside a table after its own options
    for name, field in sorted(
        fields, key=lambda one: isinstance(getattr(section, one[0]), BaseModel)
    ):
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            inner = tomlkit.table()
            inner.comment(str(type(value).__doc__).splitlines()[0])
            _fill(inner, value)
            table.add(name, inner)
        elif isinstance(section, ProbeOptions) and name == "options":
            table.add(name, _options(section, field.description or ""))
        else:
            item = tomlkit.item(plain[name])
            item.comment(field.description or "")
            table.add(name, item)


def _options(section: ProbeOptions, said: str) -> Any:
    """The options of probes: those that are set, and the defaults of the others as comments."""
    table = tomlkit.table()
    table.comment(said)
    for probe in section.names:
        given = section.options.get(probe, {})
        for record in option_records(find_probe(probe)):
            if record["option"].partition(".")[2] not in given:
                line = f"{record['option']} = {record['default']}  # {record['what']}"
                table.add(tomlkit.comment(line))
    for probe, given in section.options.items():
        own = tomlkit.table()
        about = {record["option"]: record["what"] for record in option_records(find_probe(probe))}
        for name, value in given.items():
            item = tomlkit.item(list(value) if isinstance(value, tuple) else value)
            item.comment(about.get(f"{probe}.{name}", ""))
            own.add(name, item)
        table.add(probe, own)
    return table


def config_toml(config: RunConfig) -> str:
    """Every option with its value and a comment; `read_config` reads it back equal."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Every option of `subprobe run` with its value."))
    _fill(document, config)
    return tomlkit.dumps(document)
