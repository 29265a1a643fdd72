"""The finish steps of probes: intervals, tests and head maps that analysis adds to their rows."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import cast

import pandas as pd

from ...data.errors import UnknownNameError
from ...data.output.better import filled
from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ...probes.registry import find_probe
from ..attributed.share_tests import attribution_tests
from ..configuration.config import ProbeOptions
from ..findings.change_statistics import with_statistics
from ..findings.dependency_tests import dependency_rows
from ..findings.head_map import head_map_rows
from ..findings.null_tests import with_null_tests
from ..intervals.class_intervals import class_intervals
from ..intervals.code_intervals import code_intervals
from ..intervals.diagnostic_intervals import diagnostic_intervals
from ..intervals.edge_intervals import edge_intervals
from ..intervals.exact_intervals import exact_intervals
from ..intervals.holmes_intervals import holmes_intervals
from ..intervals.item_intervals import item_intervals
from ..intervals.jackknife import similarity_intervals
from ..intervals.length_intervals import length_intervals
from ..intervals.pair_intervals import pair_intervals
from ..intervals.pattern_intervals import pattern_intervals
from ..intervals.second_set_intervals import challenge_intervals, heuristic_intervals
from ..intervals.unit_intervals import unit_intervals

FINISHED: Mapping[str, Callable[[ProbeResult, ProbeOptions], pd.DataFrame]] = {
    "": lambda result, _options: result.rows,
    "attribution-tests": lambda result, options: attribution_tests(result, options.correction),
    "dependency-tests": lambda result, options: dependency_rows(result, options.correction),
    "diagnostic-intervals": lambda result, _options: diagnostic_intervals(result),
    "edge-intervals": lambda result, _options: edge_intervals(result),
    "head-map": lambda result, _options: head_map_rows(result),
    "change-statistics": lambda result, _options: with_statistics(result.rows, result.item_parts),
    "item-intervals": lambda result, _options: item_intervals(result),
    "null-tests": lambda result, options: with_null_tests(result, options.correction),
    "pattern-intervals": lambda result, _options: pattern_intervals(result),
    "code-intervals": lambda result, _options: code_intervals(result),
    "structural-intervals": lambda result, _options: item_intervals(
        replace(result, rows=length_intervals(result))
    ),
    "class-intervals": lambda result, _options: class_intervals(result),
    "challenge-intervals": lambda result, _options: challenge_intervals(result),
    "heuristic-intervals": lambda result, _options: heuristic_intervals(result),
    "holmes-intervals": lambda result, _options: holmes_intervals(result),
    "exact-intervals": lambda result, _options: exact_intervals(result),
    "pair-intervals": lambda result, _options: pair_intervals(result),
    "unit-intervals": lambda result, _options: unit_intervals(result),
    "similarity-intervals": lambda result, _options: similarity_intervals(result),
}
"""Finish step of an entry -> function that makes rows of a result: intervals, tests, head map."""


def finished(result: ProbeResult, options: ProbeOptions) -> pd.DataFrame:
    """The rows of a probe, with the additions of analysis.

    Raises:
        UnknownNameError: if there is no such finish step.
    """
    entry = find_probe(result.probe)
    rows = rows_frame(_step(entry.finish)(result, options))
    directions = {name: entry.better_of(str(name)) for name in rows["metric"].dropna().unique()}
    return rows.assign(better=filled(rows["better"], rows["metric"], directions))


def _step(name: str) -> Callable[[ProbeResult, ProbeOptions], pd.DataFrame]:
    """A finish step by its name, or by its location as `package.module:function`."""
    if name in FINISHED:
        return FINISHED[name]
    if ":" in name:
        with suppress(ImportError, AttributeError, ValueError):
            found = pkgutil.resolve_name(name)
            if callable(found):
                return cast(Callable[[ProbeResult, ProbeOptions], pd.DataFrame], found)
    raise UnknownNameError("finish step", name, filter(None, FINISHED))
