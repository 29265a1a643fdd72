"""Which cases of a matrix run with every change, and which in the slow tier alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import settings

T = TypeVar("T")

KINDS = ("bert", "deberta-v2", "modernbert")
"""One family each with absolute, relative and rotary positions."""


LONGEST = (
    "analysis/running/test_killed.py",
    "analysis/running/test_partial.py",
    "analysis/cells/test_kept_models.py",
    "analysis/running/test_pool.py",
    "models/training/test_resume.py",
    "test_docs.py",
    "cli/test_run.py",
    "analysis/findings/test_change_statistics.py",
    "analysis/upkeep/test_verify.py",
    "analysis/steps/test_probe_parts.py",
    "analysis/test_cell_parts.py",
    "analysis/run_folder/test_export.py",
    "analysis/report/test_report.py",
    "analysis/running/test_probe_draws.py",
    "analysis/verdict/test_verdict.py",
    "analysis/steps/test_diverged.py",
    "analysis/running/test_own_run.py",
)
"""Files of tests that take ten seconds and more: begun last, one would be waited for alone."""

LONGEST_SLOW = (
    "test_benchmarks.py",
    "analysis/running/test_killed.py",
    "test_docs.py",
    "analysis/running/test_cluster_processes.py",
    "test_benchmark_memory.py",
    "test_wheel.py",
    "analysis/stability/test_many_masks.py",
    "analysis/cells/test_methods.py",
    "analysis/test_experiment.py",
    "fuzz/test_fuzz_runs.py",
    "analysis/run_folder/test_export.py",
    "cli/test_plugins.py",
    "test_public_api.py",
    "analysis/interactive/test_measuring.py",
    "test_documentation_site.py",
    "test_notebook.py",
    "models/training/test_resume.py",
)
"""The same in the slow tier."""


def long_first(
    tests: Sequence[T], files: Sequence[str], longest: Sequence[str] = LONGEST
) -> list[T]:
    """The tests in the order in which files are handed out: the longest, then those with most.

    Args:
        tests: in any order, which stays that of the tests of a file.
        files: the file of each test, from the folder of all tests.
        longest: those that are known to last, in order.
    """
    first = {name: place for place, name in enumerate(longest)}
    count = Counter(files)
    order = sorted(count, key=lambda name: (first.get(name, len(first)), -count[name]))
    place = {name: number for number, name in enumerate(order)}
    pairs = sorted(zip(tests, files, strict=True), key=lambda pair: place[pair[1]])
    return [test for test, _ in pairs]


def mostly_slow(cases: Iterable[Any], fast: Collection[Any] = KINDS) -> list[Any]:
    """Parameters of a test: those in `fast` as they are, the others marked slow.

    A tuple stands for several parameters.
    """
    cases = list(cases)
    assert all(case in cases for case in fast), "a fast case is no case of the matrix"
    slow = pytest.mark.slow
    return [
        case if case in fast
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=slow)
        for case in cases
    ]  # fmt: skip


few_or_many = pytest.mark.parametrize("count", mostly_slow([8, 20], [8]))
"""Texts that a plain second implementation goes through: more than a batch of 7."""


def scaled(examples: int) -> int:
    """Examples of a property: all of these in the slow tier, a quarter in the fast one."""
    return examples * settings().max_examples // 100
