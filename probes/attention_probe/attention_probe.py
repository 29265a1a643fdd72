"""How much syntax all attention maps contain together: heads of words, learnt from all maps.

Clark et al. 2019, section 5. `dependency-heads` examines single heads; here a classifier reads all
of them, with one weight per head and direction, or with weights that depend on the words.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import ROOT, Example
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..learning.chosen_rates import best_rates
from ..learning.fitting import Course, Schedule, fit
from ..learning.learning import Learning
from .map_batches import map_batches
from .scorers import HeadScorers
from .static_vectors import main_directions, reduced, word_vectors
from .word_maps import WordMaps, gather_maps

NAME = "attention-probe"
METRICS = ("uas", "uas_no_punct")
_SCHEDULE = {"patience": 3, "lr_patience": 1, "factor": 0.3}


@dataclass(frozen=True)
class _Part:
    """One part of the corpus."""

    maps: WordMaps
    vectors: list[torch.Tensor]


@dataclass(frozen=True)
class _Trained:
    """The probes of one form at the learning rate that was best on dev, one per seed."""

    form: str
    scorers: HeadScorers
    chosen: tuple[int, ...]
    courses: tuple[Course, ...]


def run_attention_probe(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    forms: Sequence[str] = ("maps", "maps+words", "words+distances"),
    width: int = 64,
    max_train: int = 2_000,
    seeds: int = 1,
    seed: int = 0,
    rates: Sequence[float] = (1e-3, 1e-2, 1e-1),
    epochs: int = 40,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> ProbeResult:
    """Train a classifier to find the heads of words from attention between words, and score it.

    Maps lie in a temporary file beside the hidden states: K W (W + 4) numbers per text.

    Args:
        context: the model with its mask; maps of pruned heads are zero.
        examples: what is scored.
        learning: texts to learn from.
        forms: forms of classifier (scorers.py).
        width: dimensions of word vectors.
        max_train: maximum number of training texts, counted from the first.
        seeds: probes trained from different initial weights; a convex one ends alike.
        seed: of the initial weights and of the order of batches.
        rates: learning rates; the one with the lowest dev loss is used.
        epochs: maximum number of passes over the training texts.
        batch_size: texts per forward pass.
        progress: called with (texts done, N) of each pass, then with (epochs done, maximum).

    Returns:
        UAS of each form (unit `model`), with chains and the best fixed offset as baselines; the
        weight of each head and direction in the form `maps` (unit `head`); an item for each text
        and form.

    Raises:
        InputError: if no text can be read, or the loss contains NaN or infinity.
    """
    learning.states.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="maps-", dir=learning.states.folder))
    try:
        alive = torch.from_numpy(np.array(context.alive).reshape(-1))
        parts = {}
        for name, texts in (
            ("train", learning.train[:max_train]), ("dev", learning.dev), ("test", examples),
        ):  # fmt: skip
            maps = gather_maps(
                context, texts, folder / name, batch_size=batch_size, progress=progress
            )
            parts[name] = _Part(maps, word_vectors(context.model, maps.texts))
        mean, axes = main_directions(parts["train"].vectors, width)
        parts = {
            name: _Part(part.maps, reduced(part.vectors, mean, axes))
            for name, part in parts.items()
        }
        schedule = Schedule(epochs=epochs, **_SCHEDULE)  # type: ignore[arg-type]
        trained = [
            _train(form, parts, alive, schedule, rates, range(seed, seed + seeds), progress)
            for form in forms
        ]
        scores = _scores(trained, parts["test"], alive) | _baselines(parts)
        rows = [*_score_rows(scores, parts["test"].maps), *_weight_rows(trained, context)]
        result = ProbeResult(
            NAME,
            rows_frame(rows),
            lambda: _items(scores, parts["test"].maps),
            notes=_notes(trained, parts, mean.shape[0]),
        )
        return parts["test"].maps.texts.counted(result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _train(
    form: str,
    parts: Mapping[str, _Part],
    alive: torch.Tensor,
    schedule: Schedule,
    rates: Sequence[float],
    seeds: Sequence[int],
    progress: Progress | None,
) -> _Trained:
    """Train a form at every rate and from every seed at once; choose the rate on dev."""
    train, dev = parts["train"], parts["dev"]
    each = [(rate, seed) for rate in rates for seed in seeds]
    scorers = HeadScorers(
        form, train.maps.heads, train.vectors[0].shape[1], [seed for _, seed in each]
    )
    courses = fit(
        scorers,
        lambda epoch: map_batches(train.maps, train.vectors, alive, seed=seeds[0] * 1_000 + epoch),
        lambda: map_batches(dev.maps, dev.vectors, alive),
        schedule,
        rates=[rate for rate, _ in each],
        progress=progress,
    )
    chosen = tuple(best_rates(courses, [form] * len(each))[form])
    return _Trained(form, scorers, chosen, tuple(courses[place] for place in chosen))


Found = npt.NDArray[np.float64]
"""(UAS right, UAS words, right without punctuation, words without punctuation) of each text."""


def _scores(trained: Sequence[_Trained], test: _Part, alive: torch.Tensor) -> dict[str, Found]:
    """Form -> the counts of each text [N, 4], the mean over seeds."""
    found = {one.form: np.zeros((len(test.maps.examples), 4)) for one in trained}
    with torch.inference_mode():
        for batch in map_batches(test.maps, test.vectors, alive):
            for one in trained:
                answers = one.scorers.scores(one.chosen, batch).argmax(-1)
                right = (answers == batch.gold).double().mean(0).numpy()
                for row, text in enumerate(batch.texts):
                    n = test.maps.length(text)
                    found[one.form][text] = _counted(test.maps, text, right[row, :n])
    return found


def _counted(maps: WordMaps, text: int, right: npt.NDArray[np.float64]) -> Found:
    """Counts of one text from the share of correct answers for each word [W]."""
    scored = maps.gold(text) >= 0
    upos = maps.sentence(text).upos
    kept = maps.texts.words[text].kept
    words = scored & np.array([bool(upos) and upos[place] != "PUNCT" for _, place in kept])
    return np.array([right[scored].sum(), scored.sum(), right[words].sum(), words.sum()])


def _baselines(parts: Mapping[str, _Part]) -> dict[str, Found]:
    """Model-free trees: the word before, the word after, the best offset of the training part."""
    counts: dict[int, int] = {}
    for text in range(len(parts["train"].maps.examples)):
        sentence = parts["train"].maps.sentence(text)
        for place, head in enumerate(sentence.heads):
            if head != ROOT:
                counts[head - place] = counts.get(head - place, 0) + 1
    best = min(counts, key=lambda offset: (-counts[offset], abs(offset), offset), default=-1)
    test = parts["test"].maps
    found = {}
    for name, offset in (("right-branching", -1), ("left-branching", 1), ("best-offset", best)):
        rows = []
        for text in range(len(test.examples)):
            gold, n = test.gold(text), test.length(text)
            answer = np.arange(n) + offset
            # a word whose neighbour is outside the sentence is the root
            answer = np.where((answer < 0) | (answer >= n), n, answer)
            rows.append(_counted(test, text, (answer == gold).astype(np.float64)))
        found[name] = np.array(rows)
    return found


def _score_rows(scores: Mapping[str, Found], maps: WordMaps) -> Iterator[dict[str, Any]]:
    baselines = ("right-branching", "left-branching", "best-offset")
    values = {
        (name, metric): _ratio(found[:, 2 * place].sum(), found[:, 2 * place + 1].sum())
        for name, found in scores.items()
        for place, metric in enumerate(METRICS)
    }
    for name, found in scores.items():
        for place, metric in enumerate(METRICS):
            same = {
                "probe": NAME, "variant": name, "unit": "model", "metric": metric,
                "value": values[name, metric], "n": int(found[:, 2 * place + 1].sum()),
            }  # fmt: skip
            if name in baselines:
                yield same
                continue
            for other in baselines:
                yield same | {"baseline": other, "baseline_value": values[other, metric]}


def _ratio(right: float, n: float) -> float:
    return float(right / n) if n else float("nan")


def _weight_rows(trained: Sequence[_Trained], context: Context) -> Iterator[dict[str, Any]]:
    """The weight of each head and direction in the form `maps`, the mean over seeds."""
    H = context.anatomy.num_heads
    alive = context.alive
    for one in trained:
        if one.form != "maps":
            continue
        weights = [one.scorers.parameters()[place] for place in one.chosen]
        for place, direction in enumerate(("dependent->head", "head->dependent")):
            mean = torch.stack([each[place].detach() for each in weights]).mean(0)
            for k, value in enumerate(mean.tolist()):
                layer, head = divmod(k, H)
                yield {
                    "probe": NAME, "variant": one.form, "unit": "head", "layer": layer,
                    "head": head, "direction": direction, "metric": "head_weight",
                    "value": value if alive[layer, head] else float("nan"),
                    "n": one.scorers.parameters()[0][0].numel(),
                    "flag": None if alive[layer, head] else "dead",
                }  # fmt: skip


def _items(scores: Mapping[str, Found], maps: WordMaps) -> Iterator[pd.DataFrame]:
    """An item for each text, form and metric that it has words of."""
    ids = np.array([(one.id, one.first.id) for one in maps.examples], dtype=object)
    for name, found in scores.items():
        for place, metric in enumerate(METRICS):
            some = found[:, 2 * place + 1] > 0
            yield items_frame(
                pd.DataFrame(
                    {
                        "item_id": ids[some, 0],
                        "sentence_id": ids[some, 1],
                        "numerator": found[some, 2 * place],
                        "denominator": found[some, 2 * place + 1],
                    }
                ).assign(probe=NAME, variant=name, metric=metric)
            )


def _notes(
    trained: Sequence[_Trained], parts: Mapping[str, _Part], embedding: int
) -> dict[str, int | float | str]:
    notes: dict[str, int | float | str] = {
        f"{NAME}_n_{name}": len(part.maps.examples) for name, part in parts.items()
    }
    for one in trained:
        notes[f"{NAME}_{one.form}_rate"] = one.courses[0].lr
        notes[f"{NAME}_{one.form}_epochs"] = max(course.best + 1 for course in one.courses)
    vectors = f"input embeddings, {parts['train'].vectors[0].shape[1]} of {embedding} dimensions"
    return notes | {f"{NAME}_vectors": vectors}
