"""What a run cannot carry, in plain words: sentences that stand beside every answer."""

from __future__ import annotations

import pandas as pd

from ..wording import cite, counted, percent

_NAMES = {"heads": "heads", "mlps": "MLPs", "neurons": "neurons", "weights": "weights"}


def warnings_of(task: str, rows: pd.DataFrame, primary: pd.DataFrame, bad_seeds: int) -> list[str]:
    """Sentences that come before anything else; none where all is well."""
    said = []
    if bad_seeds:
        said.append(
            f"DEGENERATE: in {bad_seeds} of {counted(int(primary['n_seeds'].max()), 'seed')} on "
            f"{task} the full model is not above its baseline for sure, or the mask is empty, so "
            "nothing here says what a subnetwork keeps."
        )
    diverged = rows[(rows["probe"] == "performance") & (rows["flag"] == "diverged")]
    if len(diverged):
        trained = diverged["cell_id"].nunique()
        said.append(
            f"In {counted(trained, 'training')} the loss did not fall below that of a constant "
            "guess (flag `diverged`); they count as they came out."
        )
    return said


def limits_of(primary: pd.DataFrame) -> list[str]:
    """Sentences on what the numbers cannot carry; at least one."""
    n_seeds = int(primary["n_seeds"].max())
    said = []
    if parts := _borrowed(primary[primary["kind"] == "bad"]):
        said.append(f"To have good's size, bad borrows {' and '.join(parts)} from the survivors.")
    if (primary["selection"] == "reported").any():
        said.append(
            "Masks were chosen on the examples that they are scored on (selection=reported), so "
            "their scores are optimistic."
        )
    if said_of := _shared(primary):
        said.append(said_of)
    said.append(
        f"{counted(n_seeds, 'seed')}: ranges over seeds are what was seen, no intervals for "
        "other seeds."
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
        f"The {examples} scored examples come from {clusters} sources (sets of near-equal "
        "sentences, or groups): intervals and tests of one seed take these as the units."
    )


def _borrowed(lines: pd.DataFrame) -> list[str]:
    """What share of each unit the bad masks had to borrow, of the finest that is pruned."""
    if lines.empty:
        return []
    bad = lines.iloc[0]
    # of a unit that nothing was removed of there is nothing else to take
    told = [n for n in _NAMES if pd.notna(bad[f"{n}_borrowed"]) and bad[f"{n}_kept"] < 1]
    finer = [name for name in told if name in ("weights", "neurons")]
    return [
        f"{cite(bad, f'{name}_borrowed', 'summary_performance.csv', percent)} of its {_NAMES[name]}"
        for name in finer or told
    ]
