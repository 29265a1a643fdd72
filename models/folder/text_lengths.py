"""How many subwords of a text a model keeps."""

from __future__ import annotations

from ...data.errors import ConfigError

USUAL_LENGTH = 128
"""Subwords that a text keeps where neither the user nor the model's folder says."""


def fitting_length(
    positions: int, asked: int, usual: int = USUAL_LENGTH, *, option: str = "max_length"
) -> tuple[int, str]:
    """Subwords that a text keeps, and what is to be told of them.

    Args:
        positions: longest input of the model, special tokens included.
        asked: what the user asks for; 0 = the usual length.
        usual: what is used else, cut at the model's positions.
        option: its name, for messages.

    Raises:
        ConfigError: if more is asked for than the model has positions, or less than nothing.
    """
    if asked < 0:
        raise ConfigError(f"`{option}` must be >= 0, got {asked}")
    if asked > positions:
        raise ConfigError(
            f"`{option}` {asked} is above the {positions} positions of the model",
            remedy=f"give at most {positions}; longer texts are cut and counted",
        )
    if not asked and usual > positions:
        return positions, f"the model has {positions} positions: longer texts are cut there"
    return asked or usual, ""
