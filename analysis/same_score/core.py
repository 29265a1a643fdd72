"""The core of several masks: the units that all of them keep, alone and taken away.

Five models are scored: the core alone; each mask, with and without the core; the full model, with
and without it. Beside each stand random sets of as many units: alone, taken away from the mask, and
taken away from the full model. Sets are of the same number of heads and of MLPs (neurons).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.errors import MaskError
from ...models.masks.subnetwork import Subnetwork
from ..flags import flags_of
from ..spread.columns import framed
from ..stability.agreement import kept_in_all_expected
from ..stability.mask_nulls import kept_in_all_p
from ..statistics.corrections import adjust_rows
from ..statistics.draws import too_few_draws
from ..statistics.uncertainty import permutation_p
from .columns import CORE, CORE_UNITS, METRIC, SAMPLE
from .masks import Masks
from .scoring import Measuring

Mask = npt.NDArray[np.bool_]
ALONE, WITH, WITHOUT = "core alone", "mask", "mask minus core"
FULL, FULL_WITHOUT = "full", "full minus core"


@dataclass(frozen=True)
class Sets:
    """The sets of units that are scored.

    Attributes:
        core: the units that all masks keep.
        masks: the masks.
        whole: the mask that keeps every unit.
    """

    core: Subnetwork
    masks: Masks
    whole: Subnetwork

    @classmethod
    def of(cls, masks: Masks) -> Sets:
        """From M masks of one model and size.

        Raises:
            MaskError: for masks of single weights, which are too many to be taken away.
        """
        first = next(iter(masks.values()))
        if first.weight_masks:
            raise MaskError(
                "masks of single weights have no core of units",
                remedy="use masks of heads, MLPs or neurons",
            )
        changes: dict[str, Any] = {
            name: np.ones_like(mask)
            for name in ("head_mask", "mlp_mask", "neuron_mask")
            if (mask := getattr(first, name)) is not None
        }
        whole = first.with_meta(**changes, kind="combined", draw=0, history=())
        return cls(reduce(and_, masks.values()), masks, whole)

    def named(self) -> Iterator[tuple[str, Subnetwork]]:
        """Name of a set, and the units that are kept."""
        yield FULL, self.whole
        yield ALONE, self.core
        yield FULL_WITHOUT, without(self.whole, self.core)
        for mask in self.masks.values():
            yield WITH, mask
            yield WITHOUT, without(mask, self.core)

    def random(self, seed: int, draw: int) -> Iterator[tuple[str, Subnetwork]]:
        """The same with a random set in place of the core; a mask is taken in turn."""
        rng = np.random.default_rng((6, seed, draw))
        chosen = drawn(self.whole, self.core, rng)
        yield ALONE, chosen
        yield FULL_WITHOUT, without(self.whole, chosen)
        mask = list(self.masks.values())[draw % len(self.masks)]
        yield WITHOUT, without(mask, drawn(mask, self.core, rng))


def without(mask: Subnetwork, taken: Subnetwork) -> Subnetwork:
    """The units of a mask that another, which lies within it, does not keep.

    Levels at which the masks prune nothing stay whole.
    """
    changes = {
        name: mine & ~other
        for name, mine, other in _levels(mask, taken)
        if not (mine.all() and other.all())
    }
    return mask.with_meta(**changes, kind="combined", history=())


def drawn(mask: Subnetwork, size: Subnetwork, rng: np.random.Generator) -> Subnetwork:
    """As many units of a mask as another keeps, at random, at each level."""
    changes = {
        name: mine if mine.all() and other.all() else _subset(mine, int(other.sum()), rng)
        for name, mine, other in _levels(mask, size)
    }
    return mask.with_meta(**changes, kind="random", history=())


def _levels(first: Subnetwork, second: Subnetwork) -> Iterator[tuple[str, Mask, Mask]]:
    for name in ("head_mask", "mlp_mask", "neuron_mask"):
        mine, other = getattr(first, name), getattr(second, name)
        if mine is not None and other is not None:
            yield name, mine, other


def _subset(mask: Mask, count: int, rng: np.random.Generator) -> Mask:
    found = np.zeros(mask.shape, dtype=np.bool_)
    chosen = rng.choice(np.flatnonzero(mask), size=count, replace=False)
    found.ravel()[chosen] = True
    return found


@dataclass(frozen=True)
class AskedSet:
    """One set of units that is scored.

    Attributes:
        what: which of the five models.
        drawn: whether a random set stands in place of the core.
        mask: the units that are kept.
    """

    what: str
    drawn: bool
    mask: Subnetwork


def asked_sets(sets: Sets, draws: int, seed: int) -> list[AskedSet]:
    """Every set that is scored, those of the core first.

    Args:
        sets: the core and the masks.
        draws: random sets in place of the core.
        seed: of the draws.
    """
    asked = [AskedSet(what, False, mask) for what, mask in sets.named()]
    for draw in range(draws):
        asked += [AskedSet(what, True, mask) for what, mask in sets.random(seed, draw)]
    return asked


def scored_sets(
    asked: Sequence[AskedSet], measuring: Measuring, told: Callable[[int, int], None]
) -> list[pd.DataFrame]:
    """The rows of each set.

    Args:
        asked: the sets.
        measuring: what is measured of each.
        told: called with (models measured, all).
    """
    rows = []
    for done, one in enumerate(asked, 1):
        rows.append(measuring.of(one.mask)[0])
        told(done, len(asked))
    return rows


def core_table(asked: Sequence[AskedSet], values: pd.DataFrame, correction: str) -> pd.DataFrame:
    """Every metric of each set, beside random sets in place of the core.

    p is one-sided: that random sets alone do as well as the core, or that taking them away costs as
    much. For masks without the core, the mean over masks is compared with draws that take units
    from one mask each, in turn, which varies more: the test is conservative. Each needs 29 draws.

    Args:
        asked: the sets.
        values: their metrics, as `metric_values` gives them.
        correction: of the p-values.
    """
    values = values.assign(
        set=[asked[place].what for place in values["place"]],
        drawn=[asked[place].drawn for place in values["place"]],
    )
    lines = [
        _line(str(about[0]), mine, [asked[place].mask for place in mine["place"]])
        for about, mine in values.groupby(["set", *METRIC], sort=False)
    ]
    order = {what: place for place, what in enumerate((FULL, FULL_WITHOUT, WITH, WITHOUT, ALONE))}
    lines.sort(key=lambda line: order[line["set"]])
    table = framed(lines, CORE)
    floors = framed(lines, {"floor": "Float64"})["floor"]
    return framed(adjust_rows(table, (), correction, floors=floors, flag="note"), CORE)


def _line(what: str, lines: pd.DataFrame, masks: Sequence[Subnetwork]) -> dict[str, Any]:
    mine, first = lines[~lines["drawn"]], lines.iloc[0]
    values = mine["value"].to_numpy(dtype=np.float64)
    null = lines.loc[lines["drawn"], "value"].to_numpy(dtype=np.float64)
    line: dict[str, Any] = {
        "set": what, **{name: first[name] for name in METRIC}, "better": first["better"],
        "value": float(values.mean()), **_kept(masks),
        "n_sets": len(values), "lowest": float(values.min()), "highest": float(values.max()),
        **{name: first[name] for name in SAMPLE}, "flag": flags_of([mine]),
    }  # fmt: skip
    if len(values) == 1:
        line |= {name: first[name] for name in ("ci_low", "ci_high", "ci_method")}
    if not len(null):
        return line
    line |= {
        "n_draws": len(null), "random_mean": float(null.mean()),
        "random_lowest": float(null.min()), "random_highest": float(null.max()),
    }  # fmt: skip
    if why := too_few_draws(len(null)):
        return line | {"note": why}
    if first["better"] not in ("higher", "lower"):
        return line | {"note": "no test: neither higher nor lower values are better"}
    # alone, the core should be better than random units; without it, a model worse
    upwards = (what == ALONE) == (first["better"] == "higher")
    side = "greater" if upwards else "less"
    return line | {
        "p_value": permutation_p(line["value"], null, alternative=side),
        "floor": 1 / (len(null) + 1),
        "test": f"one-sided, {len(null)} random sets",
    }


def _kept(masks: Sequence[Subnetwork]) -> dict[str, Any]:
    """How many units of each type all of some masks keep; nothing where they differ."""
    counts = [mask.counts() for mask in masks]
    found = {}
    for name in ("heads", "mlps", "neurons"):
        kept = {one[name][0] if name in one else pd.NA for one in counts}
        found[name] = kept.pop() if len(kept) == 1 else pd.NA
    return found


def unit_table(sets: Sets) -> pd.DataFrame:
    """How many masks keep each head and MLP, and whether it is in the core."""
    masks = list(sets.masks.values())
    heads = np.sum([mask.head_mask for mask in masks], axis=0)
    mlps = np.sum([mask.mlp_mask for mask in masks], axis=0)
    lines = [
        {"unit": "head", "layer": layer, "head": head, "kept_in": int(kept)}
        for (layer, head), kept in np.ndenumerate(heads)
    ]
    lines += [
        {"unit": "mlp", "layer": layer, "kept_in": int(kept)} for layer, kept in enumerate(mlps)
    ]
    table = framed(lines, CORE_UNITS)
    return table.assign(n_masks=len(masks), core=table["kept_in"].eq(len(masks)))


def size_notes(sets: Sets) -> Iterator[str]:
    """How large the core is, beside what masks of these sizes share by chance."""
    masks = list(sets.masks.values())
    for unit, stacked in (
        ("heads", np.stack([mask.head_mask.ravel() for mask in masks])),
        ("MLPs", np.stack([mask.mlp_mask for mask in masks])),
    ):
        if stacked.all():
            continue
        p = kept_in_all_p(stacked)
        tested = (
            f", p = {p:.3g}"
            if np.isfinite(p)
            else ", no p: no number of shared units has a probability of .05 or less"
        )
        yield (
            f"{int(stacked.all(axis=0).sum())} of {stacked.shape[1]} {unit} are kept in all masks; "
            f"{kept_in_all_expected(stacked):.3g} are expected of random masks of these sizes"
            f"{tested}"
        )
