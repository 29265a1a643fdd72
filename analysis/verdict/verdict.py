"""The answer of a run in plain words with its numbers, and what the numbers cannot carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..flags import FAILED
from ..statistics.corrections import ALPHA
from ..statistics.draws import too_few_draws
from ..summary.kinds import answers, by_method, of_answer
from ..summary.probes import probe_table
from ..summary.ranks import good_against_random
from ..summary.summaries import performance_table
from ..wording import cite, counted, decimal, p_text, percent, uncited
from .knowledge import PROBED, knowledge_of
from .limits import limits_of, missing_part, seeds_without_claim, training_amount, warnings_of
from .lines import line_of, spread_of


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


_READ: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "summary_performance": performance_table,
    "summary_against_random": good_against_random,
    "summary_probes": probe_table,
}


def summaries_read(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The summaries that an answer is read from, by name: a part of those of a run."""
    return {name: make(rows) for name, make in _READ.items()}


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
    known = summaries_read(rows) if known is None else known
    scores, ranks, probes = (known[name] for name in _READ)
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


def verdict(
    rows: pd.DataFrame,
    manifest: Mapping[str, Any] | None = None,
    known: Mapping[str, pd.DataFrame] | None = None,
) -> str:
    """The answer of a run, one paragraph a task and method; see `verdicts`."""
    told = verdicts(rows, known, manifest)
    said = [missing_part(manifest or {}), *(one.text for one in told)]
    return "\n\n".join(filter(None, said))


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
    return Verdict(
        model,
        task,
        method,
        label,
        said={
            "warnings": tuple(warnings_of(label, rows, primary, bad_seeds, trained)),
            "scores": tuple(sentence for sentence in said if sentence),
            "knowledge": tuple(knowledge_of(probes, rows)),
            "limits": tuple(limits_of(primary, probes)),
        },
        degenerate=bool(bad_seeds),
    )


def _score(line: pd.Series, column: str, form: Callable[[Any], str] = decimal) -> str:
    return cite(line, column, "summary_performance.csv", form)


def _rank_of(line: pd.Series, column: str, form: Callable[[Any], str] = decimal) -> str:
    return cite(line, column, "summary_against_random.csv", form)


# -- scores -----------------------------------------------------------------------------------


def _full(task: str, primary: pd.DataFrame) -> str:
    full = line_of(primary, kind="full")
    if full is None:
        return ""
    beside = [f"{full['baseline']} {_score(full, 'baseline_value')}"]
    untrained = line_of(primary, kind="untrained")
    if untrained is not None:
        beside.append(f"untrained encoder {_score(untrained, 'mean')}")
    words = line_of(primary, kind="bag-of-words")
    if words is not None:
        beside.append(f"bag of words {_score(words, 'mean')}")
    return (
        f"On {task} the full model has {full['metric']} {_score(full, 'mean')} over "
        f"{counted(full['n_seeds'], 'seed')} ({', '.join(beside)})."
    )


def _pruned(primary: pd.DataFrame) -> str:
    good = line_of(primary, kind="good", state="pruned")
    if good is None:
        return ""
    parts = [f"The good subnetworks keep {_kept(good)} and score {_score(good, 'mean')}"]
    for kind, name in (("random", "random ones of the same size"), ("bad", "bad ones")):
        line = line_of(primary, kind=kind, state="pruned")
        if line is not None:
            parts.append(f"{name} {_score(line, 'mean')}{spread_of(line, _score)}")
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
        line = line_of(over_seeds, kind=kind)
        if line is None:
            continue
        if pd.isna(line["p_adjusted"]):
            few = too_few_draws(int(line["n_random"]))
            return f"Good and bad are not tested against random ({few})."
        share = _rank_of(line, "beyond", percent)
        sure = "" if line["p_adjusted"] <= ALPHA else "not clearly "
        p = _rank_of(line, "p_adjusted", p_text)
        parts.append(f"{kind} is {sure}{side} random ({side} {share} of the draws, {p}, Holm)")
    return _sentence("; ".join(parts))


def _retrained(primary: pd.DataFrame) -> str:
    found = [(kind, line_of(primary, kind=kind, state="retrained")) for kind in PROBED]
    parts = [
        f"{kind} {_score(line, 'mean')}{spread_of(line, _score)}{_failed(line)}"
        for kind, line in found
        if line is not None
    ]
    if not parts:
        return ""
    return f"Retrained from the pretrained weights they reach: {', '.join(parts)}."


def _failed(line: pd.Series) -> str:
    """Which flags of its trainings a line carries, in brackets."""
    flags = [flag for flag in FAILED if flag in str(line["flag"])]
    return f" ({', '.join(flags)})" if flags else ""


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""
