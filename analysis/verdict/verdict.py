"""The answer of a run in plain words with its numbers, and what the numbers cannot carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..flags import FAILED
from ..statistics.corrections import ALPHA
from ..summary.kinds import answers, by_method, of_answer
from ..summary.probes import probe_table
from ..summary.ranks import good_against_random
from ..summary.summaries import performance_table
from ..wording import between, cite, counted, decimal, p_text, percent, uncited
from .limits import limits_of, seeds_without_claim, training_amount, warnings_of
from .pattern_words import patterns_said

_PROBED = ("full", "good", "random", "bad")


@dataclass(frozen=True)
class Verdict:
    """What a run says about one task.

    Attributes:
        model: the encoder.
        task: the task.
        method: how the subnetworks were found.
        label: the task, with the method where the task has several.
        said: the sentences by subject, with marks on numbers that stand in a CSV file (see
            `wording.cite`); the properties below are the same without marks.
        degenerate: whether any seed cannot carry a claim at all.
    """

    model: str
    task: str
    method: str
    label: str
    said: Mapping[str, tuple[str, ...]]
    degenerate: bool

    def _plain(self, subject: str) -> tuple[str, ...]:
        return tuple(map(uncited, self.said[subject]))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences that come before anything else; empty where all is well."""
        return self._plain("warnings")

    @property
    def scores(self) -> tuple[str, ...]:
        """Sentences on what full model and subnetworks score."""
        return self._plain("scores")

    @property
    def knowledge(self) -> tuple[str, ...]:
        """Sentences on what the probes found."""
        return self._plain("knowledge")

    @property
    def limits(self) -> tuple[str, ...]:
        """Sentences on what this cannot carry; never empty."""
        return self._plain("limits")

    @property
    def text(self) -> str:
        """Everything: a line of scores, a line of knowledge, a line of limits."""
        groups = (self.warnings, self.scores, self.knowledge, self.limits)
        return "\n".join(" ".join(group) for group in groups if group)


def verdicts(
    rows: pd.DataFrame,
    known: Mapping[str, pd.DataFrame] | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> list[Verdict]:
    """The answer for each model, task and method of a run, in the order of the rows.

    Args:
        rows: tidy rows.
        known: the summaries of the run by name, where they are there already.
        manifest: what `manifest.json` holds: with how much training.
    """
    made: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
        "summary_performance": performance_table,
        "summary_against_random": good_against_random,
        "summary_probes": probe_table,
    }
    scores, ranks, probes = (
        known[name] if known is not None else make(rows) for name, make in made.items()
    )
    # what the sentences read of the rows themselves: single heads are many and not among it
    read = by_method(rows[rows["unit"] == "model"])
    return [
        _verdict(
            (model, task, method, label),
            *(of_answer(t, key) for t in (read, scores, ranks, probes)),
            trained=training_amount(manifest or {}, task),
        )
        for (model, task, method), label, key in answers(scores)
    ]


def verdict(rows: pd.DataFrame, manifest: Mapping[str, Any] | None = None) -> str:
    """The answer of a run, one paragraph a task and method."""
    return "\n\n".join(one.text for one in verdicts(rows, manifest=manifest))


def _verdict(
    about: tuple[str, str, str, str],
    rows: pd.DataFrame,
    scores: pd.DataFrame,
    ranks: pd.DataFrame,
    probes: pd.DataFrame,
    *,
    trained: str,
) -> Verdict:
    model, task, method, label = about
    primary = scores[scores["primary"]]
    bad_seeds = seeds_without_claim(rows)
    said = [_full(label, primary), _pruned(primary), _rank(ranks), _retrained(primary)]
    known = [_relations(probes), _subsets(probes), _attention(probes), _attributions(probes)]
    known.append(patterns_said(probes, rows))
    return Verdict(
        model,
        task,
        method,
        label,
        said={
            "warnings": tuple(warnings_of(label, rows, primary, bad_seeds, trained)),
            "scores": tuple(sentence for sentence in said if sentence),
            "knowledge": tuple(sentence for sentence in known if sentence),
            "limits": tuple(limits_of(primary)),
        },
        degenerate=bool(bad_seeds),
    )


def _line(table: pd.DataFrame, **chosen: str) -> pd.Series | None:
    for column, value in chosen.items():
        table = table[table[column] == value]
    return None if table.empty else table.iloc[0]


def _score(line: pd.Series, column: str, form: Callable[[Any], str] = decimal) -> str:
    return cite(line, column, "summary_performance.csv", form)


def _rank_of(line: pd.Series, column: str, form: Callable[[Any], str] = decimal) -> str:
    return cite(line, column, "summary_against_random.csv", form)


def _found(line: pd.Series, column: str, form: Callable[[Any], str] = decimal) -> str:
    return cite(line, column, "summary_probes.csv", form)


def _range(line: pd.Series, low: str, high: str, of: Callable[..., str]) -> str:
    return f"[{of(line, low)}, {of(line, high)}]" if between(line[low], line[high]) else ""


# -- scores -----------------------------------------------------------------------------------


def _full(task: str, primary: pd.DataFrame) -> str:
    full = _line(primary, kind="full")
    if full is None:
        return ""
    beside = [f"{full['baseline']} {_score(full, 'baseline_value')}"]
    untrained = _line(primary, kind="untrained")
    if untrained is not None:
        beside.append(f"untrained encoder {_score(untrained, 'mean')}")
    words = _line(primary, kind="bag-of-words")
    if words is not None:
        beside.append(f"bag of words {_score(words, 'mean')}")
    return (
        f"On {task} the full model has {full['metric']} {_score(full, 'mean')} over "
        f"{counted(full['n_seeds'], 'seed')} ({', '.join(beside)})."
    )


def _pruned(primary: pd.DataFrame) -> str:
    good = _line(primary, kind="good", state="pruned")
    if good is None:
        return ""
    parts = [f"The good subnetworks keep {_kept(good)} and score {_score(good, 'mean')}"]
    for kind, name in (("random", "random ones of the same size"), ("bad", "bad ones")):
        line = _line(primary, kind=kind, state="pruned")
        if line is not None:
            spread = _range(line, "draw_low", "draw_high", _score)
            draws = f" over {counted(line['n_draws'], 'draw')} a seed" if spread else ""
            parts.append(f"{name} {_score(line, 'mean')} {spread}".rstrip() + draws)
    return "; ".join(parts) + "."


def _kept(line: pd.Series) -> str:
    """What share is left, of what the method prunes."""
    for finer in ("weights", "neurons"):
        if pd.notna(line[f"{finer}_kept"]):
            return f"{_score(line, f'{finer}_kept', percent)} of the {finer}"
    return (
        f"{_score(line, 'heads_kept', percent)} of the heads and "
        f"{_score(line, 'mlps_kept', percent)} of the MLPs"
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
        share = _rank_of(line, "beyond", percent)
        sure = "" if line["p_adjusted"] <= ALPHA else "not clearly "
        p = _rank_of(line, "p_adjusted", p_text)
        parts.append(f"{kind} is {sure}{side} random ({side} {share} of the draws, {p}, Holm)")
    return _sentence("; ".join(parts))


def _retrained(primary: pd.DataFrame) -> str:
    found = [(kind, _line(primary, kind=kind, state="retrained")) for kind in _PROBED]
    parts = [
        f"{kind} {_score(line, 'mean')}{_failed(line)}" for kind, line in found if line is not None
    ]
    if not parts:
        return ""
    return f"Retrained from the pretrained weights they reach: {', '.join(parts)}."


def _failed(line: pd.Series) -> str:
    """Which flags of its trainings a line carries, in brackets."""
    flags = [flag for flag in FAILED if flag in str(line["flag"])]
    return f" ({', '.join(flags)})" if flags else ""


# -- what they know ---------------------------------------------------------------------------


def _kinds(table: pd.DataFrame) -> str:
    """Means of full, good, random and bad as fine-tuned or pruned."""
    states = table[table["state"].isin(["finetuned", "pruned"])]
    found = [(kind, _line(states, kind=kind)) for kind in _PROBED]
    return ", ".join(f"{kind} {_found(line, 'mean')}" for kind, line in found if line is not None)


def _relations(probes: pd.DataFrame) -> str:
    table = probes[probes["probe"] == "dependency-heads"]
    mean = table[table["relation"] == "all-relations"]
    if mean.empty:
        return ""
    count = len(set(table["relation"]) - {"all", "all-relations"})
    offset = _found(mean.iloc[0], "baseline_value")
    return (
        f"The best single head of a dependency relation, averaged over {count} relations, finds "
        f"the syntactic head this often: {_kinds(mean)} (best fixed offset {offset})."
    )


def _subsets(probes: pd.DataFrame) -> str:
    table = probes[(probes["probe"] == "survivors") & (probes["relation"] == "all-relations")]
    good = _line(table, kind="good", baseline="random-heads")
    if good is None:
        return ""
    tested = "p_value" if pd.isna(good["p_adjusted"]) else "p_adjusted"
    more = "more" if good["mean"] > good["baseline_value"] else "less"
    said = f"{more} than chance" if good[tested] <= ALPHA else "what chance keeps"
    return (
        f"As heads of the full model, good's survivors reach {_found(good, 'mean')}, where random "
        f"sets of as many heads reach {_found(good, 'baseline_value')} "
        f"{_range(good, 'null_low', 'null_high', _found)}: {said} "
        f"(largest {_found(good, tested, p_text)})."
    )


def _attention(probes: pd.DataFrame) -> str:
    table = probes[probes["metric"] == "attention_to_special"]
    good = _line(table, kind="good", state="pruned")
    if good is None:
        return ""
    return (
        f"Good's heads give {_found(good, 'mean')} of their attention to special tokens (the same "
        f"heads in the full model {_found(good, 'reference')}, uniform attention "
        f"{_found(good, 'baseline_value')})."
    )


def _attributions(probes: pd.DataFrame) -> str:
    table = probes[(probes["probe"] == "attributions") & (probes["state"] == "pruned")]
    good = table[table["kind"] == "good"]
    if good.empty:
        return ""
    parts = []
    for _, line in good.iterrows():
        p = line["p_value"] if pd.isna(line["p_adjusted"]) else line["p_adjusted"]
        mark = "" if pd.isna(p) or p > ALPHA else "*"
        chance = _found(line, "baseline_value")
        parts.append(f"{line['relation']} {_found(line, 'mean')}{mark} (chance {chance})")
    return (
        f"Good's predictions rest on: {', '.join(parts)} of the attribution; "
        "* = other than chance in every seed."
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""
