"""A made-up but realistic run: every row that a run writes, with effects of known size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from subprobe.data.output.tables import rows_frame

RELATIONS = {
    "advmod": 0.38, "amod": 0.71, "aux": 0.66, "case": 0.55, "cc": 0.41, "conj": 0.23,
    "det": 0.62, "mark": 0.44, "nmod": 0.21, "nsubj": 0.36, "obj": 0.34, "obl": 0.19,
}  # fmt: skip
"""Relation -> accuracy of its best fixed offset."""
GROUPS = {"subject": 0.17, "verb": 0.14, "object": 0.15, "negation": 0.06}
"""Word group -> its share of the words."""
ATTENTION = {
    "attention_to_first": 0.08,
    "attention_to_separator": 0.08,
    "attention_to_special": 0.16,
    "attention_to_previous": 0.07,
    "attention_to_next": 0.07,
    "attention_to_self": 0.08,
    "attention_entropy": 2.5,
}
"""Metric -> value under uniform attention."""
SCORES = {"pruned": {"good": 0.83, "random": 0.61, "bad": 0.55},
          "retrained": {"good": 0.88, "random": 0.86, "bad": 0.84}}  # fmt: skip
SPREAD = {"good": 0.01, "random": 0.05, "bad": 0.03}
KEPT_HEADS, KEPT_MLPS = 0.58, 0.67


@dataclass(frozen=True)
class MadeRun:
    """Rows of one made-up run.

    Args:
        tasks: task names; every task has the same effects.
        seeds: seeds of every task.
        draws: random and bad draws scored pruned.
        retrained_draws: how many of them are scored retrained.
        layers: L.
        heads: H.
        degenerate: tasks whose full model is at chance.
        metric: the primary metric.
        probes: whether there are probe rows.
        probe_draws: how many random and bad draws are probed pruned.
    """

    tasks: Sequence[str] = ("acceptability",)
    seeds: Sequence[int] = (1, 2)
    _: KW_ONLY
    draws: int = 30
    retrained_draws: int = 1
    layers: int = 6
    heads: int = 12
    degenerate: Sequence[str] = ()
    metric: str = "accuracy"
    probes: bool = True
    probe_draws: int = 1

    def __post_init__(self) -> None:
        # rows are kept by what they are made of, which lists have no hash for
        for name in ("tasks", "seeds", "degenerate"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def shape(self) -> tuple[int, int]:
        """(L, H)."""
        return self.layers, self.heads

    def rows(self) -> pd.DataFrame:
        """All rows, typed; made once, and the caller's own to change."""
        return _rows(self).copy()

    def of_seed(self, task: str, seed: int) -> Iterator[pd.DataFrame]:
        """What one seed of a task adds."""
        rng = np.random.default_rng([seed, *task.encode()])
        flag = "degenerate" if task in self.degenerate else None
        masks = self._masks(rng)
        for frame in self._performance(rng, task in self.degenerate):
            yield frame.assign(task=task, seed=seed, model="embedded", flag=flag)
        for kind, (heads, mlps) in masks.items():
            about = self._about(kind, "pruned", task, seed)
            yield self._mask(heads, mlps, kind).assign(**about, probe="mask", flag=flag)
            if self.probes:
                yield self._survivors(rng, kind).assign(**about, probe="survivors", flag=flag)
        for kind, state in self._probed():
            if not self.probes:
                continue
            alive = np.ones(self.shape, bool) if kind == "full" else masks[kind][0]
            about = self._about(kind, state, task, seed)
            for frame in (
                self._attention(rng, alive),
                self._dependencies(rng, alive, kind),
                self._attributions(rng, kind),
            ):
                yield frame.assign(**about, flag=frame.get("flag"))
        for kind in ("random", "bad") if self.probes else ():
            for draw in range(1, self.probe_draws):
                about = self._about(kind, "pruned", task, seed) | {"draw": draw}
                about["cell_id"] += f"-{draw}"
                alive = rng.permuted(masks[kind][0].ravel()).reshape(self.shape)
                yield self._survivors(rng, kind).assign(**about, probe="survivors", flag=flag)
                for frame in (
                    self._attention(rng, alive),
                    self._dependencies(rng, alive, kind),
                    self._attributions(rng, kind),
                ):
                    yield frame.assign(**about, flag=frame.get("flag"))

    def _probed(self) -> list[tuple[str, str]]:
        kinds = ("good", "random", "bad")
        return [("full", "finetuned"), *((k, s) for s in SCORES for k in kinds)]

    def _about(self, kind: str, state: str, task: str, seed: int) -> dict[str, Any]:
        return {
            "model": "embedded", "task": task, "seed": seed, "kind": kind, "state": state,
            "draw": 0, "method": "full" if kind == "full" else "structured",
            "selection": "validation", "sparsity": 0.0 if kind == "full" else 0.41,
            "sparsity_of": "heads+mlps", "corpus": "natural", "annotation": "silver",
            "scheme": "clearnlp", "cell_id": f"{task}-{seed}-{kind}-{state}",
        }  # fmt: skip

    def _masks(self, rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        layers, heads = self.shape
        n_heads, n_mlps = round(KEPT_HEADS * layers * heads), round(KEPT_MLPS * layers)

        def drawn(weights: np.ndarray, n: int) -> np.ndarray:
            keys = rng.random(weights.size) ** (1 / weights.ravel())
            mask = np.zeros(weights.size, bool)
            mask[np.argsort(-keys)[:n]] = True
            return mask.reshape(weights.shape)

        middle = 1 + 2 * np.exp(-0.5 * ((np.arange(layers) - layers / 2) / 1.5) ** 2)
        favour = {"good": 1.0, "random": 0.0, "bad": -1.0}
        return {
            kind: (
                drawn(np.repeat(middle[:, None] ** power, heads, axis=1), n_heads),
                drawn(middle**power, n_mlps),
            )
            for kind, power in favour.items()
        }

    def _performance(self, rng: np.random.Generator, chance: bool) -> Iterator[pd.DataFrame]:
        n = 1000
        cells = [("full", "finetuned", 1), ("untrained", "untrained", 1)]
        cells += [("good", state, 1) for state in SCORES]
        for state, count in (("pruned", self.draws), ("retrained", self.retrained_draws)):
            cells += [(kind, state, count) for kind in ("random", "bad")]
        for kind, state, count in cells:
            true = {"full": 0.89, "untrained": 0.51}.get(kind) or SCORES[state][kind]
            true = 0.51 if chance else true
            noise = SPREAD.get(kind, 0.005) / (1 if state == "pruned" else 2)
            value = np.clip(rng.normal(true, noise, count), 0.4, 1).round(3)
            error = 1.96 * np.sqrt(value * (1 - value) / n)
            yield pd.DataFrame(
                {
                    "cell_id": [f"evaluate-{kind}-{state}-{i}" for i in range(count)],
                    "probe": "performance", "unit": "model", "metric": self.metric,
                    "kind": "full" if kind == "untrained" else kind, "state": state,
                    "draw": range(count), "value": value, "ci_low": value - error,
                    "ci_high": value + error, "ci_method": "percentile bootstrap over examples",
                    "n": n, "baseline": "majority", "baseline_value": 0.5, "split": "test",
                    "selection": "validation",
                    "method": "full" if kind in ("full", "untrained") else "structured",
                    "sparsity": 0.0 if kind in ("full", "untrained") else 0.41,
                    "sparsity_of": "heads+mlps",
                }
            )  # fmt: skip

    def _mask(self, heads: np.ndarray, mlps: np.ndarray, kind: str) -> pd.DataFrame:
        layer, head = np.indices(heads.shape).reshape(2, -1)
        units = [
            pd.DataFrame({"unit": "head", "layer": layer, "head": head, "value": heads.ravel()}),
            pd.DataFrame({"unit": "mlp", "layer": range(len(mlps)), "value": mlps}),
        ]
        kept = pd.concat(units).assign(metric="kept", value=lambda f: f["value"].astype(float))
        total = heads.size + mlps.size
        shares = [
            ("heads", "kept_share", heads.mean(), heads.size),
            ("mlps", "kept_share", mlps.mean(), mlps.size),
            ("heads+mlps", "kept_share", (heads.sum() + mlps.sum()) / total, total),
        ]
        if kind == "bad":
            shares += [("heads", "borrowed_share", 0.28, int(heads.sum())),
                       ("mlps", "borrowed_share", 0.5, int(mlps.sum()))]  # fmt: skip
        model = pd.DataFrame(shares, columns=["target", "metric", "value", "n"])
        return pd.concat([kept, model.assign(unit="model")], ignore_index=True)

    def _survivors(self, rng: np.random.Generator, kind: str) -> pd.DataFrame:
        shift = {"good": 0.0, "random": 0.0, "bad": -0.03}[kind]
        names = [*RELATIONS, "all-relations"]
        frames = []
        for baseline in ("random-heads", "random-heads-per-layer"):
            value = np.array([*RELATIONS.values(), np.mean(list(RELATIONS.values()))]) + 0.1
            found = value + shift + rng.normal(0, 0.01, len(names))
            frames.append(
                pd.DataFrame(
                    {
                        "unit": "model", "metric": "best_head_accuracy", "relation": names,
                        "value": found, "baseline": baseline, "baseline_value": value,
                        "ci_low": value - 0.04, "ci_high": value + 0.04, "n": 200,
                        "ci_method": "middle 95% of 1000 random head subsets",
                        "p_value": np.where(np.abs(found - value) > 0.025, 0.012, 0.4),
                    }
                )
            )  # fmt: skip
        return pd.concat(frames, ignore_index=True)

    def _attention(self, rng: np.random.Generator, alive: np.ndarray) -> pd.DataFrame:
        layer, head = np.indices(alive.shape).reshape(2, -1)
        frames = []
        for metric, uniform in ATTENTION.items():
            value = uniform * (1 + 0.1 * layer + 0.05 * head) + rng.normal(0, 0.01, layer.size)
            frames.append(
                pd.DataFrame(
                    {
                        "unit": "head", "layer": layer, "head": head, "metric": metric,
                        "value": np.where(alive.ravel(), value, np.nan),
                        "n": np.where(alive.ravel(), 300, 0), "baseline": "uniform",
                        "baseline_value": uniform,
                        "flag": [None if lives else "dead" for lives in alive.ravel()],
                    }
                )
            )  # fmt: skip
        return pd.concat(frames, ignore_index=True).assign(probe="attention-stats")

    def _dependencies(self, rng: np.random.Generator, alive: np.ndarray, kind: str) -> pd.DataFrame:
        lost = {"full": 0.0, "good": 0.03, "random": 0.07, "bad": 0.12}[kind]
        names = [*RELATIONS, "all"]
        offset = np.array([*RELATIONS.values(), 0.31])
        best = offset + 0.14 - lost + rng.normal(0, 0.01, len(names))
        layer, head = np.indices(alive.shape).reshape(2, -1)
        every = pd.DataFrame(
            {
                "unit": "head", "metric": "dependency_accuracy", "relation": "nsubj",
                "direction": "dependent->head", "layer": layer, "head": head,
                "value": np.where(alive.ravel(), 0.2, np.nan), "baseline": "offset",
                "baseline_value": RELATIONS["nsubj"], "n": np.where(alive.ravel(), 200, 0),
                "flag": [None if lives else "dead" for lives in alive.ravel()],
            }
        )  # fmt: skip
        heads = pd.DataFrame(
            {
                "unit": "model", "metric": "best_head_accuracy", "relation": names, "value": best,
                "baseline": "offset", "baseline_value": offset, "n": 200, "layer": 2, "head": 3,
                "direction": "dependent->head",
            }
        )  # fmt: skip
        offsets = pd.DataFrame(
            {"unit": "model", "metric": "offset_accuracy", "relation": names, "value": offset,
             "target": "offset +1", "n": 200}
        )  # fmt: skip
        joined = pd.concat([every, heads, offsets], ignore_index=True)
        return joined.assign(probe="dependency-heads")

    def _attributions(self, rng: np.random.Generator, kind: str) -> pd.DataFrame:
        gain = {"full": 1.4, "good": 1.3, "random": 1.1, "bad": 1.05}[kind]
        expected = np.array(list(GROUPS.values()))
        value = expected * gain + rng.normal(0, 0.005, len(GROUPS))
        shares = pd.DataFrame(
            {
                "relation": list(GROUPS), "metric": "attribution_share", "value": value,
                "n": [32, 32, 24, 9], "baseline": "permutation", "baseline_value": expected,
                "p_value": np.where(value > expected * 1.2, 0.001, 0.2),
            }
        )  # fmt: skip
        delta = pd.DataFrame({"metric": ["convergence_delta_mean"], "value": [0.02], "n": [32]})
        both = pd.concat([shares, delta], ignore_index=True)
        return both.assign(probe="attributions", unit="model")


@cache
def _rows(run: MadeRun) -> pd.DataFrame:
    frames = [
        frame for task in run.tasks for seed in run.seeds for frame in run.of_seed(task, seed)
    ]
    return rows_frame(pd.concat(frames, ignore_index=True))


def made_rows(*args: Any, **options: Any) -> pd.DataFrame:
    """Rows of a made-up run; see `MadeRun`."""
    return MadeRun(*args, **options).rows()


def made_manifest(seeds: Sequence[int] = (1, 2)) -> dict[str, Any]:
    """What a run writes beside its rows."""
    return {
        "config": {
            "model": "embedded", "tasks": ["acceptability"], "seeds": list(seeds),
            "prune": {"rule": "gain", "threshold": 0.9, "selection": "held-out"},
            "controls": {"draws": 30, "retrained_draws": 1},
            "probe": {"names": ["attention-stats", "dependency-heads", "attributions"]},
        },
        "versions": {"python": "3.11.9", "torch": "2.13.0", "transformers": "5.23.0"},
        "model": {"name": "embedded", "fingerprint": "0123456789abcdef"},
        "corpus": {"name": "natural", "sentences": 300},
        "runs": [{"task": "acceptability", "seed": s, "wall_s": 71.5} for s in seeds],
        "host": {"system": "Linux", "cores": 2, "threads": 2, "device": "cpu", "wall_s": 212.4},
    }  # fmt: skip
