"""Kinds of subnetworks over tasks and seeds at once: a linear mixed-effects model."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
import pandas as pd

from ...data.seeds import design_of
from ..statistics.corrections import adjust_rows
from ..statistics.variation import SEEDS, pairs_in
from ..summary.kinds import BESIDE_FULL, KINDS
from .run_items import model_columns

LEAST_SEEDS, LEAST_TASKS = 5, 3
COLUMNS: dict[str, str] = {
    "model": "string", "method": "string", "state": "string", "kind_a": "string",
    "kind_b": "string", "estimate": "Float64", "se": "Float64", "ci_low": "Float64",
    "ci_high": "Float64", "ci_method": "string", "varies": "string", "df": "Int64",
    "p_value": "Float64",
    "p_adjusted": "Float64", "correction": "string", "family": "string", "family_size": "Int64",
    "sd_run": "Float64", "sd_residual": "Float64", "n_tasks": "Int64", "n_seeds": "Int64",
    "n": "Int64", "flag": "string",
}  # fmt: skip
_METHOD = "REML, Student's t of (runs - 1)(kinds - 1), other seeds of these tasks"


def fit_kinds(values: pd.DataFrame) -> pd.DataFrame:
    """Contrasts of kinds from `value ~ kind + task + (1 | task:seed)` by REML.

    Tasks are fixed, since they were chosen and not drawn; the random intercept is the run, one
    fine-tuning of one task, which all of its kinds share. Standard errors are those of the mixed
    model, the reference distribution Student's t with (runs - 1)(kinds - 1) degrees of freedom,
    as in a complete block design; the model's own normal one rejects too often with few runs.

    Args:
        values: one line a task, seed and kind, with `task`, `seed`, `kind`, `value`; only runs
            that have every kind count.

    Returns:
        One line for each two kinds: estimate (first minus second), standard error, limits and p.
    """
    import statsmodels.formula.api as smf
    from scipy.stats import t as student

    wide = values.pivot_table(values="value", index=["task", "seed"], columns="kind").dropna()
    kinds = [kind for kind in KINDS if kind in wide.columns]
    runs, tasks = len(wide), wide.index.get_level_values("task").nunique()
    long = wide.reset_index().melt(["task", "seed"], kinds, "kind", "value")
    long["run"] = long["task"] + ":" + long["seed"].astype(str)
    formula = f"value ~ C(kind, Treatment({kinds[0]!r}))" + (" + C(task)" if tasks > 1 else "")
    flag = ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = smf.mixedlm(formula, long, groups="run").fit(reml=True)
    if not fitted.converged:
        flag = "not converged"
    elif any("boundary" in str(one.message) for one in caught):
        flag = "variance of runs is 0"
    names = list(fitted.fe_params.index)
    place = {kind: names.index(next(n for n in names if n.endswith(f"[T.{kind}]")))
             for kind in kinds[1:]}  # fmt: skip
    covariance = np.asarray(fitted.cov_params())[: len(names), : len(names)]
    df = (runs - 1) * (len(kinds) - 1)
    records = []
    for first, second in combinations(kinds, 2):
        contrast = np.zeros(len(names))
        for kind, sign in ((first, 1.0), (second, -1.0)):
            if kind in place:
                contrast[place[kind]] += sign
        estimate = float(contrast @ fitted.fe_params.to_numpy())
        se = float(np.sqrt(contrast @ covariance @ contrast))
        half = student.ppf(0.975, df) * se
        records.append(
            {
                "kind_a": first, "kind_b": second, "estimate": estimate, "se": se,
                "ci_low": estimate - half, "ci_high": estimate + half, "ci_method": _METHOD,
                "varies": SEEDS, "df": df, "p_value": float(2 * student.sf(abs(estimate) / se,
                df)) if se else None,
                "sd_run": float(np.sqrt(fitted.cov_re.iloc[0, 0])),
                "sd_residual": float(np.sqrt(fitted.scale)), "n_tasks": tasks,
                "n_seeds": int(wide.groupby(level="task").size().min()), "n": runs, "flag": flag,
            }
        )  # fmt: skip
    return pd.DataFrame(records)


def mixed_models(rows: pd.DataFrame, *, correction: str = "holm") -> tuple[pd.DataFrame, list[str]]:
    """The model of every encoder, method and state, on the primary metric of each task.

    Args:
        rows: tidy rows of a run.
        correction: as in `corrections.adjust`; one family for each encoder.

    Returns:
        Contrasts of kinds, and lines that say where no model was fitted, and why.
    """
    scores = rows[(rows["probe"] == "performance") & rows["value"].notna()]
    scores = model_columns(scores)
    first = scores.drop_duplicates(["model", "task"])[["model", "task", "metric"]]
    scores = scores.merge(first, on=["model", "task", "metric"])
    frames, notes = [], []
    for (model, method), _ in scores[scores["method"] != "full"].groupby(
        ["model", "method"], sort=False
    ):
        mine = scores[(scores["model"] == model) & scores["method"].isin([method, "full"])]
        for state, shown in BESIDE_FULL.items():
            group = mine[mine["state"].isin(shown)]
            if not (group["state"] == state).any():
                continue
            found, note = _of_state(group)
            if note:
                notes.append(f"{method}, {state}: {note}")
            else:
                frames.append(found.assign(model=model, method=method, state=state))
    table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))
    table = table.reindex(columns=list(COLUMNS)).astype(COLUMNS)
    table["family"] = table["model"] + " · mixed model"
    table = adjust_rows(table, ["family"], correction)
    return table.reindex(columns=list(COLUMNS)).astype(COLUMNS), notes


def _of_state(group: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    if design_of(map(int, set(group["seed"])), pairs_in(group)).crossed:
        return pd.DataFrame(), (
            "no mixed model: seeds of initialisation and order are crossed, and the model assumes "
            "independent trainings"
        )
    seeds = group.groupby("task")["seed"].nunique()
    tasks, least = len(seeds), int(seeds.min())
    if tasks < LEAST_TASKS or least < LEAST_SEEDS:
        return pd.DataFrame(), (
            f"a mixed model needs at least {LEAST_TASKS} tasks and {LEAST_SEEDS} seeds; this run "
            f"has {tasks} and {least}"
        )
    values = group.astype({"value": float, "task": str, "kind": str})
    values = values.groupby(["task", "seed", "kind"], as_index=False)["value"].mean()
    try:
        return fit_kinds(values), ""
    except (np.linalg.LinAlgError, ValueError) as error:
        return pd.DataFrame(), f"the mixed model cannot be fitted ({error})"
