"""Every option of a run as TOML, with its value and what it does."""

from __future__ import annotations

from typing import Any

import tomlkit
from pydantic import BaseModel

from .config import RunConfig


def _fill(table: Any, section: BaseModel) -> None:
    plain = section.model_dump(mode="json")
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            inner = tomlkit.table()
            inner.comment(str(type(value).__doc__).splitlines()[0])
            _fill(inner, value)
            table.add(name, inner)
        else:
            item = tomlkit.item(plain[name])
            item.comment(field.description or "")
            table.add(name, item)


def config_toml(config: RunConfig) -> str:
    """Every option with its value and a comment; `read_config` reads it back equal."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Every option of `subprobe run` with its value."))
    _fill(document, config)
    return tomlkit.dumps(document)
