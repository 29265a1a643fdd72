"""The published scores of The Heuristic Core (Bhaskar, Friedman & Chen 2024, ACL), and files alike.

Two forms are read. In the first each key is a column: `seed` (one entry `original`, the full
model), `sparsity`, and one list for each metric, such as `mnli-matched` and the subcases of HANS.
In the second, seed -> target sparsity in percent -> metric -> value; sparsity 0 is the full model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...data.errors import DataFileError, UnknownNameError
from ...data.files.json_text import read_json_object
from ...data.files.reading import shown
from ...probes.challenge.entries import ENTAILED, HEURISTICS, NOT_ENTAILED, SUBCASE
from ..spread.panel import PERFORMANCE
from .points import FULL, Points

ORIGINAL = "original"
_SEED, _SPARSITY = "seed", "sparsity"
_HEURISTICS = ("lexical_overlap", "subsequence", "constituent")
_REMEDY = (
    "a result file has the lists seed, sparsity and one for each metric, or seed -> sparsity -> "
    "metric -> value"
)

Record = dict[str, Any]


def read_published(path: Path, score: str = "") -> Points:
    """The scores of the masks in a result file; subcases of HANS are also averaged by label.

    Args:
        path: a `.json` file.
        score: the column that is the score; empty = the first one.

    Raises:
        DataFileError: if the file is damaged, has another form, or holds fewer than two masks of
            one size.
        UnknownNameError: if it has no column `score`.
    """
    found = read_json_object(path, remedy=_REMEDY)
    where = str(path)
    nested = bool(found) and all(isinstance(value, dict) for value in found.values())
    tables = list(_by_size(found, where) if nested else _by_column(found, where))
    names = list(tables[0]["metrics"])
    if score and score not in names:
        raise UnknownNameError(f"score in {where}", score, names)
    lines = [line for one in tables for line in _lines(one, score or names[0])]
    points = Points.of(lines, {(line["probe"], line["metric"]) for line in lines})
    masks = points.table[points.table["kind"].ne(FULL)]
    if masks.empty or masks.groupby("size", dropna=False)["mask"].nunique().max() < 2:
        raise DataFileError(
            "holds no two masks of one size, and agreement needs two or more", where=where
        )
    return points


def shown_metrics(points: Points, metrics: Sequence[str], *, where: str) -> Points:
    """The metrics that are asked for; by default all but single subcases, if there are others.

    Raises:
        UnknownNameError: for a metric that the file does not have.
    """
    if metrics:
        return points.chosen(metrics, where=where)
    return points.without(SUBCASE)


def _by_column(found: Mapping[str, Any], where: str) -> Iterator[Record]:
    """One record for each mask of a file of columns."""
    for name in (_SEED, _SPARSITY):
        if name not in found:
            raise DataFileError(f"has no list {name!r}", where=where, remedy=_REMEDY)
    lengths = {}
    for name, values in found.items():
        if not isinstance(values, list):
            raise DataFileError(f"{name!r} is not a list", where=where, remedy=_REMEDY)
        lengths[name] = len(values)
    if len(set(lengths.values())) > 1:
        first, other = next((a, b) for a in lengths for b in lengths if lengths[a] != lengths[b])
        raise DataFileError(
            f"has lists of different lengths: {lengths[first]} in {first!r}, {lengths[other]} in "
            f"{other!r}",
            where=where,
        )
    metrics = [name for name in found if name not in (_SEED, _SPARSITY)]
    seeds = [_seed(seed, where) for seed in found[_SEED]]
    if len(set(seeds)) < len(seeds):
        raise DataFileError("names a seed twice", where=where)
    _some(metrics, where)
    for place, seed in enumerate(seeds):
        yield {
            "mask": FULL if seed == ORIGINAL else seed,
            "size": "",
            "sparsity": _number(found[_SPARSITY][place], f"sparsity of {seed}", where),
            "metrics": {
                name: _number(found[name][place], f"{name} of {seed}", where) for name in metrics
            },
        }


def _by_size(found: Mapping[str, Any], where: str) -> Iterator[Record]:
    """One record for each mask of a file of seeds and sparsities."""
    if not all(isinstance(inner, dict) for sizes in found.values() for inner in sizes.values()):
        raise DataFileError(
            "holds one model for each key, not several masks of one size",
            where=where,
            remedy=_REMEDY,
        )
    whole: dict[str, float] | None = None
    names = {tuple(metrics) for sizes in found.values() for metrics in sizes.values()}
    if len(names) != 1:
        raise DataFileError("its masks have different metrics", where=where, remedy=_REMEDY)
    _some(next(iter(names)), where)
    for seed, sizes in found.items():
        for size, metrics in sizes.items():
            try:
                share = float(size) / 100
            except ValueError:
                share = math.nan
            if not 0 <= share <= 1:
                raise DataFileError(
                    f"{shown(size)} is not a sparsity in percent", where=where, remedy=_REMEDY
                )
            values = {
                name: _number(value, f"{name} of {seed} at {size}", where)
                for name, value in metrics.items()
            }
            if share == 0:
                if whole not in (None, values):
                    raise DataFileError(
                        "has full models (sparsity 0) with different scores", where=where
                    )
                if whole is None:
                    yield {"mask": FULL, "size": "", "sparsity": 0.0, "metrics": values}
                whole = values
                continue
            yield {"mask": seed, "size": f"{size}%", "sparsity": share, "metrics": values}


def _lines(record: Record, score: str) -> Iterator[Record]:
    """The metrics of one mask: its scores, the means over subcases of HANS, and each subcase."""
    metrics: Mapping[str, float] = record["metrics"]
    mask = record["mask"]
    about = {
        "size": record["size"], "mask": mask, "sparsity": record["sparsity"],
        "kind": FULL if mask == FULL else "good", "better": "higher", "primary": False,
    }  # fmt: skip
    subcases = {name: entailed for name in metrics if (entailed := is_entailed(name)) is not None}
    for name, value in metrics.items():
        if name not in subcases:
            yield about | {
                "probe": PERFORMANCE, "metric": name, "value": value, "primary": name == score,
            }  # fmt: skip
    for metric, wanted in ((NOT_ENTAILED, False), (ENTAILED, True)):
        of = [metrics[name] for name, entailed in subcases.items() if entailed == wanted]
        if of:
            mean = math.fsum(of) / len(of)
            relation = f"{len(of)} subcases"
            named = {"probe": HEURISTICS, "metric": metric, "relation": relation}
            yield about | named | {"value": mean}
    for name in subcases:
        value = metrics[name]
        named = {"probe": HEURISTICS, "metric": SUBCASE, "relation": name}
        yield about | named | {"value": value, "primary": name == score}


def is_entailed(name: str) -> bool | None:
    """Whether pairs of a subcase of HANS are entailed, as its name says; None = not a subcase.

    `lexical_overlap_ln_passive` is not entailed (n), `subsequence_se_adjective` is (e).
    """
    for heuristic in _HEURISTICS:
        if name.startswith(f"{heuristic}_{heuristic[0]}"):
            return {"n": False, "e": True}.get(name[len(heuristic) + 2 : len(heuristic) + 3])
    return None


def _some(metrics: Sequence[str], where: str) -> None:
    if not metrics:
        raise DataFileError("has no metric", where=where, remedy=_REMEDY)


def _seed(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise DataFileError(f"{shown(value)} is not a seed", where=where, remedy=_REMEDY)
    return str(value)


def _number(value: Any, what: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataFileError(f"{shown(value)} is not a number ({what})", where=where)
    if not 0 <= value <= 1:
        raise DataFileError(f"{shown(value)} is not a share from 0 to 1 ({what})", where=where)
    return float(value)
