"""The probes that learn from attention maps."""

from __future__ import annotations

from ..entry import ProbeEntry

ENTRIES: tuple[ProbeEntry, ...] = ()
