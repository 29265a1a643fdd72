"""The answer of a run in plain words, with its numbers and their limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..flags import FAILED
from ..statistics.corrections import ALPHA
from ..statistics.draws import too_few_draws
from ..statistics.variation import seeds_text
from ..summary.headline import FILE as HEADLINE
from ..summary.kinds import WHO, answers, by_method, of_answer
from ..wording import cite, decimal, named, p_text, percent, uncited
from .findings import findings_of
from .knowledge import PROBED, knowledge_of
from .limits import limits_of, missing_part, seeds_without_claim, training_amount, warnings_of
from .lines import line_of, spread_of
from .material import answer_tables
from .question import Asked, answer_of, question_of

SUBJECTS = ("question", "answer", "findings", "warnings", "scores", "knowledge", "limits")
"""What the sentences of a verdict are about, in reading order."""


@dataclass(frozen=True)
class Verdict:
    """What a run says about one task.

    Attributes:
        model: the encoder.
        task: the task.
        method: how the subnetworks were found.
        label: the task, with the method where the task has several.
        said: the sentences by subject (`SUBJECTS`), with marks on numbers that stand in a file of
            the run (see `wording.cite`); the properties below are the same without marks.
        degenerate: whether some seed supports no claim at all.
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
    def question(self) -> tuple[str, ...]:
        """One sentence that says what was asked; empty where nothing was scored."""
        return self._plain("question")

    @property
    def answer(self) -> tuple[str, ...]:
        """At most three sentences: what is kept, good against random, and after retraining."""
        return self._plain("answer")

    @property
    def findings(self) -> tuple[str, ...]:
        """At most seven sentences on what else is worth knowing, most important first."""
        return self._plain("findings")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences that come before anything else; empty where all is well."""
        return self._plain("warnings")

    @property
    def scores(self) -> tuple[str, ...]:
        """Sentences on the scores of the full model and of the subnetworks."""
        return self._plain("scores")

    @property
    def knowledge(self) -> tuple[str, ...]:
        """Sentences on what the probes found."""
        return self._plain("knowledge")

    @property
    def limits(self) -> tuple[str, ...]:
        """Sentences on what the numbers do not show; never empty."""
        return self._plain("limits")

    @property
    def text(self) -> str:
        """All subjects but the question, a line each, the answer first."""
        return "\n".join(filter(None, (" ".join(self._plain(one)) for one in SUBJECTS[1:])))


def verdicts(
    rows: pd.DataFrame,
    known: Mapping[str, pd.DataFrame] | None = None,
    manifest: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> list[Verdict]:
    """The answer for each model, task and method of a run, in the order of the rows.

    Args:
        rows: tidy rows.
        known: the tables of the run by name, where they are there already (`answer_tables`).
        manifest: what `manifest.json` holds: how much training there was, and sizes.
        folder: the run folder, for the tables that are not known.
    """
    tables = answer_tables(rows, manifest or {}, folder, known)
    # what the sentences read of the rows themselves: single heads are many and not among it
    numbered = rows.assign(line=np.arange(len(rows)))
    read = by_method(numbered[numbered["unit"] == "model"])
    found = []
    for (model, task, method), label, key in answers(tables["summary_performance"]):
        mine = {name: of_answer(t, key) for name, t in tables.items() if set(WHO) <= set(t.columns)}
        trained = training_amount(manifest or {}, task)
        pairs = _seed_gaps(tables.get("comparisons"), key)
        about = (model, task, method, label)
        found.append(_verdict(about, of_answer(read, key), mine, pairs, trained=trained))
    return found


def verdict(
    rows: pd.DataFrame,
    manifest: Mapping[str, Any] | None = None,
    known: Mapping[str, pd.DataFrame] | None = None,
    folder: Path | None = None,
) -> str:
    """The answer of a run, one paragraph for each task and method; see `verdicts`."""
    told = verdicts(rows, known, manifest, folder)
    said = [missing_part(manifest or {}), *(one.text for one in told)]
    return "\n\n".join(filter(None, said))


def _seed_gaps(compared: pd.DataFrame | None, key: Mapping[str, str]) -> dict[str, list[float]]:
    """Difference between good and random in each seed, by state."""
    if compared is None or compared.empty:
        return {}
    mine = compared[
        (compared["model"] == key["model"])
        & (compared["task"] == key["task"])
        & (compared["method_a"] == key["method"])
        & (compared["probe"] == "performance")
        & compared["primary"].fillna(value=False).astype(bool)
        & (compared["kind_a"] == "good")
        & (compared["kind_b"] == "random")
        & (compared["level"] == "one seed")
        & (compared["state_a"] == compared["state_b"])
    ]
    return {
        str(state): [float(gap) for gap in group["difference"]]
        for state, group in mine.groupby("state_a", sort=False)
    }


def _verdict(
    about: tuple[str, str, str, str],
    rows: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    gaps: dict[str, list[float]],
    *,
    trained: str,
) -> Verdict:
    model, task, method, label = about
    scores, ranks, probes = (
        tables[name] for name in ("summary_performance", "summary_against_random", "summary_probes")
    )
    primary = scores[scores["primary"].astype(bool)]
    bad_seeds = seeds_without_claim(rows)
    asked = Asked(model, label, tables[HEADLINE], ranks, primary, gaps, bad_seeds, trained)
    said = [_full(label, primary), _pruned(primary), _rank(ranks), _retrained(primary)]
    return Verdict(
        model,
        task,
        method,
        label,
        said={
            "question": question_of(asked),
            "answer": answer_of(asked),
            "findings": () if bad_seeds else findings_of(tables, rows),
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
    beside = [f"{full['baseline']} baseline {_score(full, 'baseline_value')}"]
    untrained = line_of(primary, kind="untrained")
    if untrained is not None:
        beside.append(f"untrained encoder {_score(untrained, 'mean')}")
    words = line_of(primary, kind="bag-of-words")
    if words is not None:
        beside.append(f"bag of words {_score(words, 'mean')}")
    return (
        f"On {task}, the full model has {named(full['metric'])} {_score(full, 'mean')}, mean over "
        f"{seeds_text(int(full['n_seeds']), full['seed_grid'])} ({', '.join(beside)})."
    )


def _pruned(primary: pd.DataFrame) -> str:
    parts = [
        f"{kind} {_score(line, 'mean')}{spread_of(line, _score)}"
        for kind in PROBED[1:]
        if (line := line_of(primary, kind=kind, state="pruned")) is not None
    ]
    return f"As pruned, the subnetworks score: {', '.join(parts)}." if parts else ""


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
        parts.append(
            f"{kind} is {sure}{side} random ({side} {share} of the random masks, {p}, "
            "Holm-corrected)"
        )
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
    return f"Retrained from the pretrained weights, they score: {', '.join(parts)}."


def _failed(line: pd.Series) -> str:
    """Which flags of its trainings a line carries, in brackets."""
    flags = [flag for flag in FAILED if flag in str(line["flag"])]
    return f" ({', '.join(flags)})" if flags else ""


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""
