"""Reading the masks of many tasks and seeds: ours, and the published layout.

Ours are `TASK-seedN-KIND.safetensors` files in a run folder's `masks/` or in the folder itself; the
study published `TASK/seed_N/head_mask.npy` [L, H] and `mlp_mask.npy` [L], 1 = kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...data.errors import MaskError, UnknownNameError
from ...data.output.run_record import masks_left_over
from ...data.seeds import meet, seed_of
from ...models.masks.names import KINDS
from ...models.masks.plain_masks import read_plain
from ...models.masks.subnetwork import Subnetwork
from .agreement import Masks

_OURS = re.compile(r"(?P<task>.+)-seed(?P<seed>\d+)-(?P<kind>[a-z]+)")
_SEED = re.compile(r"seed_(\d+)")


@dataclass(frozen=True)
class MaskSet:
    """The masks of one task.

    Attributes:
        task: its name.
        seeds: S seeds in rising order.
        units: `head` and `mlp` (one of them may be missing) -> masks [S, U].
        shapes: the same keys -> [L, H] or [L], for naming single units.
        crossed: whether several seeds of the initialisation meet several of the data order, so that
            masks that share one of them are not independent.
    """

    task: str
    seeds: tuple[int, ...]
    units: dict[str, Masks]
    shapes: dict[str, tuple[int, ...]]
    crossed: bool = False


Mask = dict[str, Masks]
"""One mask as it was read: unit -> [L, H] or [L]."""


def read_mask_sets(
    folder: Path, *, kind: str | None = None, tasks: Sequence[str] = ()
) -> list[MaskSet]:
    """Every task of a folder with the masks of its seeds, tasks in the order of their names.

    Masks that lie in a run folder and that its configuration does not ask for are left out.

    Args:
        folder: a run folder, a folder of `.safetensors` masks, or one of the published layout (all
            tasks, or one task's seeds).
        kind: which of our masks: `good` where None. The published layout has one kind a folder.
        tasks: only these; none = all.

    Raises:
        MaskError: without masks, with fewer than two seeds, for masks of different shapes, and for
            files that are not whole masks of 0 and 1.
        UnknownNameError: for a kind or a task that does not exist.
    """
    if kind is not None and kind not in KINDS:
        raise UnknownNameError("kind", kind, KINDS)
    if not folder.is_dir():
        raise MaskError(
            "no such folder", where=str(folder), remedy="name a folder that holds masks"
        )
    pairs: dict[str, list[tuple[int, int]]] = {}
    found = _ours(folder, kind or "good", pairs) or _published(folder, kind)
    if not found:
        raise MaskError(_nothing(folder, kind or "good"), where=str(folder), remedy=_remedy(folder))
    unknown = [task for task in tasks if task not in found]
    if unknown:
        raise UnknownNameError("task", unknown[0], found)
    chosen = [
        _joined(task, found[task], folder, crossed=meet(pairs.get(task, ())))
        for task in sorted(tasks or found)
    ]
    _check_one_shape([(task.task, task.shapes) for task in chosen], folder)
    return chosen


def _ours(
    folder: Path, kind: str, pairs: dict[str, list[tuple[int, int]]]
) -> dict[str, dict[int, Mask]]:
    """Task -> seed -> mask; the seeds of initialisation and order of each are added to `pairs`."""
    inner = folder / "masks"
    paths = sorted((inner if inner.is_dir() else folder).glob("*.safetensors"))
    left_over = set(masks_left_over(folder, paths))
    paths = [path for path in paths if path not in left_over]
    found: dict[str, dict[int, Mask]] = {}
    encoders: dict[str, Path] = {}
    for path in paths:
        named = _OURS.fullmatch(path.stem)
        if named and named["kind"] != kind:
            continue
        mask = Subnetwork.load(path)
        if not named and mask.kind != kind:
            continue
        own = mask.task, seed_of(mask.seed_init, mask.seed_order)
        task, seed = (named["task"], int(named["seed"])) if named else own
        if seed in found.get(task, {}):
            raise MaskError(f"a second {kind} mask of {task} with seed {seed}", where=str(path))
        encoders.setdefault(mask.model, path)
        if len(encoders) > 1:
            raise MaskError(
                f"masks of several encoders: {' and '.join(map(repr, sorted(encoders)))}",
                where=str(path),
                remedy="keep the masks of one encoder in a folder",
            )
        pairs.setdefault(task, []).append((mask.seed_init, mask.seed_order))
        found.setdefault(task, {})[seed] = {"head": mask.head_mask, "mlp": mask.mlp_mask}
    return found


def _published(folder: Path, kind: str | None) -> dict[str, dict[int, Mask]]:
    places = (
        [folder] if _seed_folders(folder) else sorted(p for p in folder.iterdir() if p.is_dir())
    )
    found = {
        place.resolve().name: {seed: dict(read_plain(path)) for seed, path in seeds.items()}
        for place in places
        if (seeds := _seed_folders(place))
    }
    if found and kind is not None:
        raise MaskError(
            "masks of the published layout do not say their kind",
            where=str(folder),
            remedy="leave `kind` out and name the folder of that kind",
        )
    return found


def _seed_folders(folder: Path) -> dict[int, Path]:
    """Seed -> its folder."""
    named = ((_SEED.fullmatch(path.name), path) for path in folder.iterdir() if path.is_dir())
    return {int(seed[1]): path for seed, path in sorted(named, key=lambda x: x[1].name) if seed}


def _joined(task: str, masks: dict[int, Mask], folder: Path, *, crossed: bool) -> MaskSet:
    """The masks of one task as [S, U]."""
    if len(masks) < 2:
        only = ", ".join(map(str, masks))
        raise MaskError(
            f"{task or 'the task'} has one seed ({only}): agreement needs two or more",
            where=str(folder),
            remedy="add seeds, or choose other tasks with `tasks`",
        )
    seeds = tuple(sorted(masks))
    shapes = {seed: {unit: mask.shape for unit, mask in masks[seed].items()} for seed in seeds}
    _check_one_shape([(f"{task} seed {seed}", shape) for seed, shape in shapes.items()], folder)
    units = {
        unit: np.stack([masks[seed][unit].ravel() for seed in seeds]) for unit in masks[seeds[0]]
    }
    return MaskSet(task, seeds, units, shapes[seeds[0]], crossed)


def _check_one_shape(
    shapes: Iterable[tuple[str, dict[str, tuple[int, ...]]]], folder: Path
) -> None:
    named = list(shapes)
    first, wanted = named[0]
    for other, shape in named[1:]:
        if shape != wanted:
            raise MaskError(
                f"masks of different shapes: {first} has {_said(wanted)}, {other} {_said(shape)}",
                where=str(folder),
                remedy="keep the masks of one encoder, with the same files each, in a folder",
            )


def _said(shapes: dict[str, tuple[int, ...]]) -> str:
    return " and ".join(f"{unit}s {list(shape)}" for unit, shape in shapes.items())


def _nothing(folder: Path, kind: str) -> str:
    inner = folder / "masks"
    other = sorted((inner if inner.is_dir() else folder).glob("*.safetensors"))
    if other:
        return f"holds {len(other)} masks, none of them {kind}"
    return "holds no masks"


def _remedy(folder: Path) -> str:
    """The folders one step down that hold the published layout, if there are some."""
    sets = sorted(
        place.name
        for place in folder.iterdir()
        if place.is_dir() and any(_seed_folders(task) for task in place.iterdir() if task.is_dir())
    )
    if sets:
        return f"name one of the folders in it: {', '.join(sets)}"
    return "name a run folder, or one with TASK/seed_N/head_mask.npy"
