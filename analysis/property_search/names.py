"""Names of a search for a property in rows and files."""

from __future__ import annotations

PROBE = "subnetwork-probe"
"""Its name in rows and folders."""

ROWS, ITEMS = "rows.csv", "items.parquet"

RANKS = (1, 5, 25)
"""Default ranks of the MLP probes that masks are compared with."""

REFIT = "score=refit"
"""The score that is comparable between masks and full encoders: a newly fitted read-out."""
