"""Which heads survive, and their properties in the full model: one panel per answer.

Predictors are measured on the full model, never on the subnetwork, where
pruned heads have no score.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...probes.entry import BestGain
from ...probes.registry import entries_of
from ..stability.mask_sets import MaskSet

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NAMED = ("probe", "metric", "variant", "relation", "direction", "target")
"""Columns of the tidy row that tell predictors apart."""

ALL_TASKS = "all-tasks"
MOST_OF_ONE_METRIC = 24
_ANSWER = ["model", "method"]


@dataclass(frozen=True)
class Predictor:
    """One number for each head of the full model.

    Attributes:
        name: what it is called, unique within a panel.
        about: value of each of NAMED, empty where the rows have none.
        per_head: [R, U], NaN where a head has no value.
    """

    name: str
    about: dict[str, str]
    per_head: Floats


@dataclass(frozen=True)
class Panel:
    """Survival and predictors of the heads of several runs of one encoder.

    Attributes:
        model: the encoder.
        task: the task, or `all-tasks`.
        method: how the masks were found.
        state: state of the full model that the predictors were measured on.
        runs: R pairs of task and seed.
        layer: layer of each of the U heads, rising.
        head: number of each head within its layer.
        kept: whether the good mask of a run keeps a head [R, U].
        predictors: what may predict it.
        notes: what was left out, and why.
    """

    model: str
    task: str
    method: str
    state: str
    runs: tuple[tuple[str, int], ...]
    layer: npt.NDArray[np.int64]
    head: npt.NDArray[np.int64]
    kept: Bools
    predictors: tuple[Predictor, ...] = ()
    notes: tuple[str, ...] = field(default=())


def head_panels(rows: pd.DataFrame, state: str = "finetuned") -> list[Panel]:
    """The panels of a run: one for each model, task and method, then all tasks of a method.

    Args:
        rows: tidy rows of one or several runs: masks of kind `good`, and probe rows of full models
            whose unit is `head`.
        state: `finetuned` (of the same task and seed) or `pretrained`.

    Returns:
        Panels in the order of the rows, without predictors where no probe gave rows of heads.
    """
    masks = rows[
        (rows["probe"] == "mask")
        & (rows["metric"] == "kept")
        & (rows["unit"] == "head")
        & (rows["kind"] == "good")
    ]
    measured = _measured(rows, state)
    panels: list[Panel] = []
    for (model, method), mine in masks.groupby(_ANSWER, sort=False):
        tasks = [
            _panel(mine[mine["task"] == task], measured[measured["model"] == model], state)
            for task in mine["task"].drop_duplicates()
        ]
        panels += tasks
        pooled = [panel for panel in tasks if panel.predictors]
        if len(pooled) > 1 and len({panel.kept.shape[1] for panel in pooled}) == 1:
            panels.append(_pooled(pooled))
        assert all((panel.model, panel.method) == (model, method) for panel in tasks)
    return panels


def _measured(rows: pd.DataFrame, state: str) -> pd.DataFrame:
    """Rows of single heads of full models, with a column `predictor`."""
    found = rows[
        (rows["unit"] == "head")
        & (rows["kind"] == "full")
        & (rows["state"] == state)
        & rows["value"].notna()
        & rows["layer"].notna()
        & rows["head"].notna()
        & rows["layer_b"].isna()
        & (rows["probe"] != "mask")
    ]
    found = found.assign(**{name: found[name].fillna("") for name in NAMED})
    best = {one.name: one.best_gain for one in entries_of(found["probe"].unique())}
    parts = [found[~found["probe"].isin([name for name, gain in best.items() if gain])]]
    parts += [_best(found[found["probe"] == name], gain) for name, gain in best.items() if gain]
    found = pd.concat(parts, ignore_index=True)
    return found.assign(predictor=_names(found))


def _best(rows: pd.DataFrame, gain: BestGain) -> pd.DataFrame:
    """For each head the largest gain over the baseline, over relations and directions."""
    one = rows[
        (rows["metric"] == gain.metric)
        & (rows["relation"] != "all")
        & rows["baseline_value"].notna()
    ]
    gains = one.assign(value=one["value"] - one["baseline_value"], metric=gain.name)
    gains = gains.assign(relation="", direction="", target="")
    place = ["model", "task", "seed", "layer", "head", *NAMED]
    return gains.groupby(place, sort=False, dropna=False)["value"].max().reset_index()


def _names(rows: pd.DataFrame) -> pd.Series[str]:
    """Probe, metric, and what else tells the predictors apart; the variant only where it must."""
    distinct = rows[list(NAMED)].drop_duplicates()
    variants = distinct.groupby(["probe", "metric"])["variant"].nunique()
    names = {}
    for line in distinct.itertuples(index=False):
        about = dict(zip(NAMED, map(str, line), strict=True))
        if variants[about["probe"], about["metric"]] < 2:
            about["variant"] = ""
        names[tuple(line)] = "/".join(part for part in about.values() if part)
    keys = rows[list(NAMED)].itertuples(index=False, name=None)
    return pd.Series([names[key] for key in keys], index=rows.index, dtype="string")


def _panel(masks: pd.DataFrame, measured: pd.DataFrame, state: str) -> Panel:
    model, task, method = (str(masks[name].iloc[0]) for name in ("model", "task", "method"))
    kept = masks.pivot_table(
        index="seed", columns=["layer", "head"], values="value", aggfunc="first"
    ).sort_index()
    kept = kept.sort_index(axis=1)
    units = kept.columns
    seeds = [int(seed) for seed in kept.index]
    # what the pretrained encoder knows may be said once for all tasks and seeds
    same_task = measured["task"].eq(task).fillna(False) | measured["task"].isna()
    mine = measured[same_task.astype(bool)]
    predictors, notes = [], []
    sizes = mine.groupby(["probe", "metric"])["predictor"].nunique()
    for probe, metric in sizes[sizes > MOST_OF_ONE_METRIC].index:
        notes.append(
            f"{probe}/{metric} is left out: {sizes[probe, metric]} predictors of one metric, "
            f"more than {MOST_OF_ONE_METRIC}"
        )
        mine = mine[(mine["probe"] != probe) | (mine["metric"] != metric)]
    for name, lines in mine.groupby("predictor", sort=True):
        about = {column: str(lines[column].iloc[0]) for column in NAMED}
        predictors.append(Predictor(str(name), about, _values(lines, seeds, units)))
    layer, head = (units.get_level_values(i).to_numpy(dtype=np.int64) for i in (0, 1))
    runs = tuple((task, seed) for seed in seeds)
    survives = kept.to_numpy(dtype=np.float64) > 0
    return Panel(
        model, task, method, state, runs, layer, head, survives, tuple(predictors), tuple(notes)
    )


def _values(lines: pd.DataFrame, seeds: list[int], units: pd.MultiIndex) -> Floats:
    """One predictor [R, U] of the wanted seeds and heads."""
    once = lines[lines["seed"].isna()].groupby(["layer", "head"])["value"].mean()
    everywhere = once.reindex(units).to_numpy(dtype=np.float64, na_value=np.nan)
    by_seed = lines.groupby(["seed", "layer", "head"])["value"].mean()
    found = np.tile(everywhere, (len(seeds), 1))
    for place, seed in enumerate(seeds):
        if seed in by_seed.index.get_level_values(0):
            mine = by_seed.loc[seed].reindex(units)
            found[place] = mine.to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def _pooled(panels: list[Panel]) -> Panel:
    """All tasks of one encoder and method: the predictors that every task has."""
    first = panels[0]
    common = set.intersection(*({p.name for p in panel.predictors} for panel in panels))
    stacked = []
    for predictor in first.predictors:
        if predictor.name in common:
            parts = [_of_name(panel, predictor.name).per_head for panel in panels]
            stacked.append(Predictor(predictor.name, predictor.about, np.concatenate(parts)))
    return Panel(
        first.model,
        ALL_TASKS,
        first.method,
        first.state,
        tuple(run for panel in panels for run in panel.runs),
        first.layer,
        first.head,
        np.concatenate([panel.kept for panel in panels]),
        tuple(stacked),
    )


def _of_name(panel: Panel, name: str) -> Predictor:
    return next(predictor for predictor in panel.predictors if predictor.name == name)


def panel_of_masks(masks: MaskSet, predictors: Mapping[str, npt.ArrayLike]) -> Panel:
    """A panel of masks from files with predictors of one's own.

    Args:
        masks: the masks of one task; they must have heads.
        predictors: name -> one number for each head [L, H] or [L * H], or for each seed (rising)
            and head [S, L, H] or [S, L * H].

    Raises:
        ValueError: for a predictor of another shape.
    """
    layer, head = np.indices(masks.shapes["head"]).reshape(2, -1)
    kept = masks.units["head"]
    named = []
    for name, given in predictors.items():
        values = np.asarray(given, dtype=np.float64)
        if values.size not in (layer.size, kept.size):
            raise ValueError(f"{name}: shape {values.shape} does not fit {masks.shapes['head']}")
        per_head = np.broadcast_to(values.reshape(-1, layer.size), kept.shape)
        named.append(Predictor(name, dict.fromkeys(NAMED, ""), per_head))
    runs = tuple((masks.task, seed) for seed in masks.seeds)
    return Panel("", masks.task, "", "", runs, layer, head, kept, tuple(named))


HEAD_COLUMNS = [
    "model", "task", "method", "state", "seed", "layer", "head", "kept", "predictor", "value",
]  # fmt: skip


def panel_lines(panels: Iterable[Panel]) -> Iterator[pd.DataFrame]:
    """The data behind a test: one line for each run, head and predictor (HEAD_COLUMNS)."""
    for panel in panels:
        if panel.task == ALL_TASKS:
            continue
        about = {"model": panel.model, "method": panel.method, "state": panel.state}
        for place, (task, seed) in enumerate(panel.runs):
            lines = pd.DataFrame(
                {"layer": panel.layer, "head": panel.head, "kept": panel.kept[place]}
            ).assign(**about, task=task, seed=seed)
            for predictor in panel.predictors:
                values = predictor.per_head[place]
                yield lines.assign(predictor=predictor.name, value=values)[HEAD_COLUMNS]
