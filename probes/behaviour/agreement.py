"""The probe of number agreement between verb and subject, after Goldberg (2019, arXiv 1901.05287).

The verb is masked; its agreeing form should be more probable there than its other form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.errors import InputError
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ...data.suites.agreement_tables import GULORDAVA, IS_ARE
from ...data.suites.generated import GENERATED
from ...data.suites.pair import Pair, Suite, word_change
from ...data.suites.reading import read_suite, suite_files
from ...data.suites.subject_verb import NO_PAIR, generated_agreement, treebank_pairs
from ...data.tasks.task_parts import spread
from ...models.language.masked import TOKENS
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from .entries import BY_PLL, TIED
from .minimal_pairs import pair_margins
from .pair_scores import Ties, is_tie, points
from .pair_texts import PairTexts, SeveralPieces, pair_texts
from .pieces import Pieces
from .unigram import FROM_BIAS, bias_log_probs
from .word_entries import AGREEMENT, IsAre, Seen

Floats = npt.NDArray[np.float64]

LEFT: Seen = "left-context"
NO_AGREEMENT = "no agreement of a verb"
MOST_ATTRACTORS = 4
"""More are one group."""
_TREEBANKS = (".conllu", ".conll")
_NPI = "npi"


def run_agreement(
    context: Context,
    examples: Sequence[Example],
    *,
    progress: Progress | None = None,
    files: Sequence[str] = (GENERATED,),
    seen: Sequence[Seen] = ("sentence",),
    is_are: IsAre = "as-published",
    several_pieces: SeveralPieces = "skip",
    ties: Ties = "half",
    limit: int = 0,
    generated: int = 200,
    seed: int = 0,
    tokens: int = TOKENS,
) -> ProbeResult:
    """Score subject-verb agreement with a masked language model.

    Args:
        context: the model with its masked-LM head, and the mask.
        examples: not read.
        progress: called with (masked texts done, all), from 0 again for each of `seen`.
        files: treebanks, tables of pairs; `generated` = the shipped pairs.
        seen: `sentence`, or `left-context`: the text is cut after the masked verb.
        is_are: what is done with pairs of is and are.
        several_pieces: `skip`, or `pll` for pairs whose verb is not a single piece.
        ties: `half` or `wrong`.
        limit: maximum number of pairs per file; 0 = all.
        generated: number of shipped pairs.
        seed: of the shipped pairs.
        tokens: maximum number of pieces per batch.

    Returns:
        rows by file, number of attractors and construction; one item per pair, metric and group.

    Raises:
        CheckpointError: if the model has no masked-LM head, or its tokenizer no mask token.
        ConfigError: if two files have the same name.
        DataFileError: for a file of another format.
        InputError: if no pair of a file is usable.
    """
    model = context.language_model()
    tables: list[PairTable] = []
    notes: dict[str, int | float | str] = {}
    for suite in read_agreement(files, is_are=is_are, generated=generated, seed=seed):
        pairs = spread(suite.pairs, limit) if limit else suite.pairs
        asked, skipped = _asked(context, pairs, several_pieces)
        reasons = Counter(suite.skipped) + Counter(skipped.values())
        said = ", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items()))
        if not asked:
            raise InputError(
                f"0 of {len(pairs)} pairs are usable ({said})",
                where=f"{AGREEMENT}, {suite.name}",
                remedy="name another file or model, or set agreement.several_pieces=pll",
            )
        notes[f"{AGREEMENT} {suite.name}"] = f"{len(asked)} pairs; skipped: {said or 'none'}"
        for way in seen:
            texts = [_left_of(one) for one in asked] if way == LEFT else asked
            margins = pair_margins(
                context, model, texts, "masked-word", tokens=tokens, progress=progress
            )
            variant = [way, *(["pll"] if several_pieces == "pll" else []),
                       *(["ties wrong"] if ties == "wrong" else [])]  # fmt: skip
            base = _unigram_margins(model, texts)
            tables.append(
                PairTable(
                    suite, ", ".join(variant), [one.pair for one in asked],
                    _scores(margins, ties, texts, several_pieces),
                    {} if base is None else _scores(base, ties, texts, several_pieces),
                    Counter(group for pair in skipped for group in groups_of(pair, suite)),
                )
            )  # fmt: skip
    return ProbeResult(
        AGREEMENT,
        rows_frame(row for table in tables for row in table.rows()),
        lambda: [table.items() for table in tables],
        notes=notes,
    )


def read_agreement(
    files: Sequence[str], *, is_are: IsAre = "as-published", generated: int = 200, seed: int = 0
) -> Iterator[Suite]:
    """The pairs of each file; `generated` stands for the shipped ones.

    Raises:
        ConfigError: if there are fewer shipped pairs.
        DataFileError: for a file of another format, or two files of the same name.
    """
    for path in suite_files([name for name in files if name != GENERATED]):
        treebank = Path(path.name.removesuffix(".gz")).suffix in _TREEBANKS
        yield _filtered(
            treebank_pairs(path) if treebank else read_suite(path, is_are=is_are == "kept"), is_are
        )
    if GENERATED in files:
        yield _filtered(generated_agreement(seed, generated), is_are)


def _filtered(suite: Suite, is_are: IsAre) -> Suite:
    """The suite without pairs that are about something else, which it counts as skipped."""
    reasons = {pair.id: _unwanted(pair, is_are) for pair in suite.pairs}
    kept = tuple(pair for pair in suite.pairs if not reasons[pair.id])
    lost = Counter(suite.skipped) + Counter(filter(None, reasons.values()))
    return replace(suite, pairs=kept, skipped=dict(lost))


def _unwanted(pair: Pair, is_are: IsAre) -> str:
    if pair.field == _NPI:
        return NO_AGREEMENT
    change = word_change(pair.good, pair.bad) if is_are == "skipped" else None
    if change is None:
        return ""
    forms = (pair.good[change.start : change.good_end], pair.bad[change.start : change.bad_end])
    return IS_ARE if {form.lower() for form in forms} == set(IS_ARE.split("/")) else ""


def _asked(
    context: Context, pairs: Sequence[Pair], several_pieces: SeveralPieces
) -> tuple[list[PairTexts], dict[Pair, str]]:
    """The pairs as they are scored, and why the others are skipped."""
    texts = pair_texts(
        context.tokenizer, pairs, "masked-word", several_pieces=several_pieces,
        max_length=context.max_length,
    )  # fmt: skip
    both = list(zip(pairs, texts, strict=True))
    asked = [text for text in texts if not isinstance(text, str)]
    return asked, {pair: text for pair, text in both if isinstance(text, str)}


def _left_of(asked: PairTexts) -> PairTexts:
    """The same pair, its texts cut after the verb."""
    change = word_change(asked.pair.good, asked.pair.bad)
    assert change is not None
    good, bad = (
        _cut(text, max(text.inside(change.start, end)) + 1)
        for text, end in ((asked.good, change.good_end), (asked.bad, change.bad_end))
    )
    return replace(asked, good=good, bad=bad)


def _cut(text: Pieces, end: int) -> Pieces:
    """The first pieces of a text, and the special tokens after the last piece."""
    last = text.places[-1] + 1
    kept = [*range(end), *range(last, len(text.ids))]
    return replace(
        text,
        ids=tuple(text.ids[at] for at in kept),
        segments=tuple(text.segments[at] for at in kept) if text.segments else (),
        places=tuple(at for at in text.places if at < end),
        words=tuple(text.words[at] for at in kept),
        offsets=tuple(text.offsets[at] for at in kept),
    )


def _unigram_margins(model: Any, asked: Sequence[PairTexts]) -> Floats | None:
    """Margins by the bias of the output layer [N]; None if it has no bias."""
    bias = bias_log_probs(model)
    if bias is None:
        return None
    sides = (one.scored_ids for one in asked)
    return np.array([bias[list(good)].sum() - bias[list(bad)].sum() for good, bad in sides])


def _scores(
    margins: Floats, ties: Ties, asked: Sequence[PairTexts], several_pieces: SeveralPieces
) -> dict[str, Floats]:
    """Metric -> score of each pair [N]."""
    found = {
        "accuracy": points(margins, ties),
        "margin": margins,
        TIED: is_tie(margins).astype(np.float64),
    }
    if several_pieces == "pll":
        found[BY_PLL] = np.array([one.word is None for one in asked], dtype=np.float64)
    return found


def groups_of(pair: Pair, suite: Suite) -> list[str]:
    """What a pair is counted in: its file, number of attractors and construction."""
    names = [pair.term]
    if suite.collection == GULORDAVA:
        names.append(pair.group.split("/")[0])
    if pair.paradigm not in (suite.name, suite.name.split(".")[0]):
        names.append(pair.paradigm)
    if pair.attractors is not None:
        many = pair.attractors > MOST_ATTRACTORS
        names.append(f"attractors-{f'{MOST_ATTRACTORS + 1}+' if many else pair.attractors}")
    return [suite.name, *(f"{suite.name}/{name}" for name in dict.fromkeys(names) if name)]


@dataclass(frozen=True)
class PairTable:
    """The N scored pairs of one file.

    Attributes:
        suite: the file.
        variant: what the model reads, and how it is scored.
        pairs: the pairs.
        scores: metric -> score of each pair [N].
        unigram: the same of the unigram baseline; empty = none.
        dropped: group -> pairs that the vocabulary or the model's length exclude.
    """

    suite: Suite
    variant: str
    pairs: Sequence[Pair]
    scores: Mapping[str, Floats]
    unigram: Mapping[str, Floats]
    dropped: Mapping[str, int]

    def rows(self) -> Iterator[dict[str, Any]]:
        """The mean of each metric by group; `n_dropped` counts the pairs that have no score."""
        skipped = self.suite.skipped
        n_skipped = sum(count for reason, count in skipped.items() if reason not in NO_PAIR)
        members: dict[str, list[int]] = {group: [] for group in sorted(self.dropped)}
        for place, pair in enumerate(self.pairs):
            for group in groups_of(pair, self.suite):
                members.setdefault(group, []).append(place)
        for group, places in sorted(members.items()):
            whole = group == self.suite.name
            for metric, values in self.scores.items():
                row = {
                    "probe": AGREEMENT, "unit": "model", "variant": self.variant,
                    "corpus": self.suite.name, "relation": group, "metric": metric,
                    "value": float(values[places].mean()) if places else np.nan,
                    "n": len(places),
                    "n_dropped": self.dropped.get(group, 0) + (n_skipped if whole else 0),
                }  # fmt: skip
                if self.unigram and metric in ("accuracy", "margin"):
                    base = self.unigram[metric][places].mean() if places else np.nan
                    row |= {"baseline": FROM_BIAS, "baseline_value": float(base)}
                yield row

    def items(self) -> pd.DataFrame:
        """One item per pair, metric and group."""
        return items_frame(
            {
                "probe": AGREEMENT, "variant": self.variant,
                "item_id": f"{self.suite.name}/{pair.id}",
                "sentence_id": f"{self.suite.name}/{pair.id}",
                "cluster_id": f"{self.suite.name}/{pair.group}" if pair.group else None,
                "relation": group, "metric": metric, "score": float(values[place]),
            }
            for metric, values in self.scores.items()
            for place, pair in enumerate(self.pairs)
            for group in groups_of(pair, self.suite)
        )  # fmt: skip
