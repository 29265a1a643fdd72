"""The scored masks of one model of a curve as arrays and plain values, for the cells of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from ...models.masks.subnetwork import Subnetwork
from .scored import Mark, ScoredModel
from .sizes import Sizes

Arrays = Mapping[str, npt.NDArray[Any]]

_ANSWERS = "answers."
_PLAIN = ("name", "metric", "ablation", "selection", "flag", "first_draw")
_HELD = ("gold", "units", "full", "empty")


def packed(scored: ScoredModel) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Its arrays by name, and everything else as JSON values."""
    arrays = {name: np.asarray(getattr(scored, name)) for name in _HELD}
    arrays |= {f"{_ANSWERS}{kind}": held for kind, held in scored.answers.items()}
    # scores need not be finite, which JSON cannot say
    arrays["mark_values"] = np.array([mark.value for mark in scored.marks], dtype=np.float64)
    name, chance = scored.baseline
    numbers = (scored.scores["full"], scored.scores["empty"], chance)
    arrays["numbers"] = np.array(numbers, dtype=np.float64)
    marks = [{**asdict(mark), "value": None} for mark in scored.marks]
    plain = {field: getattr(scored, field) for field in _PLAIN}
    plain |= {"ids": list(scored.ids), "seeds": list(scored.seeds), "marks": marks}
    return arrays, {**plain, "baseline": name, "kinds": list(scored.answers)}


def unpacked(arrays: Arrays, plain: Mapping[str, Any]) -> ScoredModel:
    """What `packed` was given."""
    values = arrays["mark_values"].tolist()
    marks = [
        Mark(**{**mark, "value": value}) for mark, value in zip(plain["marks"], values, strict=True)
    ]
    full, empty, chance = arrays["numbers"].tolist()
    held: dict[str, Any] = {name: arrays[name] for name in _HELD}
    return ScoredModel(
        **{name: plain[name] for name in _PLAIN},
        **held,
        ids=tuple(plain["ids"]),
        seeds=tuple(plain["seeds"]),
        answers={kind: arrays[f"{_ANSWERS}{kind}"] for kind in plain["kinds"]},
        marks=tuple(marks),
        scores={"full": full, "empty": empty},
        baseline=(plain["baseline"], chance),
    )


def sizes_in(plain: Mapping[str, Any]) -> Sizes:
    """Sizes from the JSON values of their fields."""
    return Sizes(plain["units"], plain["totals"], tuple(plain["counts"]), tuple(plain["asked"]))


def units_kept(mask: Subnetwork) -> dict[str, list[int]]:
    """Flat indices of the kept heads and MLPs of a mask."""
    kept = {"heads": mask.head_mask, "mlps": mask.mlp_mask}
    return {name: np.flatnonzero(held).tolist() for name, held in kept.items()}


def with_units(like: Subnetwork, kept: Mapping[str, list[int]]) -> Subnetwork:
    """A mask that keeps these heads and MLPs, with everything else of another one."""
    arrays = {}
    for name, held in (("head_mask", like.head_mask), ("mlp_mask", like.mlp_mask)):
        new = np.zeros(held.shape, dtype=np.bool_)
        new.ravel()[kept["heads" if name == "head_mask" else "mlps"]] = True
        arrays[name] = new
    return like.with_meta(**arrays)
