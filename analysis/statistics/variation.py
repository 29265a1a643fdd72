"""What varies in an interval or a p-value: examples, draws of masks, or seeds of training."""

from __future__ import annotations

import pandas as pd

EXAMPLES, DRAWS, SEEDS, BOTH = "examples", "draws", "seeds", "examples and seeds"
COLUMN = "varies"

_OF_LEVEL = {
    "one draw": EXAMPLES,
    "one seed": EXAMPLES,
    "these seeds": EXAMPLES,
    "seeds and examples": BOTH,
}
_OF_TEST = {"sign flips over seeds": SEEDS, "seeds exchanged between runs": SEEDS}


def varies_of(table: pd.DataFrame) -> pd.Series:
    """What varies in each line of a table of differences or tests.

    Examples stands for the sentences of a probe too, and for the clusters that were sampled whole.
    A test of seeds is known by its name, everything else by its level.
    """
    nothing = pd.Series(pd.NA, index=table.index, dtype="string")
    level = table["level"].map(_OF_LEVEL).astype("string") if "level" in table else nothing
    named = table["test"].map(_OF_TEST).astype("string") if "test" in table else nothing
    return named.fillna(level)
