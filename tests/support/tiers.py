"""Which cases of a matrix run with every change, and which in the slow tier alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest
from hypothesis import settings

KINDS = ("bert", "deberta-v2", "modernbert")
"""One family each with absolute, relative and rotary positions."""


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
