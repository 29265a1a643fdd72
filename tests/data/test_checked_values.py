"""Values that break a rule are refused in the words of subprobe, not in those of pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from subprobe.data.checked_values import rule_of


def even(number: int) -> int:
    """The number, if it is even."""
    if number % 2:
        raise ValueError("must be even")
    return number


class Values(BaseModel):
    """One field for each kind of rule."""

    model_config = ConfigDict(strict=True)

    least: int = Field(1, ge=1)
    above: float = Field(1.0, gt=0)
    most: float = Field(0.5, le=1)
    below: float = Field(0.5, lt=1)
    word: Literal["all", "words"] = "all"
    text: str = ""
    yes: bool = True
    some: list[int] = Field([1], min_length=1, max_length=2)
    pairs: dict[str, int] = {}
    finite: float = Field(0.0, allow_inf_nan=False)
    half: Annotated[int, AfterValidator(even)] = 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("least", 0, "must be >= 1, got 0"),
        ("least", "5", "must be an integer, got '5'"),
        ("above", 0.0, "must be > 0, got 0.0"),
        ("above", "x", "must be a number, got 'x'"),
        ("most", 2.0, "must be <= 1, got 2.0"),
        ("below", 1.0, "must be < 1, got 1.0"),
        ("word", "x", "must be 'all' or 'words', got 'x'"),
        ("text", 3, "must be text, got 3"),
        ("yes", "yes", "must be true or false, got 'yes'"),
        ("some", [], "needs at least 1 item, got []"),
        ("some", [1, 2, 3], "needs at most 2 items, got [1, 2, 3]"),
        ("some", 1, "must be a list, got 1"),
        ("pairs", 1, "must be a table of names and values, got 1"),
        ("finite", float("inf"), "must be a finite number, got inf"),
        ("half", 3, "must be even, got 3"),
    ],
)
def test_the_rule_and_the_value_are_named(name: str, value: Any, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Values.model_validate({name: value})
    assert rule_of(refused.value.errors()[0]) == said


def test_a_missing_value_is_named_without_the_others() -> None:
    class Needed(BaseModel):
        name: str

    with pytest.raises(ValidationError) as refused:
        Needed.model_validate({"other": 1})
    assert rule_of(refused.value.errors()[0]) == "is missing"


def test_a_number_that_is_not_whole_is_refused() -> None:
    class Lax(BaseModel):
        count: int

    for value in (2.5, "x"):
        with pytest.raises(ValidationError) as refused:
            Lax.model_validate({"count": value})
        assert rule_of(refused.value.errors()[0]).startswith("must be an integer, got ")
