"""The probes that remove a property."""

from __future__ import annotations

from ..entry import ProbeEntry

ENTRIES: tuple[ProbeEntry, ...] = ()
