"""The structural probes."""

from __future__ import annotations

from ..entry import ProbeEntry

ENTRIES: tuple[ProbeEntry, ...] = ()
