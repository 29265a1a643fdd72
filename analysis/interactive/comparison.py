"""Compare two measurements of the same items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...data.errors import InputError, UnknownNameError
from ..comparison.pairs import Model, Pair
from ..comparison.probe_comparisons import compare_models
from ..comparison.probe_items import probe_items
from ..comparison.probed_models import ProbedModels
from ..comparison.run_items import Answers
from ..comparison.score_comparisons import Comparisons, compare_answers
from ..statistics.clusters import units_of
from ..statistics.corrections import CORRECTIONS
from ..statistics.variation import CROSSED_T, SIGN_FLIPS
from ..statistics.weighted import RESAMPLES
from .measurement import Measurement, filled

if TYPE_CHECKING:
    import altair as alt

FIRST: Model = ("first", "", "")
SECOND: Model = ("second", "", "")
_PAIR = Pair(FIRST, SECOND, "")
_KEY = ["probe", "metric", "variant", "relation", "direction", "layer"]
_FROM_TESTS = ["test", "p_value", "p_floor", "p_adjusted", "correction", "family_size", "flag"]
COLUMNS = [
    *_KEY, "value_a", "value_b", "difference", "ci_low", "ci_high", "ci_method", "effect",
    "effect_size", "n", "n_clusters", *_FROM_TESTS,
]  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class Comparison:
    """The result of `compare`: one line per metric, relation, direction and layer.

    Attributes:
        first: the measurement that is compared with `second`; a difference is first minus second.
        second: the reference.
        table: the values of both, their difference with its interval, and the test of it.
    """

    first: Measurement
    second: Measurement
    table: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """The table; a copy."""
        return self.table.copy()

    def plot(self, metric: str | None = None) -> alt.LayerChart:
        """The differences of one metric with their intervals.

        Args:
            metric: the metric; the first by default.

        Raises:
            UnknownNameError: if nothing of that metric was compared.
        """
        from ..figures.measured import difference_chart

        chart: alt.LayerChart = difference_chart(self.table, metric=metric)
        return chart

    def __repr__(self) -> str:
        return f"Comparison({self.first!r} - {self.second!r}: {len(self.table)} differences)"

    def _repr_html_(self) -> str:
        shown: str = filled(self.table).to_html(max_rows=20)
        return shown


def compare(
    first: Measurement,
    second: Measurement,
    *,
    correction: str = "holm",
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare two measurements of the same examples or sentences.

    Scores: the paired bootstrap, and the exact test of correct predictions (McNemar's, or for
    clusters) or approximate randomisation. Probes: ratios of sums over the sentences, and over the
    heads that are kept in both models; sentences are resampled and exchanged, or clusters of items
    that share a source.

    Args:
        first: a difference is `first` minus `second`.
        second: the reference.
        correction: of the p-values of one probe and test: `holm` or `fdr_bh`.
        resamples: bootstrap samples.

    Raises:
        InputError: if the two read different examples or sentences, or have no metric in common.
        UnknownNameError: if there is no such correction.
    """
    if correction not in CORRECTIONS:
        raise UnknownNameError("correction", correction, CORRECTIONS)
    if first.read != second.read:
        raise InputError(
            "the two measurements are of different examples or sentences",
            remedy="evaluate or probe both on the same examples",
        )
    if "performance" in (*first.probes, *second.probes):
        found = _scores(first, second, resamples)
    else:
        found = _probes(first, second, resamples)
    if not len(found.compared):
        raise InputError(
            "the two measurements have nothing in common to compare",
            remedy="run the same probes on both; some probes have no scores of single sentences",
        )
    return Comparison(first, second, _joined(found.corrected(correction)))


def _scores(first: Measurement, second: Measurement, resamples: int) -> Comparisons:
    if first.probes != second.probes:
        return Comparisons()
    answers = {FIRST: {0: _answers(first)}, SECOND: {0: _answers(second)}}
    metrics = list(dict.fromkeys(first.output.rows["metric"]))
    about = {"probe": "performance"}
    return compare_answers([_PAIR], answers, metrics, about, resamples=resamples)


def _answers(measured: Measurement) -> Answers:
    items = measured.items()
    numbers = items[["gold", "prediction", "score"]].to_numpy(dtype=np.float64)
    return Answers(
        ids=tuple(items["item_id"]),
        gold=numbers[:, 0],
        predictions=numbers[:, 1:2],
        draws=(0,),
        cells=(_cell(measured),),
        flag=", ".join(sorted({flag for flag in measured.to_frame()["flag"].dropna() if flag})),
        units=units_of([None if pd.isna(one) else str(one) for one in items["cluster_id"]]),
        scores=numbers[:, 2:],
    )


def _probes(first: Measurement, second: Measurement, resamples: int) -> Comparisons:
    models = ProbedModels()
    for side, measured in ((FIRST, first), (SECOND, second)):
        rows, every = measured.to_frame(), measured.items()
        for probe, own in every.groupby("probe", sort=False):
            items = probe_items(own)
            if items is not None:
                mine = rows[rows["probe"].eq(probe)]
                models.add(side, str(probe), mine, items, _cell(measured))
    if len(models.draws) < len((FIRST, SECOND)):
        return Comparisons()
    return compare_models([_PAIR], {0: models}, {}, resamples=resamples)


def _cell(measured: Measurement) -> str:
    """The identity of a model under a mask, as text."""
    about: dict[str, Any] = measured.about
    return f"{about['model']} {about['state']} {about['mask_id']}"


def _joined(found: Comparisons) -> pd.DataFrame:
    """Differences, each with its test over items."""
    tests = found.tests[~found.tests["test"].isin([SIGN_FLIPS, CROSSED_T])]
    tests = tests[[*_KEY, *_FROM_TESTS]].rename(columns={"flag": "why_no_p"})
    joined = found.compared.merge(tests, on=_KEY, how="left")
    said = joined[["flag", "why_no_p"]].fillna("")
    flags = said.agg(lambda parts: ", ".join(filter(None, parts)), axis=1).astype("string")
    return joined.assign(flag=flags.mask(flags.eq(""))).reindex(columns=COLUMNS)
