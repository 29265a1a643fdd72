"""The answer of a run as a table: what full, good, random and bad keep, score and cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...models.masks.names import HELD_IN_BIASES
from ..flags import FAILED
from ..statistics.draws import too_few_draws
from ..statistics.variation import CROSSED_T, SIGN_FLIPS
from ..wording import counted
from .kinds import WHO, joined_flags, of_answer

FILE = "summary_headline"
KINDS = ("full", "good", "random", "bad")
IN_BOTH = "full: the fine-tuned model counts in both states, pruned and retrained"
"""What the note of a full model says where others were retrained."""
RANKED = "rank among random masks"
"""Name of the test of a difference from random over random masks; else it is one over seeds."""

_OF_STATE = ("score", "gain_kept", "difference", "ci_low", "ci_high", "ci_method", "p_adjusted",
             "test", "n_draws")  # fmt: skip
COLUMNS = [
    *WHO, "kind", "metric", "baseline", "baseline_value", "heads_kept", "mlps_kept",
    "neurons_kept", "weights_kept", *_OF_STATE, *(f"retrained_{name}" for name in _OF_STATE),
    "n_unlearned", "parameters", "flops", "n_seeds", "seed_grid", "note", "flag",
]  # fmt: skip

Costs = Mapping[str, Any]


def headline_table(
    rows: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    sizes: Mapping[str, Costs] | None = None,
) -> pd.DataFrame:
    """One line for each model, task, method and kind: full, good, random and bad.

    Args:
        rows: tidy rows of a run.
        tables: `summary_performance` and `summary_against_random`; `comparisons` and `tests` where
            scores were compared by example, else differences have no interval.
        sizes: task -> what its units cost (`UnitCosts.plain`), where that is known.

    Returns:
        `score` is the mean of the primary metric over seeds, of each seed's mean over draws: of the
        full model as fine-tuned, of the others as pruned. `gain_kept` is the share of the full
        model's gain over the baseline, (score - baseline) / (full - baseline). `difference` is the
        score minus that of the random subnetworks of the same size; its interval is the widest
        that the comparison gives: over seeds and examples, else over examples alone, as `ci_method`
        says. `p_adjusted` is the test that `test` names. Columns that begin with `retrained_` say
        the same of retrained subnetworks, and repeat the score of the full model, which is trained
        already, next to retrained random subnetworks; `n_unlearned` counts those whose training
        failed. `parameters` and `flops` are shares of the full model's.
    """
    scores = tables["summary_performance"]
    primary = scores[scores["primary"].astype(bool)] if len(scores) else scores
    lines = []
    for who in primary[WHO].drop_duplicates().itertuples(index=False, name=None):
        key = dict(zip(WHO, who, strict=True))
        found = _Answer(key, rows, tables, (sizes or {}).get(key["task"]))
        lines += list(found.lines())
    return _typed(pd.DataFrame(lines).reindex(columns=COLUMNS))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    counts = ["n_seeds", "n_draws", "retrained_n_draws", "n_unlearned"]
    texts = [*WHO, "kind", "metric", "baseline", "ci_method", "retrained_ci_method", "test",
             "retrained_test", "seed_grid", "note", "flag"]  # fmt: skip
    types = dict.fromkeys(table, "float")
    types |= dict.fromkeys(counts, "Int64") | dict.fromkeys(texts, "string")
    return table.astype(types)


class _Answer:
    """The lines of one model, task and method."""

    def __init__(
        self,
        key: dict[str, str],
        rows: pd.DataFrame,
        tables: Mapping[str, pd.DataFrame],
        costs: Costs | None,
    ):
        self._key, self._costs = key, costs
        scores = of_answer(tables["summary_performance"], key)
        self._scores = scores[scores["primary"].astype(bool)]
        ranks = of_answer(tables["summary_against_random"], key)
        self._ranks = ranks[ranks["seed"].isna()]
        self._compared = _of_pairs(tables.get("comparisons"), key)
        self._tested = _of_pairs(tables.get("tests"), key)
        mine = of_answer(rows, key)
        self._masks = mine[(mine["probe"] == "mask") & (mine["target"] == "weights")]
        scored = mine[mine["probe"] == "performance"]
        self._folded = bool(scored["ablation"].isin(HELD_IN_BIASES).any())
        trained = scored[scored["state"] == "retrained"]
        self._lost = trained[trained["flag"].isin(FAILED)]

    def lines(self) -> Iterator[dict[str, Any]]:
        """A line for each kind that has a score."""
        for kind in KINDS:
            state = "finetuned" if kind == "full" else "pruned"
            found = {"": self._line(kind, state), "retrained_": self._line(kind, "retrained")}
            if kind == "full" and self._scores["state"].eq("retrained").any():
                # it is trained already, and stands in both states, as in the figure
                found["retrained_"] = found[""]
            some = next((one for one in found.values() if one is not None), None)
            if some is None:
                continue
            line: dict[str, Any] = {**self._key, "kind": kind}
            names = ("metric", "baseline", "baseline_value", "heads_kept", "mlps_kept",
                     "neurons_kept", "weights_kept", "n_seeds", "seed_grid")  # fmt: skip
            line |= {name: some[name] for name in names}
            notes, flags = [], []
            for before, scored in found.items():
                if scored is not None:
                    about = self._of_state(kind, scored, "retrained" if before else "pruned")
                    notes += about.pop("notes")
                    flags.append(str(scored["flag"]) if pd.notna(scored["flag"]) else "")
                    line |= {f"{before}{name}": value for name, value in about.items()}
            if kind == "full" and found["retrained_"] is not None:
                notes.append(IN_BOTH)
            line["n_unlearned"] = self._failed(kind)
            if line["n_unlearned"]:
                notes.append(f"{counted(line['n_unlearned'], 'retrained model')} did not learn")
            line |= self._sizes(some, notes)
            line["flag"] = joined_flags(pd.Series(flags, dtype="string"))
            yield line | {"note": "; ".join(dict.fromkeys(filter(None, notes)))}

    def _line(self, kind: str, state: str) -> pd.Series | None:
        found = self._scores
        found = found[(found["kind"] == kind) & (found["state"] == state)]
        return None if found.empty else found.iloc[0]

    def _of_state(self, kind: str, scored: pd.Series, of_random: str) -> dict[str, Any]:
        """Score, gain, and the difference from random of a state, with its interval and test."""
        full, state = self._line("full", "finetuned"), str(scored["state"])
        found: dict[str, Any] = {"score": scored["mean"], "n_draws": scored["n_draws"], "notes": []}
        if full is not None:
            gain = full["mean"] - full["baseline_value"]
            if gain > 0:
                found["gain_kept"] = (scored["mean"] - full["baseline_value"]) / gain
            else:
                found["notes"].append(f"no gain over the {full['baseline']} baseline to keep")
        random = self._line("random", of_random)
        if kind == "random" or random is None:
            return found
        found["difference"] = scored["mean"] - random["mean"]
        found |= self._interval(kind, state, of_random)
        p_value, test, why = self._tested_by(kind, state, of_random)
        found["notes"].append(why)
        return found | {"p_adjusted": p_value, "test": test}

    def _interval(self, kind: str, state: str, of_random: str) -> dict[str, Any]:
        """The interval that covers most: over seeds and examples, else examples alone."""
        mine, sign = _pair(self._compared, (kind, state), ("random", of_random))
        for level in ("seeds and examples", "these seeds", "one seed"):
            lines = mine[mine["level"] == level]
            if len(lines) == 1 and pd.notna(lines["ci_low"].iloc[0]):
                line = lines.iloc[0]
                limits = sorted((sign * float(line["ci_low"]), sign * float(line["ci_high"])))
                return {"ci_low": limits[0], "ci_high": limits[1], "ci_method": line["ci_method"]}
        return {}

    def _tested_by(self, kind: str, state: str, of_random: str) -> tuple[float, Any, str]:
        """Corrected p, the name of its test, and why there is none."""
        mine = self._ranks[(self._ranks["kind"] == kind) & (self._ranks["state"] == state)]
        if len(mine) and pd.notna(mine["p_adjusted"].iloc[0]):
            return float(mine["p_adjusted"].iloc[0]), RANKED, ""
        signs, _ = _pair(self._tested, (kind, state), ("random", of_random))
        signs = signs[signs["test"].isin([SIGN_FLIPS, CROSSED_T]) & signs["p_adjusted"].notna()]
        if len(signs):
            return float(signs["p_adjusted"].iloc[0]), signs["test"].iloc[0], ""
        few = too_few_draws(int(mine["n_random"].iloc[0])) if len(mine) else ""
        return np.nan, pd.NA, few and f"{state}: {few}"

    def _failed(self, kind: str) -> int:
        """How many retrained models of a kind did not learn, or diverged."""
        mine = self._lost[self._lost["kind"] == kind]
        return len(mine.drop_duplicates(["cell_id", "seed"]))

    def _sizes(self, scored: pd.Series, notes: list[str]) -> dict[str, float]:
        """Parameters and operations as shares of the full model's."""
        if scored["kind"] == "full":
            return {"parameters": 1.0, "flops": 1.0}
        if not self._costs:
            notes.append("the sizes of the model are not recorded")
            return {}
        if pd.notna(scored["weights_kept"]):
            notes.append("single weights are masked: the operations stay those of the full model")
            removed = (1 - scored["weights_kept"]) * self._masked_weights()
            return {"parameters": 1 - removed / self._costs["parameters"], "flops": 1.0}
        if not self._costs["separable"]:
            notes.append("the layers share their weights: no unit can be removed from one of them")
            return {}
        if pd.notna(scored["neurons_kept"]) and scored["mlps_kept"] < 1:
            notes.append("MLPs and neurons are both masked: the size is not in the tables")
            return {}
        if self._folded and not self._costs["mlp_parameters"]:
            notes.append("the biases that hold constants are not counted")
        return dict(zip(("parameters", "flops"), self._shares(scored), strict=True))

    def _shares(self, scored: pd.Series) -> tuple[float, float]:
        costs, mlps = self._costs or {}, float(scored["mlps_kept"])
        neurons = mlps if pd.isna(scored["neurons_kept"]) else float(scored["neurons_kept"])
        heads = (1 - float(scored["heads_kept"])) * costs["heads"]
        neurons = (1 - neurons) * costs["neurons"]
        parameters = heads * costs["head_parameters"] + neurons * costs["neuron_parameters"]
        if not self._folded:
            parameters += (1 - mlps) * costs["mlps"] * costs["mlp_parameters"]
        flops = heads * costs["head_flops"] + neurons * costs["neuron_flops"]
        return 1 - parameters / costs["parameters"], 1 - flops / costs["flops"]

    def _masked_weights(self) -> float:
        """How many single weights are under the masks."""
        return float(self._masks.loc[self._masks["metric"] == "kept_share", "n"].max())


def _of_pairs(table: pd.DataFrame | None, key: dict[str, str]) -> pd.DataFrame:
    """Comparisons of primary scores that are not about single draws."""
    columns = [f"{name}_{side}" for side in "ab" for name in ("method", "kind", "state")]
    if table is None or table.empty:
        return pd.DataFrame(columns=[*columns, "level", "test", "ci_low", "p_adjusted"])
    mine = table[
        (table["model"] == key["model"])
        & (table["task"] == key["task"])
        & (table["probe"] == "performance")
        & table["primary"].fillna(value=False).astype(bool)
        & (table["level"] != "one draw")
        & (table["method_a"].isin([key["method"], "full"]))
        & (table["method_b"].isin([key["method"], "full"]))
    ]
    return mine


def _pair(
    table: pd.DataFrame, first: tuple[str, str], second: tuple[str, str]
) -> tuple[pd.DataFrame, int]:
    """The lines of a pair of models, and 1 or -1 where the table has it the other way round."""
    for a, b, sign in ((first, second, 1), (second, first, -1)):
        mine = table
        for side, (kind, state) in (("a", a), ("b", b)):
            mine = mine[(mine[f"kind_{side}"] == kind) & (mine[f"state_{side}"] == state)]
        if len(mine):
            return mine, sign
    return table.head(0), 1
