"""Whether every unit of a mask matters more than a pruned unit that is put back.

Shi et al. (2024): a mask is minimal if each of its units changes the model more, when it is knocked
out, than a random pruned unit that is first added to the mask. They correct for nothing; here the
tests of all units of a mask are one family.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import MaskError
from ...models.masks.subnetwork import Subnetwork
from ...pruning.knock_out import searched_levels
from ..statistics.count_laws import EXACT, clopper_pearson
from ..wording import counted
from .scoring import MaskScorer
from .share_tests import least_draws, p_above

Unit = tuple[str, tuple[int, ...]]
"""The level of a unit, and its place in the mask of that level."""
_NAMES = {"heads": "head", "mlps": "mlp", "neurons": "neuron"}
_FIELDS = {"heads": "head_mask", "mlps": "mlp_mask", "neurons": "neuron_mask"}


def units_of_mask(mask: Subnetwork, kept: bool, most: int, rng: np.random.Generator) -> list[Unit]:
    """The kept or the pruned units of each searched level, in order; of more than `most`, a sample.

    Args:
        mask: a mask of heads, MLPs or neurons.
        kept: whether kept or pruned units are wanted; neurons of pruned MLPs are neither.
        most: number of units of each level; 0 = all.
        rng: draws the sample without replacement.

    Raises:
        MaskError: for a mask of single weights.
    """
    found: list[Unit] = []
    for level in searched_levels(mask):
        if level == "weights":
            raise MaskError(
                "minimality is tested for heads, MLPs and neurons, not for single weights",
                remedy="test the other hypotheses",
            )
        of_level = getattr(mask, _FIELDS[level])
        wanted = of_level if kept else ~of_level
        if level == "neurons":
            wanted = wanted & mask.mlp_mask[:, None]
        places = np.argwhere(wanted)
        if most and len(places) > most:
            places = places[np.sort(rng.choice(len(places), most, replace=False))]
        found += [(level, tuple(map(int, place))) for place in places]
    return found


def switched(mask: Subnetwork, unit: Unit) -> Subnetwork:
    """The mask with one unit pruned that it keeps, or kept that it prunes."""
    level, place = unit
    changed: npt.NDArray[np.bool_] = getattr(mask, _FIELDS[level]).copy()
    changed[place] = not changed[place]
    return mask.with_meta(**{_FIELDS[level]: changed}, kind="combined", history=())


def minimality_lines(
    mask: Subnetwork, scorer: MaskScorer, kept: Sequence[Unit], pruned: Sequence[Unit],
    share: float,
) -> list[dict[str, Any]]:  # fmt: skip
    """One line for each unit: how much the model under the mask changes without it, or with it.

    Lines of kept units are tests of the null that the unit changes the model more than at most a
    share of the pruned units of the same type that are put back. Lines of pruned units are these.

    Args:
        mask: the mask.
        scorer: scores masks.
        kept: kept units that are tested.
        pruned: pruned units that are put back.
        share: the threshold.
    """
    base = scorer.score(mask)
    effects = {
        unit: scorer.change(base, scorer.score(switched(mask, unit))) for unit in (*kept, *pruned)
    }
    null = {
        level: np.array([effects[unit] for unit in pruned if unit[0] == level]) for level in _FIELDS
    }
    lines = [_tested(unit, effects[unit], null[unit[0]], share) for unit in kept]
    return lines + [_line(unit, effects[unit], kept=False) for unit in pruned]


def _tested(
    unit: Unit, effect: float, null: npt.NDArray[np.float64], share: float
) -> dict[str, Any]:
    n, least = len(null), least_draws(share)
    wins = int((effect > null + 1e-12).sum())
    line = _line(unit, effect, kept=True) | {
        "threshold": share, "wins": wins, "n": n, "least_n": least, "floor": share**n,
    }  # fmt: skip
    if n:
        low, high = clopper_pearson(wins, n)
        line |= {"value": wins / n, "ci_low": low, "ci_high": high, "ci_method": EXACT}
    if n < least:
        many = counted(n, f"pruned {named(unit[0])}")
        return line | {"flag": f"{many} to compare with: at least {least} are needed"}
    return line | {"p_value": p_above(wins, n, share)}


def _line(unit: Unit, effect: float, *, kept: bool) -> dict[str, Any]:
    level, place = unit
    line: dict[str, Any] = {"unit": _NAMES[level], "layer": place[0], "kept": kept}
    if len(place) > 1:
        line[_NAMES[level]] = place[1]
    return line | {"effect": effect}


def named(level: str) -> str:
    """What a unit of a level is called."""
    return {"mlps": "MLP"}.get(level, _NAMES[level])
