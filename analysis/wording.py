"""Numbers as the screen, the report and the verdict write them."""

from __future__ import annotations

from typing import Any

import pandas as pd

MISSING = "–"
FEW_DECIMALS = 2


def decimal(value: Any, places: int = FEW_DECIMALS) -> str:
    """A score without the leading zero (`.83`, `-.12`, `1.00`); a dash where there is none."""
    if pd.isna(value):
        return MISSING
    text = f"{float(value):.{places}f}"
    if float(text) == 0:
        text = f"{0:.{places}f}"
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + (digits[1:] if digits.startswith("0.") else digits)


def percent(value: Any) -> str:
    """A share as whole percent; a dash where there is none."""
    return MISSING if pd.isna(value) else f"{100 * float(value):.0f}%"


def p_text(value: Any) -> str:
    """A p-value with its relation: `p = .012`, `p < .001`."""
    if pd.isna(value):
        return "no p"
    return "p < .001" if float(value) < 0.001 else f"p = {decimal(value, 3)}"


def between(low: Any, high: Any, places: int = FEW_DECIMALS) -> str:
    """A range in brackets, empty where there is none."""
    missing = pd.isna(low) or pd.isna(high)
    return "" if missing else f"[{decimal(low, places)}, {decimal(high, places)}]"


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 seed`, `2 seeds`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
