"""A run folder with items whose effects are known: models that are right with set probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from subprobe.analysis.cell_output import CellOutput
from subprobe.data.output.tables import items_frame, rows_frame, write_parquet
from subprobe.data.tasks.metrics import METRICS

RIGHT = {
    ("full", "full", "finetuned"): 0.9,
    ("full", "untrained", "untrained"): 0.5,
    ("structured", "good", "pruned"): 0.85,
    ("structured", "random", "pruned"): 0.6,
    ("structured", "bad", "pruned"): 0.5,
    ("structured", "good", "retrained"): 0.88,
    ("structured", "bad", "retrained"): 0.8,
}
"""Method, kind, state -> probability to be right."""
METRIC_NAMES = ("accuracy", "matthews")
HEADS = [(layer, head) for layer in range(2) for head in range(3)]
DEAD = {"good": [(1, 2)], "random": [(0, 0)], "bad": [(1, 2), (0, 0)]}
"""Kind -> heads that are pruned."""
RELATIONS = ("nsubj", "obj")


def write_paired_run(
    folder: Path,
    *,
    tasks: Sequence[str] = ("acceptability",),
    seeds: Sequence[int] = (1, 2),
    n: int = 120,
    draws: int = 3,
    sentences: int = 0,
    shift: float = 0.0,
    diverged: Sequence[int] = (),
    unlearned: Sequence[int] = (),
    prefix: str = "item",
    entropy: int = 0,
    kinds: Sequence[str] = ("full", "untrained", "good", "random", "bad"),
    members: int = 1,
    probe_draws: int = 1,
) -> pd.DataFrame:
    """Write `rows.parquet` and `cells/`; returns the rows.

    Args:
        folder: the run folder.
        tasks: every task has the same effects.
        seeds: fine-tuning seeds.
        n: examples of a task.
        draws: of random and bad, pruned.
        sentences: sentences of a probe; 0 = no probe.
        shift: added to the probability of good to be right.
        diverged: seeds whose retrained bad model is flagged so.
        unlearned: the same.
        prefix: of the ids of the examples.
        entropy: another number, other answers; gold labels stay.
        kinds: which of the models of `RIGHT`.
        members: examples of a cluster, neighbours, which get much the same answers.
        probe_draws: how many draws are probed; each has other items and loses another head.
    """
    frames = []
    for task in tasks:
        gold = np.random.default_rng([*task.encode()]).integers(0, 2, n)
        for seed in seeds:
            rng = np.random.default_rng([seed, entropy, *task.encode()])
            hard = np.repeat(rng.normal(size=n // members), members)
            for (method, kind, state), right in RIGHT.items():
                if kind not in kinds:
                    continue
                several = draws if kind in ("random", "bad") and state == "pruned" else 1
                for draw in range(several):
                    chance = right + (shift if kind == "good" else 0.0)
                    easy = np.quantile(hard, chance) if chance < 1 else np.inf
                    noise = np.repeat(rng.normal(size=n // members), members)
                    noisy = hard + 0.5 * noise < easy
                    if members > 1:
                        noisy ^= rng.random(n) < 0.05
                    said = np.where(noisy, gold, 1 - gold)
                    about = {
                        "model": "embedded", "task": task, "seed": seed, "method": method,
                        "kind": "full" if kind == "untrained" else kind, "state": state,
                        "draw": draw, "cell_id": f"{task}-{seed}-{kind}-{state}-{draw}",
                        "flag": _flag(seed, diverged, unlearned)
                        if (kind, state) == ("bad", "retrained") else "",
                    }  # fmt: skip
                    frames.append(
                        _scores(
                            folder,
                            about,
                            said,
                            gold,
                            prefix,
                            sentences if draw < probe_draws else 0,
                            kind,
                            members,
                        )
                    )
    rows = rows_frame(pd.concat(frames, ignore_index=True))
    write_parquet(rows, folder / "rows.parquet")
    return rows


def _flag(seed: int, diverged: Sequence[int], unlearned: Sequence[int]) -> str:
    return "diverged" if seed in diverged else "unlearned" if seed in unlearned else ""


def _scores(
    folder: Path, about: dict[str, Any], said: np.ndarray, gold: np.ndarray, prefix: str,
    sentences: int, kind: str, members: int,
) -> pd.DataFrame:  # fmt: skip
    ids = [f"{prefix}-{i:04d}" for i in range(len(gold))]
    items = items_frame(
        pd.DataFrame(
            {"probe": "performance", "item_id": ids, "sentence_id": ids,
             "cluster_id": _sets(len(ids), members), "metric": "gold_probability",
             "score": 0.5, "prediction": said, "gold": gold}
        )
    )  # fmt: skip
    rows = pd.DataFrame(
        [
            {"probe": "performance", "unit": "model", "metric": metric,
             "value": METRICS[metric](said, gold), "n": len(gold),
             "n_clusters": len(gold) // members, "baseline": "majority",
             "baseline_value": 0.5, **about}
            for metric in METRIC_NAMES
        ]
    )  # fmt: skip
    if sentences and kind != "untrained":
        probed, found = probe_of(about, sentences, dead_heads(kind, about["draw"]))
        sets = dict(zip(probed["sentence_id"].unique(), _sets(sentences, members), strict=True))
        probed["cluster_id"] = probed["sentence_id"].map(sets).astype("string")
        items = pd.concat([items, probed], ignore_index=True)
        rows = pd.concat([rows, found], ignore_index=True)
    CellOutput(rows, items).save(folder / "cells" / f"{about['cell_id']}.parquet")
    return rows


def _sets(count: int, members: int) -> list[str | None]:
    """The cluster of each of so many neighbours."""
    return [f"set {place // members}" if members > 1 else None for place in range(count)]


def dead_heads(kind: str, draw: int) -> list[tuple[int, int]]:
    """Heads that a draw has lost."""
    return [HEADS[(HEADS.index(one) + draw) % len(HEADS)] for one in DEAD.get(kind, [])]


def probe_of(
    about: dict[str, Any], sentences: int, dead: Sequence[tuple[int, int]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Items and rows of dependency-heads: better heads where the model is full or good."""
    named = f"{about['kind']}{about['state']}{about['draw'] or ''}"
    rng = np.random.default_rng([about["seed"], *named.encode()])
    better = 0.15 if about["kind"] in ("full", "good") else 0.0
    records = []
    sizes = np.random.default_rng(3).integers(1, 4, size=(sentences, len(RELATIONS)))
    for layer, head in (place for place in HEADS if place not in dead):
        for s in range(sentences):
            for r, relation in enumerate(RELATIONS):
                chance = 0.2 + 0.1 * layer + 0.05 * head + better
                records.append(
                    {
                        "item_id": f"s{s:03d}", "sentence_id": f"s{s:03d}", "layer": layer,
                        "head": head, "relation": relation, "direction": "dependent->head",
                        "metric": "dependency_accuracy" if s % 2 else
                        "dependency_accuracy_choosing",
                        "numerator": rng.binomial(sizes[s, r], chance),
                        "denominator": sizes[s, r],
                    }
                )  # fmt: skip
    items = items_frame(pd.DataFrame(records)).assign(probe="dependency-heads")
    scored = items[items["metric"] == "dependency_accuracy"]
    sums = scored.groupby(["relation", "layer", "head"])[["numerator", "denominator"]].sum()
    heads = (sums["numerator"] / sums["denominator"]).rename("value").reset_index()
    best = heads.sort_values("value").groupby("relation").tail(1)
    rows = pd.concat(
        [
            heads.assign(unit="head", metric="dependency_accuracy"),
            best.assign(unit="model", metric="best_head_accuracy"),
        ]
    )
    rows = rows.assign(probe="dependency-heads", direction="dependent->head", **about)
    return items, rows


def of(
    table: pd.DataFrame, first: tuple[str, str], second: tuple[str, str], **where: Any
) -> pd.DataFrame:
    """The lines of a comparison about two models (kind, state), with these values; None = empty."""
    for side, (kind, state) in (("a", first), ("b", second)):
        table = table[(table[f"kind_{side}"] == kind) & (table[f"state_{side}"] == state)]
    for name, value in where.items():
        table = table[table[name].isna() if value is None else table[name] == value]
    return table
