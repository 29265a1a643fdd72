"""Which words a prediction depends on: attributions, and their shares by kind of word.

Integrated gradients (Sundararajan et al. 2017) and the other methods are Captum's, at the word
embeddings: positions and special tokens stay as they are in the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.sentences.word_groups import GROUPS
from ..forward.base import Context, ProbeResult
from ..forward.needs import check_annotated, sentences_of
from ..forward.shared_pass import Progress
from ..forward.texts import Texts, read_texts
from .attribution_rows import NAME, NET, SHARE, Attributed, attribution_items, attribution_rows
from .classified import check_classified
from .group_share import GroupShareTest
from .settings import AttributionSettings, check_methods
from .word_kinds import Kind, Marked, kinds_among, marked, members_of
from .word_scores import WordAttributions, word_scores

UNSIGNED = ("saliency",)
"""Methods whose attributions have no sign."""


def run_attributions(
    context: Context,
    examples: Sequence[Example],
    *,
    method: Sequence[str] = ("integrated-gradients",),
    target: str = "predicted",
    baseline: str = "pad",
    n_steps: int = 16,
    tolerance: float = 0.0,
    n_samples: int = 25,
    layer: int = 0,
    batch_size: int = 8,
    internal_batch_size: int = 64,
    permutations: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> ProbeResult:
    """Attributions to words, and their shares on each kind of word, by each method.

    Args:
        context: a model with a task head, and its mask.
        examples: examples with relations and universal tags, of the model's task; one with an empty
            text is left out and counted.
        method: names of `METHODS`; each has rows of its own variant.
        target: class whose logit is attributed: `predicted` or `gold`.
        baseline: what replaces the embeddings of words: `pad`, `mask`, `zero` or `mean`.
        n_steps: points of the Gauss-Legendre integration.
        tolerance: convergence delta of an example, in logits, above which its steps are doubled
            (up to 1,024); 0 = `n_steps` for all.
        n_samples: draws of gradient SHAP, orders of Shapley sampling, sets of words of kernel SHAP.
        layer: block of layer conductance, from 0.
        batch_size: examples attributed together.
        internal_batch_size: texts per forward and backward pass, over examples and steps.
        permutations: shuffles inside each text for the null.
        seed: seed of shuffles and draws.
        progress: called with (examples done, of all methods) after each batch.

    Returns:
        for each method a row for each group and kind of word, with the permutation mean as baseline
        and its p-value, and rows for the convergence delta; an item for each example and kind, and
        one for each word.

    Raises:
        InputError: without examples or task head, or when a pair model gets single sentences, or
            no example has words, or an attributed label is not a class of the model.
        UnknownNameError: for a method, target or baseline that does not exist.
        ConfigError: for DeepLift, whose result would be meaningless, and a method named twice.
        CheckpointError: if there is no padding or mask token that is needed.
        AnnotationError: if an example with words has no relations or no tags.
    """
    check_methods(method)
    asked = [
        AttributionSettings(
            method=name,
            target=target,
            baseline=baseline,
            n_steps=n_steps,
            tolerance=tolerance or None,
            n_samples=n_samples,
            layer=layer,
            batch_size=batch_size,
            internal_batch_size=internal_batch_size,
            seed=seed,
        )
        for name in method
    ]
    check_classified(context, examples, target=target, baseline=baseline)
    texts = read_texts(context, examples)
    sentences = [sentences_of(example) for example in texts.examples]
    check_annotated((one for several in sentences for one in several), ["deprels", "upos"])
    words = [marked(several) for several in sentences]
    kinds, every = kinds_among(words), []
    for number, settings in enumerate(asked):
        done = _counting(progress, number, len(asked))
        scores = word_scores(context, texts, settings, done)
        every.append(_sorted_into(texts, words, kinds, settings, scores, permutations, seed))
    first = texts.examples[0].first
    rows = pd.concat([attribution_rows(one) for one in every], ignore_index=True)
    result = ProbeResult(
        probe=NAME,
        rows=rows_frame(rows.assign(annotation=first.annotation, scheme=first.scheme)),
        make_items=lambda: attribution_items(every),
        notes=_notes(every, permutations),
    )
    return texts.counted(result)


def _counting(progress: Progress | None, number: int, methods: int) -> Progress | None:
    """The progress of one of several methods as progress of all."""
    if progress is None:
        return None

    def count(done: int, total: int) -> None:
        progress(number * total + done, methods * total)

    return count


def _sorted_into(
    texts: Texts,
    words: Sequence[Marked],
    kinds: Sequence[Kind],
    settings: AttributionSettings,
    scores: Sequence[WordAttributions],
    permutations: int,
    seed: int,
) -> Attributed:
    """The shares of one method's attributions on groups and kinds of words."""
    metrics = (SHARE,) if settings.method in UNSIGNED else (SHARE, NET)
    n_columns = len(GROUPS) + len(kinds)
    tests = {
        metric: GroupShareTest(n_columns, permutations=permutations, seed=seed)
        for metric in metrics
    }
    attributed = []
    for number, (example, one) in enumerate(zip(texts.examples, scores, strict=True)):
        if not np.abs(one.words).sum() > 0:
            continue
        several = sentences_of(example)
        starts = np.cumsum([0, *(len(sentence.words) for sentence in several)])
        read = [starts[segment] + index for segment, index in one.kept]
        members = members_of(several, words[number], kinds)[:, read]
        for metric, test in tests.items():
            weights = np.abs(one.words) if metric == SHARE else one.words
            test.update(example.cluster or example.id, weights, members)
        attributed.append(number)
    return Attributed(
        settings=settings,
        examples=texts.examples,
        words=scores,
        kinds=kinds,
        shares={metric: test.result() for metric, test in tests.items()},
        attributed=attributed,
        n_dropped=texts.n_dropped + len(texts.examples) - len(attributed),
    )


def _notes(every: Sequence[Attributed], permutations: int) -> dict[str, int | float | str]:
    first = every[0]
    lost = [len(one.examples) - len(one.attributed) for one in every]
    return {
        "n_examples": len(first.examples),
        "n_without_attribution": max(lost),
        "n_words_dropped": sum(
            sum(len(s.words) for s in sentences_of(example)) - len(one.kept)
            for example, one in zip(first.examples, first.words, strict=True)
        ),
        "permutations": permutations,
    }


def attribute_words(
    context: Context,
    examples: Sequence[Example],
    *,
    progress: Progress | None = None,
    **settings: Any,
) -> list[WordAttributions]:
    """Attribution to words, in the order of the examples; those without a word are left out.

    Args:
        context: a model with a task head, and its mask.
        examples: examples of the model's task.
        progress: called with (examples done, N) after each batch.
        settings: of `AttributionSettings`.

    Raises:
        InputError: as `word_scores`, and without examples.
    """
    asked = replace(AttributionSettings(), **settings)
    check_classified(context, examples, target=asked.target, baseline=asked.baseline)
    return word_scores(context, read_texts(context, examples), asked, progress)
