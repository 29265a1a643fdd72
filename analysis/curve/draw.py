"""Make and score the masks of a curve on the models of one or several seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...data.errors import ConfigError, UnknownNameError
from ...models.masks.subnetwork import Subnetwork
from ..configuration.mask_options import PruneOptions
from ..flags import ABOUT, FAILED
from ..passes.curves import curve_seconds, operations_left
from ..passes.ranking import ranking_passes
from ..single.loaded import LoadedModel
from ..steps.progress import Progress
from ..steps.said import read_said
from ..wording import counted, duration
from .better import few_draws
from .masks import (
    ORDERS,
    Goods,
    check_kinds,
    draws_of,
    goods_of,
    importance_of,
    supers_of,
    totals_in,
)
from .panel import Panel
from .resampled import RESAMPLES
from .scored import CurveScorer, ScoredModel
from .sizes import Sizes, check_shares, check_units, sizes_of

Opener = Callable[[str], LoadedModel]


@dataclass(frozen=True)
class Asked:
    """The options of a curve.

    Attributes:
        units: `joint` (heads and MLPs), `heads`, `mlps`, `neurons` or `weights`.
        shares: shares to keep; empty = .05 to 1.
        kinds: kinds of masks beside the good ones.
        draws: random and bad masks of each size.
        order: `nested` or `search`.
        options: importance, normalisation and search.
        metric: a metric of the task; empty = the primary one.
        batch_size: examples per forward pass.
        resamples: bootstrap samples.
        seed: of draws, resamples and exchanges.
    """

    units: str = "joint"
    shares: tuple[float, ...] = ()
    kinds: tuple[str, ...] = ("good", "random", "bad")
    draws: int = 20
    order: str = "nested"
    options: PruneOptions = field(default_factory=PruneOptions)
    metric: str = ""
    batch_size: int = 64
    resamples: int = RESAMPLES
    seed: int = 0


def check_asked(names: Sequence[str], asked: Asked) -> None:
    """Raise for options that cannot be met, before anything is loaded.

    Raises:
        UnknownNameError: for an unknown kind, order or type of unit.
        ConfigError: for a share out of range, a model named twice, options that exclude each other.
    """
    check_units(asked.units)
    check_shares(asked.shares)
    check_kinds(asked.kinds, len(names), asked.units)
    if asked.order not in ORDERS:
        raise UnknownNameError("order", asked.order, ORDERS)
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"{name} is named twice", where="`models`", remedy="name each model once"
            )
    if asked.units == "weights" and asked.order == "search":
        raise ConfigError(
            "weights are ranked by their magnitude, which no search changes",
            where="`order`",
            remedy="choose nested",
        )
    if asked.units == "weights" and asked.options.ablation != "zero":
        raise ConfigError(
            "single weights have no output that another ablation could replace",
            where="`ablation`",
            remedy="choose zero, or other units",
        )


def draw_curve(names: Sequence[str], opened: Opener, asked: Asked, progress: Progress) -> Panel:
    """Score the masks of a curve.

    Args:
        names: the models, one for each seed.
        opened: loads a model with its task.
        asked: the options.
        progress: receives the estimated time, and the progress.

    Returns:
        The scored masks, from which `curve_of` makes the tables.

    Raises:
        UnknownNameError, ConfigError: as `check_asked`, or if the models have different shapes.
        MaskError: if units were removed from a model.
    """
    check_asked(names, asked)
    kinds = check_kinds(asked.kinds, len(names), asked.units)
    if "random" in kinds and (why := few_draws(asked.draws)):
        progress.say(why)
    goods: dict[str, Goods] = {}
    good: list[list[Subnetwork]] = []
    sizes: Sizes | None = None
    if "super" in kinds:
        for name in names:
            loaded = opened(name)
            sizes = _sizes(loaded, asked, sizes)
            if not good:
                _tell_time(loaded, sizes, kinds, asked, len(names), progress)
            found = goods_of(loaded, sizes, asked.options, asked.order, progress)
            each = [found.make(place) for place in range(len(sizes))]
            goods[name] = Goods(each.__getitem__, found.empty)
            good.append(each)
    supers = supers_of(good) if good else []
    scored: list[ScoredModel] = []
    about: dict[str, Any] = {}
    for name in names:
        loaded = opened(name)
        sizes = _sizes(loaded, asked, sizes)
        if (flag := loaded.meta.get("flag")) in FAILED:
            progress.say(f"{loaded.name} {ABOUT[str(flag)]}")
        scorer = CurveScorer(loaded, sizes, asked.metric, asked.batch_size, progress)
        if not scored and not good:
            _tell_time(loaded, sizes, kinds, asked, len(names), progress)
        full = scorer.full()
        for line in read_said(full, full.n_examples, loaded.max_length):
            progress.say(line)
        own = goods.get(name) or goods_of(loaded, sizes, asked.options, asked.order, progress)
        first = len(scored) * asked.draws
        scored.append(scorer.score(own, kinds, asked.draws, asked.seed, supers, first))
        about = {
            "task": loaded.parts.spec.name,
            "split": loaded.parts.report_name,
            "units": asked.units,
            "order": asked.order,
            "importance": importance_of(asked.units, asked.options),
        }
    assert sizes is not None
    panel = Panel(scored, sizes, about, resamples=asked.resamples, seed=asked.seed)
    if panel.degenerate:
        progress.say(
            "DEGENERATE: the full model scores no better than the model without any unit of the "
            "curve, so the areas are undefined"
        )
    return panel


def _sizes(loaded: LoadedModel, asked: Asked, known: Sizes | None) -> Sizes:
    found = sizes_of(asked.units, totals_in(loaded.model, asked.units), asked.shares)
    if known is not None and found != known:
        raise ConfigError(
            f"{loaded.name} has a different number of units from the models before it",
            where="`models`",
            remedy="name models of the same shape",
        )
    return found


def _tell_time(
    loaded: LoadedModel,
    sizes: Sizes,
    kinds: Sequence[str],
    asked: Asked,
    models: int,
    progress: Progress,
) -> None:
    """Say how long the curve will take at most, from the time of the full model."""
    scorer = CurveScorer(loaded, sizes, asked.metric, asked.batch_size, progress)
    started = time.perf_counter()
    scorer.full()
    seconds = time.perf_counter() - started
    each = sum(draws_of(kind, sizes.units, asked.draws) for kind in kinds)
    masks = [each] * (len(sizes) - 1) + [0]
    parts = loaded.parts
    ranking = ranking_passes(
        "" if sizes.units == "weights" else asked.options.importance,
        sum(sizes.totals.values()),
        sizes.shares,
        search=asked.order == "search",
    )
    left = operations_left(loaded.model, sizes.counts, asked.options.ablation)
    selection = len(parts.selection) / len(parts.report)
    total = models * curve_seconds(seconds, left, masks, ranking, selection)
    of = f"{counted(models * sum(masks), 'mask')} of {counted(len(sizes) - 1, 'size')}"
    learnt = ", and the time to learn constants" if asked.options.ablation == "learned" else ""
    progress.say(f"{of}, {len(parts.report)} examples: at most about {duration(total)}{learnt}")
