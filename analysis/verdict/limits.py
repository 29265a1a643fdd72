"""The limits of a run in plain words: warnings, and what its numbers do not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..flags import DIVERGED, FAILED, UNLEARNED
from ..glue.cautions import cautions_of
from ..statistics.draws import too_few_draws
from ..statistics.variation import seeds_text
from ..wording import cite, counted, listed, percent, training_text
from .lines import UNITS

OF_A_TRAINING = ("finetuned", "retrained", "rewound", "untrained")
"""States of models that are what a training made of them."""
ONE = ["cell_id", "seed"]
"""What names one training among scores."""


def warnings_of(
    label: str, rows: pd.DataFrame, primary: pd.DataFrame, bad_seeds: int, trained: str = ""
) -> list[str]:
    """Sentences that come before anything else; none where all is well.

    Args:
        label: the task, as the report calls it.
        rows: tidy rows of one answer.
        primary: its lines of the performance table, of the primary metric.
        bad_seeds: how many seeds carry no claim.
        trained: with how much training, see `training_amount`; empty where it is not known.
    """
    said = []
    if bad_seeds:
        said.append(
            f"DEGENERATE: in {bad_seeds} of {counted(int(primary['n_seeds'].max()), 'seed')} on "
            f"{label}, the full model is not clearly above the {primary['baseline'].iloc[0]} "
            "baseline, or the good mask is empty. The scores do not show what a subnetwork keeps."
        )
    # rows of pruned models carry the flag of the full model that they were cut from
    scores = rows[(rows["probe"] == "performance") & rows["state"].isin(OF_A_TRAINING)]
    total = len(scores.drop_duplicates(ONE))
    if failed := _told(scores[scores["flag"] == DIVERGED]):
        said.append(
            f"DIVERGED: in {failed[0]} of {counted(total, 'training')}, the loss exploded or was "
            f"not finite ({failed[1]}). These scores are included as they are; they say nothing "
            "about the subnetworks."
        )
    if failed := _told(scores[scores["flag"] == UNLEARNED]):
        said.append(
            f"UNLEARNED: {failed[0]} of {counted(total, 'training')} on {label} did not end "
            f"clearly above the {primary['baseline'].iloc[0]} baseline ({failed[1]}). The models "
            f"did not learn in the training given{f' ({trained})' if trained else ''}. Their "
            "scores show how fast models learn, not what they can learn with more training."
        )
    return said + cautions_of(rows["task"].dropna().unique())


def seeds_without_claim(rows: pd.DataFrame) -> int:
    """How many seeds support no claim: degenerate, or with a full model that failed to train."""
    scores = rows[rows["probe"] == "performance"]
    lost = (scores["state"] == "finetuned") & scores["flag"].isin(FAILED)
    return int(scores.loc[lost | (scores["flag"] == "degenerate"), "seed"].nunique())


def training_amount(manifest: Mapping[str, Any], task: str) -> str:
    """How much training each model of a task had, as far as the manifest says."""
    runs: Sequence[Mapping[str, Any]] = manifest.get("runs") or ()
    run: Mapping[str, Any] = next((run for run in runs if run.get("task") == task), {})
    recipe, count = run.get("recipe"), (run.get("examples") or {}).get("train")
    return training_text(recipe, count) if recipe and count else ""


def missing_part(manifest: Mapping[str, Any]) -> str:
    """What the tables lack, where cells of the run failed; empty where nothing is missing."""
    missing: Sequence[Mapping[str, Any]] = manifest.get("missing") or ()
    failed = [str(one.get("cell")) for one in missing if one.get("log")]
    if not missing:
        return ""
    shown = ", ".join(failed[:3]) + (f" and {len(failed) - 3} more" if len(failed) > 3 else "")
    are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
    return (
        f"PARTIAL: {counted(len(missing), 'cell')} of the run {are} missing because "
        f"{counted(len(failed), 'cell')} failed ({shown}). All numbers come from the finished "
        f"cells. Run the same command again to compute {them}."
    )


def _told(failed: pd.DataFrame) -> tuple[int, str] | None:
    """How many trainings failed, and which; None where none did."""
    each = failed.drop_duplicates(ONE)
    if each.empty:
        return None
    kinds = each["kind"].mask(each["state"] == "untrained", "untrained encoder")
    names = (kinds + " " + each["state"]).mask(each["state"] == "untrained", kinds)
    said = []
    for name, seeds in each.groupby(names, sort=False)["seed"]:
        which = sorted(set(seeds))
        said.append(f"{name}, seed{'s' if len(which) > 1 else ''} {', '.join(map(str, which))}")
    return len(each), "; ".join(said)


def limits_of(primary: pd.DataFrame, probes: pd.DataFrame) -> list[str]:
    """Sentences on what the numbers do not show; at least one.

    Args:
        primary: lines of the performance table of one answer, of the primary metric.
        probes: its lines of the table of probes.
    """
    crossed = next(filter(None, primary["seed_grid"].fillna("")), "")
    seeds = seeds_text(int(primary["n_seeds"].max()), crossed)
    said = []
    if parts := _borrowed(primary[primary["kind"] == "bad"]):
        said.append(
            f"To match the size of the good subnetworks, the bad ones take {listed(parts)} from "
            "the good ones."
        )
    if (primary["selection"] == "reported").any():
        said.append(
            "The masks were chosen on the examples that the scores are reported on "
            "(selection=reported), so the scores are optimistic."
        )
    if said_of := _shared(primary):
        said.append(said_of)
    drawn = probes[probes["kind"].isin(["random", "bad"]) & (probes["state"] == "pruned")]
    if len(drawn) and (few := too_few_draws(int(drawn["n_draws"].max()))):
        said.append(f"Random and bad subnetworks were probed in {few}.")
    said.append(
        f"{seeds}: ranges over seeds and draws describe this run; they are not "
        "intervals for other seeds or draws."
    )
    if crossed:
        said.append(
            "Seeds of the initialisation and of the data order are crossed: runs that share one of "
            "them are not independent, and intervals and tests over seeds take that into account."
        )
    return said


def _shared(lines: pd.DataFrame) -> str:
    """That the scored examples come in clusters, where they do."""
    shared = lines[lines["n_clusters"] < lines["n"]]
    if shared.empty:
        return ""
    examples, clusters = (
        cite(shared.iloc[0], name, "summary_performance.csv", lambda number: f"{int(number)}")
        for name in ("n", "n_clusters")
    )
    return (
        f"The {examples} scored examples form {clusters} groups (sets of similar sentences, or "
        "examples of one source). Intervals and tests treat each group as one unit."
    )


def _borrowed(lines: pd.DataFrame) -> list[str]:
    """What share of each unit the bad masks took from the good ones, of the finest pruned."""
    if lines.empty:
        return []
    bad = lines.iloc[0]
    # where no unit was removed there is nothing else to take
    told = [n for n in UNITS if bad[f"{n}_borrowed"] > 0 and bad[f"{n}_kept"] < 1]
    finer = [name for name in told if name in ("weights", "neurons")]
    source = "summary_performance.csv"
    return [
        f"{cite(bad, f'{name}_borrowed', source, percent)} of their {UNITS[name]}"
        for name in finer or told
    ]
