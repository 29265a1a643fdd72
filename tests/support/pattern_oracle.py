"""Attention patterns by hand: prototypes of another recipe than the generator's, plain features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file
from scipy.special import softmax
from subprobe.probes.patterns.classes import PATTERNS
from subprobe.probes.patterns.feature_names import BANDS, GRID, OFFSETS, TOP, WINDOWS

Floats = npt.NDArray[np.float64]


def prototype(pattern: str, n: int, seed: int) -> Floats:
    """A map as attention makes one: softmax of scores, some raised, all with Gaussian noise."""
    rng = np.random.default_rng([seed, n, PATTERNS.index(pattern)])
    scores = rng.normal(0, 0.5, (n, n))
    i, j = np.indices((n, n))
    strong = np.log(n) + 1.5
    if pattern in ("vertical", "vertical+diagonal"):
        scores[:, rng.choice([0, n - 1])] += strong
        if n >= 16:
            scores[:, rng.integers(2, n - 2)] += strong - 0.7
    if pattern in ("diagonal", "vertical+diagonal"):
        offset = rng.choice([-1, 0, 1])
        scores[j - i == offset] += strong
    if pattern == "block":
        cut = n // 2 + rng.integers(-n // 8, n // 8 + 1)
        scores[(i < cut) != (j < cut)] -= 4
    return np.asarray(softmax(scores, axis=1))


def faint_column(n: int, seed: int) -> Floats:
    """A special token with 4 to 6 times the weight of the others, in every row alike."""
    rng = np.random.default_rng([seed, n])
    scores = rng.normal(0, 0.4, (n, n))
    scores[:, rng.choice([0, n - 1])] += np.log(rng.uniform(4, 6))
    return np.asarray(softmax(scores, axis=1))


def wide_band(n: int, seed: int) -> Floats:
    """Scores that fall with the distance, faster on one side; some tokens are worth more."""
    rng = np.random.default_rng([seed, n])
    i, j = np.indices((n, n))
    widest = max(1.6, min(4, n / 8))
    left, right = rng.permutation([rng.uniform(1.5, widest), rng.uniform(0.5, 1.5)])
    distance = j - i
    scores = rng.normal(0, 0.4, (n, n)) + rng.normal(0, 0.36, n)
    scores += np.log(n) + 1 - np.abs(distance) / np.where(distance < 0, left, right)
    return np.asarray(softmax(np.maximum(scores, rng.normal(0, 0.4, (n, n))), axis=1))


def diffuse(n: int, seed: int) -> Floats:
    """Scores that are noise, with a mild preference for some tokens."""
    rng = np.random.default_rng([seed, n])
    scores = rng.normal(0, rng.uniform(0.2, 1.0), (n, n)) + rng.normal(0, 0.3, n)
    return np.asarray(softmax(scores, axis=1))


def plain_features(grid: Floats) -> list[float]:
    """Every feature of one map by loops, in the order of `FEATURES`."""
    n = len(grid)
    a = grid / grid.sum() * n
    column: list[float] = [sum(a[i][j] for i in range(n)) / n for j in range(n)]
    order = sorted(range(n), key=lambda j: -column[j])[:TOP]
    found: list[float] = [np.log2(n) / 7]
    found += [column[j] for j in order]
    found += [column[0], column[-1], sum(c * c for c in column)]
    found += [-sum(c * np.log(c) for c in column if c > 0) / np.log(n)]
    found += [np.mean([a[i][j] ** 0.5 for i in range(n)]) ** 2 / column[j] for j in order]
    cells = {d: [(i, i + d) for i in range(n) if 0 <= i + d < n] for d in OFFSETS}
    mass = {d: np.mean([a[c] for c in cells[d]]) for d in OFFSETS}
    found += [mass[d] for d in OFFSETS]
    found += [mass[d] - np.mean([column[j] for _, j in cells[d]]) for d in OFFSETS]
    found += [np.mean([a[c] ** 0.5 for c in cells[d]]) ** 2 / mass[d] for d in OFFSETS]
    for name in BANDS:
        width = size(name, n)
        near = [(i, j) for i in range(n) for j in range(n) if abs(i - j) <= width]
        found.append(sum(a[c] - column[c[1]] for c in near) / n)
    mean = sum(a[i][j] * abs(i - j) for i in range(n) for j in range(n)) / n**2
    expected = sum(column[j] * abs(i - j) for i in range(n) for j in range(n)) / n**2
    found += [mean, mean - expected]
    found += _segments(a, column)
    variation = sum(abs(a[i][j] - column[j]) for i in range(n) for j in range(n)) / (2 * n)
    sums = [row.sum() for row in a]
    shares = [row / row.sum() for row in a]
    entropy = [-sum(p * np.log(p) for p in row if p > 0) / np.log(n) for row in shares]
    found += [variation, np.mean(entropy), np.std(entropy), np.mean([max(row) for row in shares])]
    found += [np.std(sums), sum(min(a[i][j], a[j][i]) for i in range(n) for j in range(n)) / n]
    for x in range(GRID):
        for y in range(GRID):
            rows = {i: part for i in range(n) if (part := overlap(i, x, n))}
            columns = {j: part for j in range(n) if (part := overlap(j, y, n))}
            dense = sum(a[i][j] * p * q for i, p in rows.items() for j, q in columns.items())
            found.append(float(np.log1p(dense * n)))
    return [float(one) for one in found]


def _segments(a: Floats, column: list[float]) -> list[float]:
    n = len(a)
    excess = []
    for k in range(2, n - 1):
        inside = (a[:k, :k].sum() + a[k:, k:].sum()) / n
        left = sum(column[:k])
        excess.append(inside - (k / n * left + (1 - k / n) * (1 - left)))
    novelty: list[list[float]] = []
    for name in WINDOWS:
        w = min(max(size(name, n), 2), n // 2)
        novelty.append([])
        for k in range(w, n - w + 1):
            same = a[k - w : k, k - w : k].sum() + a[k : k + w, k : k + w].sum()
            across = a[k - w : k, k : k + w].sum() + a[k : k + w, k - w : k].sum()
            novelty[-1].append((same - across) / (2 * w))
    summaries: list[Any] = [np.max, np.mean, np.std]
    found = [max(excess), max(excess) - float(np.mean(excess))]
    return found + [float(how(one)) for how in summaries for one in novelty]


def size(name: str, n: int) -> int:
    return max(1, n // int(name[2:])) if name.startswith("n/") else int(name)


def overlap(token: int, cell: int, n: int) -> float:
    """Part of a grid cell that a token's interval covers."""
    high = min((token + 1) / n, (cell + 1) / GRID)
    low = max(token / n, cell / GRID)
    return max(0.0, high - low) * GRID


def write_labelled(
    folder: Path, *, kind: str = "safetensors", n: int = 12, words: Sequence[str] = PATTERNS
) -> Path:
    """A folder of labelled prototypes, as `subprobe patterns train` reads it."""
    folder.mkdir()
    maps: dict[str, Any] = {f"{p}-{k}": prototype(p, 10 + k, k).astype(np.float32)
            for p in PATTERNS for k in range(n)}  # fmt: skip
    if kind == "npz":
        np.savez(folder / "maps.npz", **maps)
    else:
        save_file(maps, folder / "maps.safetensors")
    lines = [f"{p}-{k},{word}" for p, word in zip(PATTERNS, words, strict=True) for k in range(n)]
    (folder / "labels.csv").write_text("\n".join(["map,pattern", *lines]) + "\n", "utf-8")
    return folder
