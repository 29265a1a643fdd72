"""The descriptions of rows that analysis derives from the scores of a run: no probe runs for them.

They have an entry as probes do, so that summaries, comparisons and reports treat them alike.
"""

from __future__ import annotations

from .entry import Headline, Measure, ProbeEntry


def _not_run(*_arguments: object, **_options: object) -> None:
    raise NotImplementedError("these rows are derived from scores; no probe runs for them")


ARTEFACTS = ProbeEntry(
    name="artefacts",
    help="accuracy on easy and on hard examples, which a classifier of part of the input gets "
    "right or wrong",
    code=_not_run,
    reads="task",
    rows=(
        Measure("accuracy", ("model",), "accuracy on the easy or hard examples", better="higher",
                right=True),
        Measure("accuracy_gap", ("model",), "accuracy on easy minus accuracy on hard examples"),
    ),
    headline=Headline("accuracy*", "model"),
    figure="difficulty",
)  # fmt: skip

FROM_SCORES = (ARTEFACTS,)
