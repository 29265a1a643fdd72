"""Accuracy under each setting of a probe: questions of which a part is left out, attacked texts."""

from __future__ import annotations

from collections.abc import Iterator

from ...probes.registry import find_probe
from ..verdict.answer import Answer
from .charts import Figure, file_name, spec_of
from .differences import (
    Items,
    compared,
    difference_panels,
    differences,
    how_to_read,
    ordered,
    said_differences,
)
from .probe_figures import SHOWN, claim, lines_of, means

SETTINGS = "settings"
"""The figure of an entry whose headline is an accuracy under each of several settings."""
ASKED = Items("setting", "difference in accuracy", "examples")
_BEFORE = "accuracy_"


def setting_figure(answer: Answer) -> Iterator[Figure]:
    """Accuracy under each setting, compared with random subnetworks: one figure per probe."""
    lines, draws = lines_of(answer, SETTINGS), lines_of(answer, SETTINGS, "summary_probe_draws")
    lines, draws = (
        one[one["metric"].str.startswith(_BEFORE)].assign(
            setting=one["metric"].str.removeprefix(_BEFORE).str.replace("_", " ")
        )
        for one in (lines, draws)
    )
    for probe, mine in lines.groupby("probe", sort=False):
        each = draws[draws["probe"] == probe]
        table = compared(differences(each, ASKED.column), ASKED)
        if table.empty:
            continue
        order = ordered(table, ASKED)
        whole = mine[mine["setting"] == mine["setting"].iloc[0]]
        yield Figure(
            file_name(str(probe), answer.label),
            claim(answer, f"{probe} accuracy", "settings", table, ASKED),
            f"Accuracy of the probe {probe} ({find_probe(str(probe)).help}) under each of its "
            "settings, compared with random subnetworks of the same size. "
            f"{how_to_read(table, ASKED)} The table has the accuracies themselves, and those of "
            "the full model.",
            f"Good minus random. {said_differences(table, ASKED, order)}. Accuracy "
            f"{mine['setting'].iloc[0]}: {means(whole)}.",
            spec_of(difference_panels(each, ASKED, order)),
            mine[SHOWN],
            "summary_probes.csv",
        )
