"""The answer of a run in plain words with its numbers, and what the numbers cannot carry."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .compare import performance_table
from .kinds import answers, by_method, of_answer
from .probe_summary import probe_table
from .ranks import good_against_random
from .wording import between, counted, decimal, p_text, percent

ALPHA = 0.05
_NAMES = {"mlps": "MLPs"}
_PROBED = ("full", "good", "random", "bad")


@dataclass(frozen=True)
class Verdict:
    """What a run says about one task.

    Attributes:
        model: the encoder.
        task: the task.
        method: how the subnetworks were found.
        label: the task, with the method where the task has several.
        warnings: sentences that come before anything else; empty where all is well.
        scores: sentences on what full model and subnetworks score.
        knowledge: sentences on what the probes found.
        limits: sentences on what this cannot carry; never empty.
        degenerate: whether any seed cannot carry a claim at all.
    """

    model: str
    task: str
    method: str
    label: str
    warnings: tuple[str, ...]
    scores: tuple[str, ...]
    knowledge: tuple[str, ...]
    limits: tuple[str, ...]
    degenerate: bool

    @property
    def text(self) -> str:
        """Everything: a line of scores, a line of knowledge, a line of limits."""
        groups = (self.warnings, self.scores, self.knowledge, self.limits)
        return "\n".join(" ".join(group) for group in groups if group)


def verdicts(rows: pd.DataFrame) -> list[Verdict]:
    """The answer for each model, task and method of a run, in the order of the rows."""
    tables = (
        by_method(rows),
        performance_table(rows),
        good_against_random(rows),
        probe_table(rows),
    )
    return [
        _verdict(model, task, method, label, *(of_answer(table, key) for table in tables))
        for (model, task, method), label, key in answers(tables[1])
    ]


def verdict(rows: pd.DataFrame) -> str:
    """The answer of a run, one paragraph a task and method."""
    return "\n\n".join(one.text for one in verdicts(rows))


def _verdict(
    model: str,
    task: str,
    method: str,
    label: str,
    rows: pd.DataFrame,
    scores: pd.DataFrame,
    ranks: pd.DataFrame,
    probes: pd.DataFrame,
) -> Verdict:
    primary = scores[scores["primary"]]
    bad_seeds = rows.loc[
        (rows["probe"] == "performance") & (rows["flag"] == "degenerate"), "seed"
    ].nunique()
    said = [_full(label, primary), _pruned(primary), _rank(ranks), _retrained(primary)]
    known = [_relations(probes), _subsets(probes), _attention(probes), _attributions(probes)]
    return Verdict(
        model,
        task,
        method,
        label,
        warnings=tuple(_warnings(label, rows, primary, bad_seeds)),
        scores=tuple(sentence for sentence in said if sentence),
        knowledge=tuple(sentence for sentence in known if sentence),
        limits=tuple(_limits(rows, primary)),
        degenerate=bool(bad_seeds),
    )


def _line(table: pd.DataFrame, **chosen: str) -> pd.Series | None:
    for column, value in chosen.items():
        table = table[table[column] == value]
    return None if table.empty else table.iloc[0]


# -- scores -----------------------------------------------------------------------------------


def _full(task: str, primary: pd.DataFrame) -> str:
    full = _line(primary, kind="full")
    if full is None:
        return ""
    beside = [f"{full['baseline']} {decimal(full['baseline_value'])}"]
    untrained = _line(primary, kind="untrained")
    if untrained is not None:
        beside.append(f"untrained encoder {decimal(untrained['mean'])}")
    words = _line(primary, kind="bag-of-words")
    if words is not None:
        beside.append(f"bag of words {decimal(words['mean'])}")
    return (
        f"On {task} the full model has {full['metric']} {decimal(full['mean'])} over "
        f"{counted(full['n_seeds'], 'seed')} ({', '.join(beside)})."
    )


def _pruned(primary: pd.DataFrame) -> str:
    good = _line(primary, kind="good", state="pruned")
    if good is None:
        return ""
    parts = [f"The good subnetworks keep {_kept(good)} and score {decimal(good['mean'])}"]
    for kind, name in (("random", "random ones of the same size"), ("bad", "bad ones")):
        line = _line(primary, kind=kind, state="pruned")
        if line is not None:
            spread = between(line["draw_low"], line["draw_high"])
            draws = f" over {counted(line['n_draws'], 'draw')} a seed" if spread else ""
            parts.append(f"{name} {decimal(line['mean'])} {spread}".rstrip() + draws)
    return "; ".join(parts) + "."


def _kept(line: pd.Series) -> str:
    """What share is left, of what the method prunes."""
    for finer in ("weights", "neurons"):
        if pd.notna(line[f"{finer}_kept"]):
            return f"{percent(line[f'{finer}_kept'])} of the {finer}"
    return (
        f"{percent(line['heads_kept'])} of the heads and {percent(line['mlps_kept'])} of the MLPs"
    )


def _rank(ranks: pd.DataFrame) -> str:
    over_seeds = ranks[ranks["seed"].isna() & (ranks["state"] == "pruned")]
    parts = []
    for kind, side in (("good", "above"), ("bad", "below")):
        line = _line(over_seeds, kind=kind)
        if line is None:
            continue
        if pd.isna(line["p_adjusted"]):
            return "There are too few random draws to test good and bad against them."
        share = line["percentile"] if kind == "good" else 1 - line["percentile"]
        sure = "" if line["p_adjusted"] <= ALPHA else "not clearly "
        p = p_text(line["p_adjusted"])
        parts.append(
            f"{kind} is {sure}{side} random ({side} {percent(share)} of the draws, {p}, Holm)"
        )
    return _sentence("; ".join(parts))


def _retrained(primary: pd.DataFrame) -> str:
    found = [(kind, _line(primary, kind=kind, state="retrained")) for kind in _PROBED]
    parts = [f"{kind} {decimal(line['mean'])}" for kind, line in found if line is not None]
    if not parts:
        return ""
    return f"Retrained from the pretrained weights they reach: {', '.join(parts)}."


# -- what they know ---------------------------------------------------------------------------


def _kinds(table: pd.DataFrame) -> str:
    """Means of full, good, random and bad as fine-tuned or pruned."""
    states = table[table["state"].isin(["finetuned", "pruned"])]
    found = [(kind, _line(states, kind=kind)) for kind in _PROBED]
    return ", ".join(f"{kind} {decimal(line['mean'])}" for kind, line in found if line is not None)


def _relations(probes: pd.DataFrame) -> str:
    table = probes[probes["probe"] == "dependency-heads"]
    mean = table[table["relation"] == "all-relations"]
    if mean.empty:
        return ""
    count = len(set(table["relation"]) - {"all", "all-relations"})
    offset = decimal(mean["baseline_value"].iloc[0])
    return (
        f"The best single head of a dependency relation, averaged over {count} relations, finds "
        f"the syntactic head this often: {_kinds(mean)} (best fixed offset {offset})."
    )


def _subsets(probes: pd.DataFrame) -> str:
    table = probes[(probes["probe"] == "survivors") & (probes["relation"] == "all-relations")]
    good = _line(table, kind="good", baseline="random-heads")
    if good is None:
        return ""
    p = good["p_value"] if pd.isna(good["p_adjusted"]) else good["p_adjusted"]
    more = "more" if good["mean"] > good["baseline_value"] else "less"
    said = f"{more} than chance" if p <= ALPHA else "what chance keeps"
    return (
        f"As heads of the full model, good's survivors reach {decimal(good['mean'])}, where random "
        f"sets of as many heads reach {decimal(good['baseline_value'])} "
        f"{between(good['null_low'], good['null_high'])}: {said} (largest {p_text(p)})."
    )


def _attention(probes: pd.DataFrame) -> str:
    table = probes[probes["metric"] == "attention_to_special"]
    good = _line(table, kind="good", state="pruned")
    if good is None:
        return ""
    return (
        f"Good's heads give {decimal(good['mean'])} of their attention to special tokens (the same "
        f"heads in the full model {decimal(good['reference'])}, uniform attention "
        f"{decimal(good['baseline_value'])})."
    )


def _attributions(probes: pd.DataFrame) -> str:
    table = probes[(probes["probe"] == "attributions") & (probes["state"] == "pruned")]
    good = table[table["kind"] == "good"]
    if good.empty:
        return ""
    parts = []
    for line in good.itertuples():
        p = line.p_value if pd.isna(line.p_adjusted) else line.p_adjusted
        mark = "" if pd.isna(p) or p > ALPHA else "*"
        chance = decimal(line.baseline_value)
        parts.append(f"{line.relation} {decimal(line.mean)}{mark} (chance {chance})")
    return (
        f"Good's predictions rest on: {', '.join(parts)} of the attribution; "
        "* = other than chance in every seed."
    )


# -- limits -----------------------------------------------------------------------------------


def _warnings(task: str, rows: pd.DataFrame, primary: pd.DataFrame, bad_seeds: int) -> list[str]:
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


def _limits(rows: pd.DataFrame, primary: pd.DataFrame) -> list[str]:
    n_seeds = int(primary["n_seeds"].max())
    said = []
    borrowed = rows[(rows["metric"] == "borrowed_share") & (rows["kind"] == "bad")]
    shares = borrowed.groupby("target", sort=False)["value"].mean()
    finer = [name for name in ("weights", "neurons") if name in shares.index]
    named = finer or [name for name in ("heads", "mlps") if name in shares.index]
    if named:
        parts = [f"{percent(shares[name])} of its {_NAMES.get(name, name)}" for name in named]
        said.append(f"To have good's size, bad borrows {' and '.join(parts)} from the survivors.")
    if (primary["selection"] == "reported").any():
        said.append(
            "Masks were chosen on the examples that they are scored on (selection=reported), so "
            "their scores are optimistic."
        )
    said.append(
        f"{counted(n_seeds, 'seed')}: ranges over seeds are what was seen, no intervals for "
        "other seeds."
    )
    return said


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""
