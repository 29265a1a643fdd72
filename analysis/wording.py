"""Numbers as the screen, the report and the verdict write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MISSING = "–"
DECIMALS = 3
"""Of a score, in tables, sentences and labels alike: the same number is written the same way."""


def is_missing(value: Any) -> bool:
    """Whether a value is missing: None, NaN, or the missing value of pandas."""
    if value is None or isinstance(value, float | int | str):
        return value is None or value != value
    import pandas as pd

    return bool(pd.isna(value))


def decimal(value: Any, places: int = DECIMALS) -> str:
    """A score without the leading zero (`.832`, `-.120`, `1.000`); a dash if it is missing."""
    if is_missing(value):
        return MISSING
    text = f"{float(value):.{places}f}"
    if float(text) == 0:
        text = f"{0:.{places}f}"
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + (digits[1:] if digits.startswith("0.") else digits)


_NAMES = {
    name.lower(): name
    for name in ("UAS", "UUAS", "DSpr", "NSpr", "CKA", "RSA", "F1", "MDL", "ALTI", "UPOS")
}
_CORRELATIONS = {
    name: f"{name.title()} correlation" for name in ("matthews", "pearson", "spearman")
}
_VARIANTS = {
    " own": " (own probe)",
    " transferred": " (probe of the full model)",
}


def named(metric: Any) -> str:
    """A metric, probe or property in words: `uuas_own` is `UUAS (own probe)`."""
    text = _CORRELATIONS.get(str(metric), str(metric)).replace("_", " ")
    for end, said in _VARIANTS.items():
        text = text.removesuffix(end) + said if text.endswith(end) else text
    return " ".join(_NAMES.get(word.lower(), word) for word in text.split(" "))


def percent(value: Any) -> str:
    """A share as whole percent; a dash if it is missing."""
    return MISSING if is_missing(value) else f"{100 * float(value):.0f}%"


def p_text(value: Any) -> str:
    """A p-value with its relation: `p = .012`, `p < .001`."""
    if is_missing(value):
        return "no p"
    return "p < .001" if float(value) < 0.001 else f"p = {decimal(value, 3)}"


def bare_p(value: Any) -> str:
    """A p-value under a heading `p`; a dash if it is missing."""
    return MISSING if is_missing(value) else p_text(value).removeprefix("p ").removeprefix("= ")


def between(low: Any, high: Any, places: int = DECIMALS) -> str:
    """An interval in brackets; empty if it is missing."""
    missing = is_missing(low) or is_missing(high)
    return "" if missing else f"[{decimal(low, places)}, {decimal(high, places)}]"


def seen(low: Any, high: Any, places: int = DECIMALS) -> str:
    """The observed range, `.520 to .700`; it is no interval and has no brackets."""
    missing = is_missing(low) or is_missing(high)
    return "" if missing else f"{decimal(low, places)} to {decimal(high, places)}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 seed`, `2 seeds`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def duration(seconds: float) -> str:
    """Seconds as people say them: `40 s`, `12 min`, `3.5 h`, `2.1 days`."""
    for size, name, most in ((1, "s", 100), (60, "min", 100), (3600, "h", 72)):
        if seconds < most * size:
            value = seconds / size
            return f"{value:.1f} {name}" if value < 10 else f"{value:.0f} {name}"
    return f"{seconds / 86400:.1f} days"


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence as a list: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def training_text(recipe: Mapping[str, Any], examples: int) -> str:
    """How much training: `2 epochs of 1,200 examples, 32 per step, learning rate 0.0003`."""
    epochs = f"{recipe['epochs']:g} epoch{'' if recipe['epochs'] == 1 else 's'}"
    return (
        f"{epochs} of {examples:,} examples, {recipe['batch_size']} per step, learning rate "
        f"{recipe['learning_rate']:g}"
    )


# -- numbers that name their cell -------------------------------------------------------------

_OPEN, _SPLIT, _CLOSE = "\ue000", "\ue001", "\ue002"
"""Characters of the private use area, which no text that is read holds and no output shows."""
CITED = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")


def cite(line: Any, column: str, source: str, form: Callable[[Any], str] = decimal) -> str:
    """A number in a sentence, marked with the cell of the CSV file that it stands in.

    Args:
        line: a line of a summary; its name counts the lines of the file.
        column: which number.
        source: the file.
        form: how it is written.
    """
    return f"{_OPEN}{_SPLIT.join((source, str(line.name), column, form(line[column])))}{_CLOSE}"


def cited_parts(marked: str) -> tuple[str, str, str, str]:
    """File, line, column and text of what stands between the marks."""
    source, line, column, text = marked.split(_SPLIT)
    return source, line, column, text


def uncited(text: str) -> str:
    """The sentence without marks."""
    return CITED.sub(lambda found: cited_parts(found[1])[3], text)
