"""The shares of kept units that a curve over sizes may have, and the methods of its masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...data.errors import ConfigError

METHODS: Mapping[str, str] = {
    "joint": "structured",
    "heads": "structured-heads",
    "mlps": "structured-mlps",
    "neurons": "structured-neurons",
    "weights": "magnitude",
}
"""Name of the units of a curve -> the method of its masks."""


def check_shares(shares: Sequence[float]) -> tuple[float, ...]:
    """The shares in ascending order, each once.

    Raises:
        ConfigError: if a share is not above 0 and at most 1, or none is below 1.
    """
    for share in shares:
        if not 0 < share <= 1:
            raise ConfigError(
                f"must be > 0 and <= 1, got {share:g}",
                where="`keep`",
                remedy="name shares of kept units, such as 0.5",
            )
    if shares and min(shares) == 1:
        raise ConfigError(
            "a curve needs a share below 1",
            where="`keep`",
            remedy="the full model is scored in any case; name smaller shares",
        )
    return tuple(sorted(set(shares)))
