"""The probe of the cloze tests of Ettinger (2020, TACL)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ...data.errors import ConfigError, InputError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.suites.ettinger import ClozeTest, read_cloze_test
from ...models.language.masked import TOKENS
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from .cloze_cases import Cases, cases_of, perturbations_of, words_of
from .cloze_scores import Table, answered, contrasted, top_metric
from .entries import TIED
from .next_words import ContextWord, NextWord, most_probable, next_words, word_log_probs
from .pair_texts import VOCABULARY
from .word_entries import (
    ABOVE_MARGIN,
    CLOZE,
    COVERAGE,
    LOG_ODDS,
    SENSITIVITY,
    MultiPiece,
    Perturbation,
)

ORIGINAL = "original"
CONTRASTED = (SENSITIVITY, ABOVE_MARGIN, LOG_ODDS, TIED)
_ENDINGS = {"off": ("",), "on": (".",), "both": ("", ".")}
_SHOWN = 10
"""Skipped words that a note lists."""


def run_cloze(
    context: Context,
    examples: Sequence[Example],
    *,
    progress: Progress | None = None,
    files: Sequence[str] = (),
    k: Sequence[int] = (1, 5),
    margin: float = 0.01,
    perturbations: Sequence[Perturbation] = (),
    period: Literal["off", "on", "both"] = "off",
    several_pieces: MultiPiece = "skip",
    seed: int = 0,
    tokens: int = TOKENS,
) -> ProbeResult:
    """Score cloze tests with a masked language model.

    Args:
        context: the model with its masked-LM head, and the mask.
        examples: not read.
        progress: called with (masked texts done, all), from 0 again for each file and variant.
        files: files of CPRAG, ROLE and NEG.
        k: accuracy counts a word among the k most probable pieces, for each k.
        margin: difference in probability that the stricter sensitivity needs.
        perturbations: perturbed contexts that are scored as well.
        period: whether a full stop follows the masked word.
        several_pieces: `skip`, `pll` or `pll-word-l2r`, for words of several pieces. Accuracy
            counts single pieces only.
        seed: of the shuffled words.
        tokens: maximum number of pieces per batch.

    Returns:
        rows by file, group and variant; one item per question or contrast, metric and group.

    Raises:
        CheckpointError: if the model has no masked-LM head, or its tokenizer no mask token.
        ConfigError: if no file is named, or a perturbation does not apply to any of them.
        DataFileError: for a file of another format.
        InputError: if no item of a file is usable.
    """
    model = context.language_model()
    if not files:
        raise ConfigError(
            "no cloze test is named", where=CLOZE, remedy="set cloze.files=CPRAG-102.tsv"
        )
    tests = _read(files)
    _check_applied(tests, perturbations)
    tables: list[Table] = []
    rows: list[Mapping[str, Any]] = []
    notes: dict[str, int | float | str] = {}
    for test in tests:
        own = [None, *(one for one in perturbations if one in perturbations_of(test))]
        for perturbation in own:
            cases = cases_of(test, perturbation, seed)
            for ending in _ENDINGS[period]:
                variant = [perturbation or ORIGINAL, *(["period"] if ending else [])]
                if several_pieces != "skip":
                    variant.append(several_pieces)
                words = next_words(
                    context.tokenizer, words_of(cases), ending=ending,
                    max_length=context.max_length,
                )  # fmt: skip
                usable = [one for one in words.values() if one.is_scored(several_pieces)]
                if not usable:
                    raise InputError(
                        f"0 of {len(words)} words are usable ({_reasons(words)})",
                        where=f"{CLOZE}, {test.name}",
                        remedy="use a model whose vocabulary has them, or set "
                        "cloze.several_pieces=pll",
                    )
                log_probs = word_log_probs(
                    model, context.tokenizer, words, multi_piece=several_pieces,
                    subnetwork=context.subnetwork, tokens=tokens, progress=progress,
                )  # fmt: skip
                top = _top(context, model, cases, words, max(k), tokens, progress)
                tables += _tables(
                    test.name, ", ".join(variant), cases, words, top, log_probs, k, margin
                )
                if perturbation is None and ending == _ENDINGS[period][0]:
                    rows.append(_coverage(test.name, variant, words))
                    notes[f"{CLOZE} {test.name}"] = _covered(words)
    rows += [row for table in tables for row in table.rows()]
    return ProbeResult(
        CLOZE, rows_frame(rows), lambda: _items(tables), notes=notes
    )  # fmt: skip


def _items(tables: Sequence[Table]) -> list[pd.DataFrame]:
    return [table.items() for table in tables]


def _read(files: Sequence[str]) -> list[ClozeTest]:
    tests: dict[str, ClozeTest] = {}
    for name in files:
        test = read_cloze_test(Path(name))
        if test.name in tests:
            raise ConfigError(
                f"two files are named {test.name}", where=str(name), remedy="rename one of them"
            )
        tests[test.name] = test
    return list(tests.values())


def _check_applied(tests: Sequence[ClozeTest], perturbations: Sequence[Perturbation]) -> None:
    for perturbation in perturbations:
        if not any(perturbation in perturbations_of(test) for test in tests):
            raise ConfigError(
                f"{perturbation} does not apply to {', '.join(test.name for test in tests)}",
                where="option cloze.perturbations",
                remedy="leave it out, or name a file of CPRAG (shuffled, truncated) or ROLE "
                "(generic)",
            )


def _top(
    context: Context,
    model: Any,
    cases: Cases,
    words: Mapping[ContextWord, NextWord],
    k: int,
    tokens: int,
    progress: Progress | None,
) -> dict[str, tuple[int, ...]]:
    """Context -> the k most probable pieces after it, where a correct word is a single piece."""
    asked: dict[str, NextWord] = {}
    for question in cases.questions:
        for word in question.correct:
            one = words[question.context, word]
            if one.id is not None:
                asked.setdefault(question.context, one)
    found = most_probable(
        model, context.tokenizer, list(asked.values()), k,
        subnetwork=context.subnetwork, tokens=tokens, progress=progress,
    )  # fmt: skip
    return dict(zip(asked, found, strict=True))


def _tables(
    name: str,
    variant: str,
    cases: Cases,
    words: Mapping[ContextWord, NextWord],
    top: Mapping[str, Sequence[int]],
    log_probs: Mapping[ContextWord, float],
    ks: Sequence[int],
    margin: float,
) -> list[Table]:
    """The scored questions and contrasts of one file and variant."""
    answers = []
    for question in cases.questions:
        ids = [words[question.context, word].id for word in question.correct]
        known = [one for one in ids if one is not None]
        answers.append(answered(question, known, top.get(question.context, ()), ks))
    contrasts = [contrasted(one, log_probs, margin) for one in cases.contrasts]
    return [
        Table(name, variant, [top_metric(k) for k in ks], answers, cases.n_unfit[0]),
        Table(name, variant, CONTRASTED, contrasts, cases.n_unfit[1]),
    ]


def _coverage(
    name: str, variant: Sequence[str], words: Mapping[ContextWord, NextWord]
) -> dict[str, Any]:
    """The row that says how many of the words of a file are single pieces."""
    single = sum(one.id is not None for one in words.values())
    return {
        "probe": CLOZE, "unit": "model", "variant": ", ".join(variant), "corpus": name,
        "relation": name, "metric": COVERAGE, "value": single / len(words), "n": len(words),
        "n_dropped": 0,
    }  # fmt: skip


def _covered(words: Mapping[ContextWord, NextWord]) -> str:
    """How many words are single pieces, and which are not, by reason."""
    single = sum(one.id is not None for one in words.values())
    reasons = _reasons(words)
    return f"{single} of {len(words)} words are a single piece" + (f"; {reasons}" * bool(reasons))


def _reasons(words: Mapping[ContextWord, NextWord]) -> str:
    counts = Counter(one.problem for one in words.values() if one.problem)
    parts = []
    for reason, count in sorted(counts.items()):
        named = list(dict.fromkeys(word for (_, word), one in words.items()
                                   if one.problem == reason))  # fmt: skip
        shown = ", ".join(named[:_SHOWN]) + ", ..." * (len(named) > _SHOWN)
        said = "not in the vocabulary" if reason == VOCABULARY else reason
        parts.append(f"{said}: {count} ({shown})")
    return "; ".join(parts)
