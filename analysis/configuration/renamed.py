"""Options that were renamed since earlier versions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

RENAMED: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("probe", "attribution_examples"): ("probe", "examples"),
    ("probe", "attribution_steps"): ("probe", "options", "attributions", "n_steps"),
    ("probe", "patterns"): ("probe", "options", "attention-patterns", "weights"),
}
"""Option of an earlier version -> its present name."""


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Options of an earlier version under their present names."""
    found: dict[str, Any] = copy.deepcopy(dict(values))
    for (section, old), (*path, last) in RENAMED.items():
        part = found.get(section)
        if isinstance(part, dict) and old in part:
            value, place = part.pop(old), found
            probe = path[-1] if path[1:2] == ["options"] else ""
            if probe and probe not in part.get("names", ()):
                continue
            for name in path:
                place = place.setdefault(name, {})
            place.setdefault(last, value)
    return found
