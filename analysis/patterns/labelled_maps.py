"""User-labelled maps: a file of arrays and a CSV file of pattern names."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import DataFileError
from ...data.files.array_files import read_npz
from ...data.files.atomic import write_text
from ...data.files.reading import reading
from ...data.files.row_files import read_csv
from ...data.output.folders import atomic_folder
from ...probes.patterns.classes import PATTERNS, SHORTEST
from ...probes.patterns.network import PatternClassifier, classifier_of
from ...probes.patterns.training import Fitted, feature_set, train_classifier
from .sample import OwnMap

LEAST = 10
"""Labelled maps that each pattern needs: to fit, to calibrate and to report, by 3 : 1 : 1."""

_ALIASES = {"mix": "vertical+diagonal", "mixed": "vertical+diagonal", "other": "heterogeneous"}
_MAPS, _LABELS = "maps.safetensors", "labels.csv"
MAPS = "patterns export"
"""What the record of a folder calls maps and labels."""


def export_maps(
    maps: list[OwnMap], out: Path, classifier: PatternClassifier, *, overwrite: bool = False
) -> None:
    """Write a folder for labelling: `maps.safetensors` and `labels.csv`.

    The column `pattern` has the classifier's prediction, to be corrected by hand; `probability` is
    its confidence.
    """
    import torch
    from safetensors.numpy import save_file

    sets = feature_set([one.weights for one in maps], [0] * len(maps))
    chances = classifier.probabilities(torch.from_numpy(sets.features)).numpy()
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["map", "pattern", "probability"])
    for one, row in zip(maps, chances, strict=True):
        table.writerow([one.name, PATTERNS[row.argmax()], f"{row.max():.4f}"])
    with atomic_folder(out, MAPS, overwrite=overwrite) as folder:
        save_file({one.name: one.weights for one in maps}, folder / _MAPS)
        write_text(folder / _LABELS, text.getvalue())


def read_labelled(
    folder: Path,
) -> tuple[list[npt.NDArray[np.float64]], list[int]]:
    """Read `labels.csv` and `maps.safetensors` or `maps.npz` of a folder.

    Every label names a map, a square array [n, n] of n >= 8 tokens, nonnegative, without padding;
    maps without a label are left out. Names of patterns may be in any case; `mix` and `other`, the
    study's words, stand for `vertical+diagonal` and `heterogeneous`.

    Returns:
        The maps, and the index of each one's pattern in `PATTERNS`.

    Raises:
        DataFileError: naming the file, and the line or map at fault.
    """
    labels = folder / _LABELS
    if not labels.is_file():
        raise DataFileError(
            f"has no {_LABELS}",
            where=str(folder),
            remedy="`subprobe patterns export` writes such a folder",
        )
    read = read_csv(labels, ["map", "pattern"])
    arrays = _arrays(folder)
    maps, patterns, seen = [], [], set()
    for place, (name, label) in zip(read.places, read.cells, strict=True):
        where = f"{labels}, {place}"
        if name in seen:
            raise DataFileError(f"contains two labels for the map {name!r}", where=where)
        seen.add(name)
        maps.append(_checked(arrays, name, where))
        patterns.append(_pattern(label, where))
    return maps, patterns


def _pattern(label: str, where: str) -> int:
    plain = "".join(label.lower().split())
    plain = _ALIASES.get(plain, plain)
    if plain not in PATTERNS:
        raise DataFileError(
            f"unknown pattern {label!r}", where=where, remedy=f"known: {', '.join(PATTERNS)}"
        )
    return PATTERNS.index(plain)


def _arrays(folder: Path) -> Mapping[str, Any]:
    from safetensors.numpy import load_file

    tensors, zipped = folder / _MAPS, folder / "maps.npz"
    path = tensors if tensors.is_file() else zipped
    if not path.is_file():
        raise DataFileError(f"has no {_MAPS} or {zipped.name}", where=str(folder))
    if path == zipped:
        return read_npz(path)
    with reading(path, problem="is not a valid safetensors file"):
        found: Mapping[str, Any] = load_file(path)
    return found


def _checked(arrays: Mapping[str, Any], name: str, where: str) -> npt.NDArray[np.float64]:
    if name not in arrays:
        raise DataFileError(f"no map is named {name!r}", where=where)
    raw = np.asarray(arrays[name])
    problem = ""
    if raw.ndim != 2 or raw.shape[0] != raw.shape[1]:
        problem = f"has the shape {list(raw.shape)}, which is not square"
    elif len(raw) < SHORTEST:
        problem = f"has {len(raw)} tokens, fewer than {SHORTEST}"
    elif raw.dtype.kind not in "fiu" or not np.isfinite(raw).all() or (raw < 0).any():
        problem = "contains weights that are NaN, infinite or negative"
    elif not (raw.sum(axis=1) > 0).all():
        problem = "contains a row without attention"
    if problem:
        raise DataFileError(
            f"map {name!r} {problem}",
            where=where,
            remedy="remove padding and keep only real tokens",
        )
    return raw.astype(np.float64)


def retrain(
    folder: Path, *, start: str = "", from_nothing: bool = False, seed: int = 0, epochs: int = 60
) -> Fitted:
    """Train a classifier on labelled maps: three fifths to fit, one to calibrate, one to report.

    Args:
        folder: as `read_labelled` reads it.
        start: initial classifier; empty = the built-in one.
        from_nothing: start from random weights instead.
        seed: of the split, the weights and the order.
        epochs: passes over the maps.

    Raises:
        DataFileError: for bad input, or a pattern with fewer than 10 maps.
    """
    maps, patterns = read_labelled(folder)
    counts = np.bincount(patterns, minlength=len(PATTERNS))
    few = [f"{name} {n}" for name, n in zip(PATTERNS, counts, strict=True) if n < LEAST]
    if few:
        raise DataFileError(
            f"too few labelled maps: {', '.join(few)}",
            where=str(folder),
            remedy=f"label at least {LEAST} maps of each pattern",
        )
    every = feature_set(maps, patterns)
    rng = np.random.default_rng(seed)
    part = np.zeros(len(patterns), dtype=np.int64)
    for k in range(len(PATTERNS)):
        members = rng.permutation(np.flatnonzero(every.pattern == k))
        part[members] = np.array([0, 0, 0, 1, 2])[np.arange(len(members)) % 5]
    sets = [every.take(np.flatnonzero(part == k)) for k in range(3)]
    about = {"trained_on": f"{len(maps)} labelled maps", "calibrated": "for maps like these",
             "counts": dict(zip(PATTERNS, counts.tolist(), strict=True))}  # fmt: skip
    return train_classifier(
        *sets,
        seed=seed,
        about=about,
        epochs=epochs,
        start=None if from_nothing else classifier_of(start),
    )
