"""Outcomes of trainings that a test decides, whatever a tiny encoder learns in three steps."""

from dataclasses import replace

from subprobe.analysis.steps.outcome import outcome


def only_diverged(*arguments):
    """The outcome of a training, learned unless it diverged."""
    found = outcome(*arguments)
    return found if found.flag == "diverged" else called(found, "")


def called(found, flag):
    """An outcome under another flag."""
    return replace(found, flag=flag, why=flag, notes={**found.notes, "flag": flag})
