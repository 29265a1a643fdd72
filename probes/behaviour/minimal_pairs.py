"""The probe of minimal pairs: is the good sentence more probable than the bad one?

Scores of a masked language model: pseudo-log-likelihood (Salazar et al. 2020, ACL), its variant
within words (Kauf & Ivanova 2023, ACL), and the masked word of Goldberg (2019).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ...data.errors import InputError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.suites.generated import GENERATED, generated_pairs
from ...data.suites.pair import Pair, Suite
from ...data.suites.reading import read_suite, suite_files
from ...data.tasks.task_parts import spread
from ...models.language.masked import masked_log_probs
from ...models.language.masked_inputs import MaskedText
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from .entries import LEVELS, MINIMAL_PAIRS
from .pair_rows import ScoredPairs, pair_items, pair_rows, relation_of
from .pair_scores import Floats, Normalise, Ties, is_tie, points, text_score
from .pair_texts import PairTexts, Score, SeveralPieces, pair_texts
from .pieces import Pieces
from .pseudo_likelihood import TOKENS, piece_log_probs
from .unigram import FROM_BIAS, FROM_TEXT, bias_log_probs, text_log_probs

Dropped: TypeAlias = Counter[tuple[str, str]]
"""Level and relation -> pairs that are skipped."""


def run_minimal_pairs(
    context: Context,
    examples: Sequence[Example],
    *,
    progress: Progress | None = None,
    files: Sequence[str] = (GENERATED,),
    score: Score = "pll",
    normalise: Normalise = "sum",
    ties: Ties = "half",
    several_pieces: SeveralPieces = "pll",
    limit: int = 0,
    generated: int = 280,
    seed: int = 0,
    unigram: str = "",
    tokens: int = TOKENS,
) -> ProbeResult:
    """Score minimal pairs with a masked language model.

    Args:
        context: the model with its masked-LM head, and the mask.
        examples: not read.
        progress: called with (masked texts done, all).
        files: files and folders of pairs; `generated` = the shipped pairs.
        score: `pll`, `pll-word-l2r` or `masked-word`, see `pair_texts`.
        normalise: `sum` or `mean` over pieces.
        ties: `half` or `wrong`.
        several_pieces: `pll` or `skip`.
        limit: maximum number of pairs per paradigm; 0 = all.
        generated: number of shipped pairs.
        seed: seed of the shipped pairs.
        unigram: corpus of the unigram baseline; empty = the bias of the output layer.
        tokens: maximum number of pieces per batch.

    Returns:
        rows by paradigm, and means over the paradigms of a field, a suite and all; one item per
        pair, metric and level.

    Raises:
        CheckpointError: if the model has no masked-LM head, or its tokenizer no mask token.
        DataFileError: for a file that is not one of pairs.
        InputError: if no pair is usable.
    """
    model = context.language_model()
    suites = read_suites(files, generated=generated, seed=seed)
    by_file = {suite.name: suite.collection for suite in suites}
    pairs, dropped = _chosen(suites, limit)
    reasons = sum((Counter(suite.skipped) for suite in suites), Counter())
    asked: list[PairTexts] = []
    for pair, texts in zip(
        pairs,
        pair_texts(
            context.tokenizer, pairs, score, several_pieces=several_pieces,
            max_length=context.max_length,
        ),
        strict=True,
    ):  # fmt: skip
        if isinstance(texts, str):
            reasons[texts] += 1
            _count(dropped, pair, by_file[pair.source], 1)
        else:
            asked.append(texts)
    if not asked:
        raise InputError(
            f"0 of {len(pairs)} pairs are usable ({_listed(reasons)})",
            where=MINIMAL_PAIRS,
            remedy="name other files, or another model or score",
        )
    name, base = _unigram(context, model, asked, normalise, unigram)
    margins = pair_margins(
        context, model, asked, score, normalise=normalise, tokens=tokens, progress=progress
    )
    kept = [one.pair for one in asked]
    found = ScoredPairs(
        kept, [by_file[pair.source] for pair in kept], points(margins, ties), margins,
        is_tie(margins).astype(np.float64),
        np.array([one.word is None for one in asked], dtype=np.float64)
        if score == "masked-word" else None,
        name, points(base, ties), base, dropped,
    )  # fmt: skip
    variant = ", ".join([score, *(["mean"] if normalise == "mean" else []),
                         *(["ties wrong"] if ties == "wrong" else [])])  # fmt: skip
    notes: dict[str, int | float | str] = {
        f"{MINIMAL_PAIRS}_pairs": len(kept),
        f"{MINIMAL_PAIRS}_ties": int(found.tied.sum()),
        f"{MINIMAL_PAIRS}_skipped": _listed(reasons) or "none",
    }
    if found.by_pll is not None:
        notes[f"{MINIMAL_PAIRS}_scored_by_pll"] = int(found.by_pll.sum())
    return ProbeResult(
        MINIMAL_PAIRS,
        rows_frame(pair_rows(found, variant)),
        lambda: pair_items(found, variant),
        notes=notes,
    )


def read_suites(files: Sequence[str], *, generated: int = 280, seed: int = 0) -> list[Suite]:
    """The suites of files and folders; `generated` stands for the shipped pairs.

    Raises:
        ConfigError: if there are fewer shipped pairs.
        DataFileError: for a file that is not one of pairs.
        InputError: if a pair is in two files.
    """
    suites = [read_suite(path) for path in suite_files([one for one in files if one != GENERATED])]
    if GENERATED in files:
        suites.append(generated_pairs(seed, generated))
    held: dict[str, str] = {}
    for suite in suites:
        for pair in suite.pairs:
            if pair.id in held:
                raise InputError(
                    f"the pair {pair.id} is also in {held[pair.id]}",
                    where=f"{suite.name}, {pair.place}",
                    remedy="name each paradigm once",
                )
        held |= dict.fromkeys((pair.id for pair in suite.pairs), suite.name)
    return suites


def _chosen(suites: Sequence[Suite], limit: int) -> tuple[list[Pair], Dropped]:
    """The pairs that are scored, and how many the readers left out."""
    by_paradigm: dict[str, list[Pair]] = {}
    dropped: Dropped = Counter()
    for suite in suites:
        _count(dropped, suite.pairs[0], suite.collection, sum(suite.skipped.values()))
        for pair in suite.pairs:
            by_paradigm.setdefault(pair.paradigm, []).append(pair)
    kept = [
        pair for of in by_paradigm.values() for pair in (spread(tuple(of), limit) if limit else of)
    ]
    return kept, dropped


def _count(dropped: Dropped, like: Pair, suite: str, n: int) -> None:
    """Count `n` skipped pairs on each level, as parts of what a pair of the suite belongs to."""
    for level in LEVELS:
        dropped[level, relation_of(like, suite, level)] += n


def pair_margins(
    context: Context,
    model: Any,
    asked: Sequence[PairTexts],
    score: Score,
    *,
    normalise: Normalise = "sum",
    tokens: int = TOKENS,
    progress: Progress | None = None,
) -> Floats:
    """Score of the good sentence minus score of the bad one, in nats [N].

    Args:
        context: tokenizer and mask.
        model: a model of `load_language_model`.
        asked: N pairs.
        score: see `pair_texts`.
        normalise: `sum` or `mean`.
        tokens: maximum number of pieces per batch.
        progress: called with (masked texts done, all).
    """
    same: dict[str, Any] = {"subnetwork": context.subnetwork, "tokens": tokens}
    by_word = [one for one in asked if one.word is not None]
    by_text = [one for one in asked if one.word is None]
    variant = Pieces.rest_masked if score == "pll-word-l2r" else Pieces.one_masked
    texts = [text for one in by_text for text in (one.good, one.bad)]
    values = iter(
        piece_log_probs(model, context.tokenizer, texts, variant=variant, progress=progress, **same)
    )
    of_text = iter([text_score(next(values), normalise) - text_score(next(values), normalise)
                    for _ in by_text])  # fmt: skip
    forms: list[tuple[MaskedText, tuple[int, int]]] = [
        (one.good.one_masked(one.word[0]), one.word[1:]) for one in by_word if one.word
    ]
    words = iter(
        masked_log_probs(
            model, context.tokenizer, [text for text, _ in forms],
            candidates=[two for _, two in forms], progress=progress, **same,
        )
    )  # fmt: skip
    of_word = iter([float(both[0, 0]) - float(both[0, 1]) for both in words])
    return np.array([next(of_text if one.word is None else of_word) for one in asked])


def _unigram(
    context: Context, model: Any, asked: Sequence[PairTexts], normalise: Normalise, corpus: str
) -> tuple[str, Floats]:
    """Name and margins [N] of the unigram baseline."""
    if corpus:
        name, found = FROM_TEXT, text_log_probs(context.tokenizer, corpus)
    else:
        bias = bias_log_probs(model)
        if bias is None:
            return "", np.zeros(len(asked))
        name, found = FROM_BIAS, bias
    sides = (one.scored_ids for one in asked)
    return name, np.array(
        [text_score(found[list(good)], normalise) - text_score(found[list(bad)], normalise)
         for good, bad in sides]
    )  # fmt: skip


def _listed(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items()) if count)
