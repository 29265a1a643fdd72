"""Survival against content: do a head's linguistic scores say whether pruning keeps it?

The question of Prasanna, Rogers and Rumshisky (2020, section 5) with layers, repeated heads and
chance taken out: every regression has the layer as covariate, everything that is held out or
permuted moves with all its seeds, and each predictor has a null beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..statistics.checks import trusted
from ..statistics.corrections import ALPHA, CORRECTIONS, adjust
from .correlation import survival_correlation
from .coverage import interval_coverage
from .folds import HELD_OUT, Held, LayerAlone, folds_of_heads, held_out, layer_alone
from .null import (
    Indices,
    centred,
    joint_p,
    null_scores,
    permutations_within,
    score,
    smallest_p,
    two_sided,
)
from .odds import METHOD, odds_ratio
from .panel import HEAD_COLUMNS, NAMED, Bools, Floats, Panel, Predictor, head_panels, panel_lines

DRAWS = 1000
DRAWS_HELD_OUT = 100
JOINT = "all predictors"
FEW_SEEDS = 5

_HELD = ("auc", "auc_layer", "auc_null", "auc_null_high", "log_loss", "log_loss_layer", "mcfadden")
_OF_FOLDS = tuple(f"{held}_{name}" for held in HELD_OUT for name in _HELD)
COLUMNS = (
    "model", "task", "method", "state", "predictor", *NAMED, "n_runs", "n_heads", "n_dropped",
    "kept_share", "odds_ratio", "ci_low", "ci_high", "ci_method", "correlation",
    "correlation_low", "correlation_high", "correlation_method", "z", "p_value", "p_smallest",
    "p_adjusted", "correction", "family_size", *_OF_FOLDS, "note",
)  # fmt: skip
"""Columns of the table, in file order."""

_TEXTS = ("model", "task", "method", "state", "predictor", *NAMED, "ci_method",
          "correlation_method", "correction", "note")  # fmt: skip
_COUNTS = ("n_runs", "n_heads", "n_dropped", "family_size")
TYPES: dict[str, str] = {
    name: "string" if name in _TEXTS else "Int64" if name in _COUNTS else "Float64"
    for name in COLUMNS
}
"""Column -> type, whatever is missing."""


@dataclass(frozen=True)
class SurvivalContent:
    """Everything that `subprobe survival` writes.

    Attributes:
        content: one predictor of one answer a row (COLUMNS).
        notes: what cannot be said, and why.
        panels: what was tested.
    """

    content: pd.DataFrame
    notes: pd.DataFrame
    panels: tuple[Panel, ...]

    @property
    def heads(self) -> pd.DataFrame:
        """Survival and predictors of every head of every run, one value a row."""
        lines = list(panel_lines(self.panels))
        return pd.concat(lines, ignore_index=True) if lines else pd.DataFrame(columns=HEAD_COLUMNS)

    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without its ending -> frame."""
        return {
            "survival_content": self.content,
            "survival_heads": self.heads,
            "survival_notes": self.notes,
        }


def survival_content_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Whether anything that is known of a full model's head predicts its survival.

    Args:
        rows: tidy rows of a run.

    Returns:
        One line for each answer and predictor; see `measure_survival`.
    """
    return measure_survival(rows).content


def measure_survival(
    rows: pd.DataFrame, *, state: str = "finetuned", draws: int = DRAWS, seed: int = 0
) -> SurvivalContent:
    """Test every predictor of every answer of a run.

    Args:
        rows: tidy rows.
        state: state of the full model that predictors are measured on.
        draws: permutations of the p-values.
        seed: same seed, same tables.
    """
    return measure_panels(head_panels(rows, state), draws=draws, seed=seed)


def measure_panels(
    panels: Sequence[Panel], *, draws: int = DRAWS, seed: int = 0
) -> SurvivalContent:
    """The same of panels made elsewhere, such as masks from files with predictors of one's own."""
    records: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for panel in panels:
        about = {"model": panel.model, "task": panel.task, "method": panel.method,
                 "state": panel.state}  # fmt: skip
        found, said = _answer(panel, draws, np.random.default_rng(seed))
        records += [about | line for line in found]
        notes += [about | {"note": note} for note in said]
    return SurvivalContent(
        pd.DataFrame(records, columns=list(COLUMNS)).astype(TYPES),
        pd.DataFrame(notes, columns=["model", "task", "method", "state", "note"]).astype("string"),
        tuple(panels),
    )


def _answer(
    panel: Panel, draws: int, rng: np.random.Generator
) -> tuple[list[dict[str, Any]], list[str]]:
    """Lines of one panel and what they cannot say."""
    notes = list(panel.notes)
    sizes = panel.kept.sum(axis=1)
    kept_all, kept_none = sizes == panel.kept.shape[1], sizes == 0
    for which, what in ((kept_all, "keeps every head"), (kept_none, "keeps no head")):
        for task, seed in (run for run, is_so in zip(panel.runs, which, strict=True) if is_so):
            notes.append(f"{task} seed {seed} {what}: it says nothing about which heads survive")
    told = ~(kept_all | kept_none)
    if not panel.predictors:
        notes.append(f"no predictor: the run has no rows of single heads of {panel.state} models")
    if not told.any() or not panel.predictors:
        # said in the table as well: an answer that is missing looks like one that was not asked
        return [{"n_runs": int(told.sum()), "note": "; ".join(notes)}], notes
    seeds = len({seed for _, seed in (r for r, t in zip(panel.runs, told, strict=True) if t)})
    if seeds < FEW_SEEDS:
        notes.append(
            f"{seeds} seed{'s' * (seeds > 1)}: tests and intervals speak of other heads under "
            "these masks, not of the masks of other seeds"
        )
    tested = _Tested(panel, told, draws, rng)
    lines = [tested.line(predictor) for predictor in panel.predictors]
    p_adjusted = adjust([line.get("p_value", np.nan) for line in lines])
    known = int((~np.isnan(p_adjusted)).sum())
    for line, p in zip(lines, p_adjusted, strict=True):
        if not np.isnan(p):
            line |= {"p_adjusted": p, "correction": CORRECTIONS["holm"], "family_size": known}
    if known > 1:
        lines.append(tested.joint())
    notes += [f"{line['predictor']}: {line['note']}" for line in lines if line.get("note")]
    return lines, notes


class _Tested:
    """The tests of one panel, whose permutations and folds all predictors share."""

    def __init__(self, panel: Panel, told: Bools, draws: int, rng: np.random.Generator):
        self.panel, self.told, self.draws = panel, told, draws
        self.seeds = [int(s) for s in rng.integers(2**32, size=2)]
        self._orders: dict[bytes, Indices] = {}
        self._alone: dict[bytes, dict[str, LayerAlone]] = {}
        self._scores: list[tuple[float, Floats]] = []
        self._values: list[Floats] = []

    def orders(self, layer: Indices) -> Indices:
        """Permutations of these heads; predictors of the same heads share them."""
        key = layer.tobytes()
        if key not in self._orders:
            rng = np.random.default_rng(self.seeds[0])
            self._orders[key] = permutations_within(layer, self.draws, rng)
        return self._orders[key]

    def line(self, predictor: Predictor) -> dict[str, Any]:
        """Everything about one predictor."""
        values = predictor.per_head[self.told]
        whole = np.isfinite(values).all(axis=0)
        kept, layer = self.panel.kept[self.told][:, whole], self.panel.layer[whole]
        line: dict[str, Any] = {
            "predictor": predictor.name, **predictor.about, "n_runs": len(kept),
            "n_heads": int(whole.sum()), "n_dropped": int((~whole).sum()),
            "kept_share": float(kept.mean()) if kept.size else np.nan,
        }  # fmt: skip
        if not whole.any():
            return line | {"note": "no head has a value in every run"}
        x = centred(values[:, whole], layer)
        scale = float(np.sqrt((x**2).mean()))
        if scale <= 1e-9 * max(1.0, float(np.abs(values[:, whole]).max())):
            return line | {"note": "does not vary within layers"}
        x /= scale
        tested = self._test(kept, x, layer, complete=bool(whole.all()))
        odds = self._odds(kept, x, layer)
        notes = [part["note"] for part in (tested, odds) if part.get("note")]
        line |= (
            self._correlation(kept, x, layer)
            | tested
            | odds
            | ({"note": "; ".join(notes)} if notes else {})
        )
        orders = self.orders(layer)[:DRAWS_HELD_OUT]
        drawn = np.concatenate([x[None], np.moveaxis(x[:, orders], 1, 0)])
        return line | self._held_out(kept, drawn, layer)

    def _test(self, kept: Bools, x: Floats, layer: Indices, complete: bool) -> dict[str, Any]:
        observed = score(kept, x, layer)
        null = null_scores(kept, x, layer, self.orders(layer))
        if complete:
            self._scores.append((observed, null))
            self._values.append(x)
        floor = max(1 / (self.draws + 1), smallest_p(kept, layer))
        tested = {"z": observed / null.std() if null.std() > 0 else np.nan, "p_smallest": floor}
        if floor > ALPHA:
            return tested | {"note": "no p: so few orders of heads cannot reach .05"}
        return tested | {"p_value": two_sided(observed, null)}

    def _correlation(self, kept: Bools, x: Floats, layer: Indices) -> dict[str, Any]:
        found = survival_correlation(kept, x, layer)
        limits = {"correlation_low": found.low, "correlation_high": found.high}
        return {"correlation": found.value, **limits, "correlation_method": found.method}

    def _odds(self, kept: Bools, x: Floats, layer: Indices) -> dict[str, Any]:
        odds = odds_ratio(kept, x, layer)
        found: dict[str, Any] = {"odds_ratio": odds.ratio}
        if odds.note:
            return found | {"note": odds.note}
        coverage = interval_coverage(heads=odds.n_clusters, runs=len(kept))
        if not trusted(coverage):
            why = "was never simulated" if coverage is None else f"covers {coverage:.0%}"
            return found | {"note": f"no interval: it {why} with so few heads or seeds"}
        return found | {"ci_low": odds.low, "ci_high": odds.high, "ci_method": METHOD}

    def _held_out(self, kept: Bools, drawn: Floats, layer: Indices) -> dict[str, Any]:
        """Scores on held-out heads and layers of the first of `drawn`; the rest are its null."""
        found: dict[str, Any] = {}
        for name, base in self._bases(kept, layer).items():
            held = held_out(base, drawn)
            found |= {f"{name}_{key}": value for key, value in _of_held(held, base).items()}
        return found

    def _bases(self, kept: Bools, layer: Indices) -> dict[str, LayerAlone]:
        """What layers say alone of held-out heads and layers; the latter from three layers on."""
        key = kept.tobytes() + layer.tobytes()
        if key not in self._alone:
            fold = folds_of_heads(layer, np.random.default_rng(self.seeds[1]))
            self._alone[key] = {"heads": layer_alone(kept, layer, fold, by_layer=False)}
            if len(np.unique(layer)) > 2:
                self._alone[key]["layers"] = layer_alone(kept, layer, layer, by_layer=True)
        return self._alone[key]

    def joint(self) -> dict[str, Any]:
        """All predictors at once, those that every head has."""
        layer, kept = self.panel.layer, self.panel.kept[self.told]
        line: dict[str, Any] = {
            "predictor": JOINT, "n_runs": len(kept), "n_heads": kept.shape[1], "n_dropped": 0,
            "kept_share": float(kept.mean()),
        }  # fmt: skip
        if len(self._scores) < 2:
            return line | {"note": "fewer than two predictors that every head has"}
        observed = np.array([value for value, _ in self._scores])
        null = np.stack([draws for _, draws in self._scores], axis=1)
        floor = max(1 / (self.draws + 1), smallest_p(kept, layer))
        if floor <= ALPHA:
            line["p_value"] = joint_p(observed, null)
        held = self._held_out(kept, np.stack(self._values, axis=-1)[None], layer)
        return line | {"p_smallest": floor} | held


def _of_held(held: Held, base: LayerAlone) -> dict[str, float]:
    found = {
        "auc": float(held.auc[0]), "auc_layer": base.auc,
        "log_loss": float(held.log_loss[0]), "log_loss_layer": base.log_loss,
        "mcfadden": 1 - float(held.log_loss[0]) / base.log_loss,
    }  # fmt: skip
    if len(held.auc) > 1:
        found["auc_null"] = float(held.auc[1:].mean())
        found["auc_null_high"] = float(np.quantile(held.auc[1:], 0.975))
    return found
