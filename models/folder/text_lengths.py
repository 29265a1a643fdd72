"""The maximum number of subwords of a text that a model reads."""

from __future__ import annotations

from ...data.errors import ConfigError

USUAL_LENGTH = 128
"""Default maximum number of subwords, if neither the user nor the model's folder sets one."""


def fitting_length(
    positions: int, asked: int, usual: int = USUAL_LENGTH, *, option: str = "max_length"
) -> tuple[int, str]:
    """The maximum number of subwords per text, and a notice for the user.

    Args:
        positions: maximum input length of the model, special tokens included.
        asked: the length that the user sets; 0 = the usual length.
        usual: the default length, limited to the model's positions.
        option: name of the option, for messages.

    Raises:
        ConfigError: if the length is negative or exceeds the number of positions.
    """
    if asked < 0:
        raise ConfigError(f"`{option}` must be >= 0, got {asked}")
    if asked > positions:
        raise ConfigError(
            f"`{option}` must be <= {positions}, the number of positions of the model, got {asked}",
            remedy=f"set it to at most {positions}; longer texts are truncated and counted",
        )
    if not asked and usual > positions:
        return positions, f"the model has {positions} positions: longer texts are truncated"
    return asked or usual, ""
