"""Outcomes of trainings that a test decides, whatever a tiny encoder learns in three steps."""

from dataclasses import replace
from typing import Any

from subprobe.analysis.steps.outcome import Outcome, outcome


def only_diverged(*arguments: Any) -> Outcome:
    """The outcome of a training, learned unless it diverged."""
    found = outcome(*arguments)
    return found if found.flag == "diverged" else called(found, "")


def called(found: Outcome, flag: str) -> Outcome:
    """An outcome under another flag."""
    return replace(found, flag=flag, why=flag, notes={**found.notes, "flag": flag})
