"""What a search for a property is called: in rows, and as files."""

from __future__ import annotations

PROBE = "subnetwork-probe"
"""What rows and folders call it."""

ROWS, ITEMS = "rows.csv", "items.parquet"

RANKS = (1, 5, 25)
"""Of the MLP probes that masks are compared with, where none is asked for."""

REFIT = "score=refit"
"""The score in which masks and full encoders are comparable: a new read-out of each."""
