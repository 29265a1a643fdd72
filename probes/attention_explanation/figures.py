"""Values of single texts, as items of a probe and as rows that are their means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """One number per text and unit.

    Attributes:
        metric: what it is.
        values: of the model [N], by layer [N, L] or by head [N, L, H]; NaN where there is none.
        relation: what it is of; None where the metric says it all.
        variant: settings.
        baseline: the name of the baseline of the mean; None = no baseline.
        baseline_value: that.
        dead: units that a mask removes, in the shape of the units.
    """

    metric: str
    values: Numbers
    relation: str | None = None
    variant: str | None = None
    baseline: str | None = None
    baseline_value: float = float("nan")
    dead: npt.NDArray[np.bool_] | None = None

    def rows(self, probe: str) -> pd.DataFrame:
        """The mean over the texts that have a value, of each unit."""
        counts = np.isfinite(self.values).sum(axis=0)
        with np.errstate(invalid="ignore"):  # 0 / 0 where no text has a value
            means = np.asarray(np.nansum(self.values, axis=0) / counts)
        places = [axis.ravel() for axis in np.indices(counts.shape)]
        flag = np.full(counts.size, None, dtype=object)
        flag[np.ravel(counts) == 0] = "degenerate"
        if self.dead is not None:
            flag[self.dead.ravel()] = "dead"
        return pd.DataFrame(
            {
                "probe": probe,
                "variant": self.variant,
                "unit": ("model", "layer", "head")[counts.ndim],
                **dict(zip(("layer", "head"), places, strict=False)),
                "relation": self.relation,
                "metric": self.metric,
                "value": means.ravel(),
                "n": np.ravel(counts),
                "baseline": self.baseline,
                "baseline_value": self.baseline_value,
                "flag": flag,
            }
        )

    def items(self, probe: str, examples: Sequence[Example]) -> Iterator[pd.DataFrame]:
        """One line for each text and unit that has a value."""
        text, *places = np.nonzero(np.isfinite(self.values))
        yield items_frame(
            pd.DataFrame(
                {
                    "item_id": np.array([one.id for one in examples], dtype=object)[text],
                    "sentence_id": np.array([e.first.id for e in examples], dtype=object)[text],
                    **dict(zip(("layer", "head"), places, strict=False)),
                    "metric": self.metric,
                    "score": self.values[(text, *places)],
                }
            ).assign(
                probe=probe,
                variant=pd.NA if self.variant is None else self.variant,
                relation=pd.NA if self.relation is None else self.relation,
            )
        )


def mean_of(values: Numbers) -> float:
    """The mean of the finite values; NaN if there are none."""
    found = values[np.isfinite(values)]
    return float(found.mean()) if len(found) else float("nan")
