"""The probe of the diagnostic set of GLUE."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from ...data.files.atomic import file_digest
from ...data.tasks.task import TaskSpec
from ..entry import Headline, Measure, Options, PathText, ProbeEntry

GLUE_DIAGNOSTICS = "glue-diagnostics"
OVERALL, CATEGORY, FINE, DOMAIN = LEVELS = ("", "category", "fine", "domain")
MATTHEWS, ACCURACY = MEASURES = ("matthews", "accuracy")


def metric_of(level: str, measure: str) -> str:
    """The name of a measure on a level: `matthews`, `category_matthews`, ..."""
    return f"{level}_{measure}" if level else measure


class DiagnosticsOptions(Options):
    """Options of `glue-diagnostics`."""

    file: PathText = Field(
        "", description="the scored file of the GLUE diagnostics (tab-separated, with labels)"
    )
    limit: int = Field(0, ge=0, description="maximum number of pairs, evenly spaced; 0 = all")
    batch_size: int = Field(64, ge=1, description="pairs per batch")

    def inputs(self) -> Mapping[str, str]:
        """The hash of the file.

        Raises:
            ConfigError: if no file is named.
            DataFileError: if it has another format.
        """
        from pathlib import Path

        from ...data.errors import ConfigError
        from ...data.suites.diagnostics import read_diagnostics

        if not self.file:
            raise ConfigError(
                "no file is named",
                where=f"option {GLUE_DIAGNOSTICS}.file",
                remedy="name the scored file of the GLUE diagnostics (diagnostic-full.tsv)",
            )
        read_diagnostics(self.file)
        return {"file": file_digest(Path(self.file))}

    def unfit(self, spec: TaskSpec) -> str:
        """Why this is not a task of entailment; empty if it is."""
        from ...data.challenge.classes import not_three_classes

        return not_three_classes(spec.labels)


_OF = {
    OVERALL: "all pairs",
    CATEGORY: "the pairs of a coarse category",
    FINE: "the pairs of a fine category",
    DOMAIN: "the pairs of a domain",
}

ENTRY = ProbeEntry(
    name=GLUE_DIAGNOSTICS,
    help="entailment by linguistic category, on the diagnostic set of GLUE (AX)",
    code=f"{__package__}.diagnostics:run_glue_diagnostics",
    reads="suite",
    source="glue-diagnostics",
    further=("task-head", "classes", "named-classes"),
    options=DiagnosticsOptions,
    rows=tuple(
        Measure(metric_of(level, measure), ("model",), said.format(_OF[level]), better="higher",
                items=metric_of(level, ACCURACY), right=measure == ACCURACY)
        for level in LEVELS
        for measure, said in (
            (MATTHEWS, "Matthews correlation (R_K) of predictions and labels of {}; 0 if all "
                       "predictions, or all labels, are the same"),
            (ACCURACY, "share of {} that are classified correctly"),
        )
    ),
    headline=Headline("[amc]*", "model"),
    finish="diagnostic-intervals",
)  # fmt: skip

ENTRIES = (ENTRY,)
