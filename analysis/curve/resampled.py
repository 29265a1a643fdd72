"""Scores of a curve on resampled examples, and intervals over examples, draws and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...data.seeds import SeedDesign
from ..statistics.clusters import alone, count_of
from ..statistics.paired import expanded_limits, over_seeds_and_examples
from ..statistics.variation import INCOMPLETE
from ..statistics.weighted import weight_blocks, weighted_scores
from .scored import ScoredModel

Floats = npt.NDArray[np.float64]

RESAMPLES = 2000


@dataclass(frozen=True)
class Samples:
    """Scores of one model on R resamples of the examples.

    Attributes:
        kinds: kind -> scores [R, K sizes, D draws].
        full: scores of the full model [R].
        empty: scores of the model without the units of the curve [R].
    """

    kinds: dict[str, Floats]
    full: Floats
    empty: Floats


@dataclass(frozen=True)
class Limits:
    """An interval, and what varies in it.

    Attributes:
        low, high: its limits; NaN where there is none.
        method: how it was made, or why there is none.
        varies: `examples`, `draws and examples`, or `seeds and examples`.
    """

    low: float
    high: float
    method: str
    varies: str


def samples_of(scored: ScoredModel, resamples: int = RESAMPLES, seed: int = 0) -> Samples:
    """The scores of all masks of a model on the same resamples of its examples, or of clusters.

    Args:
        scored: the model; models with the same examples get the same resamples.
        resamples: R.
        seed: same seed, same resamples.
    """
    shapes = {kind: held.shape for kind, held in scored.answers.items()}
    columns = [scored.full[:, None], scored.empty[:, None]]
    columns += [held.reshape(len(scored.gold), -1) for held in scored.answers.values()]
    answers, inverse = np.unique(np.concatenate(columns, axis=1), axis=1, return_inverse=True)
    blocks = weight_blocks(scored.ids, scored.units, resamples=resamples, seed=seed)
    drawn = [weighted_scores(scored.metric, answers, scored.gold, block) for block in blocks]
    scores = np.concatenate(drawn)[:, inverse.ravel()]
    kinds, start = {}, 2
    for kind, (_, sizes, draws) in shapes.items():
        kinds[kind] = scores[:, start : start + sizes * draws].reshape(-1, sizes, draws)
        start += sizes * draws
    return Samples(kinds, scores[:, 0], scores[:, 1])


def limits_of(
    value: float,
    samples: Sequence[Floats],
    scored: ScoredModel,
    *,
    constant: bool = False,
    design: SeedDesign | None = None,
) -> Limits:
    """The interval of a mean over seeds and draws.

    Of several seeds, seeds are resampled together with the examples that they share, and draws
    enter with their mean; of one seed with several draws, draws take the place of seeds (both ways
    of a crossed design, Owen 2007; Student's t of the number of seeds or draws minus 1). Of a
    single mask, examples are resampled, or clusters, with quantiles expanded for their number.

    Args:
        value: the mean over seeds of the mean over draws.
        samples: for each seed, the number on resamples of the examples [R, D].
        scored: one of the models.
        constant: whether the masks give every example the same answer.
        design: how crossed seeds were sampled, in whose order they are; None = independent.
    """
    count = count_of(scored.units)
    of = "examples" if alone(scored.units) else f"{count} clusters"
    resamples = len(samples[0])
    seeds, draws = len(samples), samples[0].shape[1]
    if seeds > 1:
        several, what = np.stack([one.mean(axis=1) for one in samples], axis=1), "seeds"
    else:
        several, what = samples[0], "draws"
        if not np.ptp(several, axis=1).any():
            # draws of the full model, or of one mask
            several, draws = several[:, :1], 1
    if max(seeds, draws) > 1:
        if design is not None and design.incomplete:
            nothing = float("nan")
            return Limits(nothing, nothing, f"no interval: {INCOMPLETE}", f"{what} and examples")
        grid = design.grid if design is not None else None
        low, high = over_seeds_and_examples(value, several, grid=grid)
        if grid is not None:
            what = f"{what} of a {grid.shape} grid"
        name = f"bootstrap over {several.shape[1]} {what} and {of} ({resamples}), t"
        varies = f"{'seeds' if seeds > 1 else 'draws'} and examples"
    else:
        own = several[:, 0]
        low, high = (
            (float(one) for one in np.quantile(own, [0.025, 0.975]))
            if alone(scored.units) and np.isfinite(own).all() and np.ptp(own) > 1e-12
            else expanded_limits(own, count)
        )
        name, varies = f"percentile bootstrap over {of} ({resamples})", "examples"
    if not np.isnan(low) and not (constant and max(seeds, draws) == 1):
        return Limits(low, high, name, varies)
    return Limits(float("nan"), float("nan"), f"no interval: {_why(several, constant)}", varies)


def _why(samples: Floats, constant: bool) -> str:
    if not np.isfinite(samples).all():
        return "the full model is no better than the empty one in some resamples"
    if constant:
        return "the prediction is the same for every example"
    return "all resamples give the same value"
