"""Which words carry the prediction: layer integrated gradients, summed over words and groups.

Integrated gradients (Sundararajan et al. 2017) as Captum computes them, at the word embeddings,
from the same text with every word piece replaced by padding. Positions and special tokens stay:
the embeddings alone are on the path, so the attributions sum to the difference of the logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.sentences.word_groups import GROUPS, word_groups
from ..forward.base import Context, ProbeResult
from ..forward.needs import check_annotated, sentences_of
from ..forward.shared_pass import Progress
from ..forward.texts import read_texts
from .attribution_rows import NAME, attribution_items, attribution_rows
from .classified import check_classified
from .group_share import GroupShareTest
from .settings import AttributionSettings
from .word_scores import WordAttributions, word_scores


def run_attributions(
    context: Context,
    examples: Sequence[Example],
    *,
    n_steps: int = 16,
    batch_size: int = 8,
    internal_batch_size: int = 64,
    permutations: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> ProbeResult:
    """Share of the attribution that falls on subject, verb, object and negation.

    Args:
        context: a model with a task head, and its mask.
        examples: examples with relations and universal tags, of the model's task; one with an empty
            text is left out and counted.
        n_steps: points of the Gauss-Legendre integration; more when the convergence delta is
            large beside the logits.
        batch_size: examples that go through Captum together.
        internal_batch_size: texts a forward and backward pass, over examples and steps.
        permutations: shuffles inside each sentence for the null.
        seed: chooses the shuffles.
        progress: called with (examples done, N) after each batch.

    Returns:
        a row for each group with the permutation mean as baseline and its p-value, and rows for
        the convergence delta; an item for each example and group, and one for each word.

    Raises:
        InputError: without examples or task head, or when a pair model gets single sentences, or
            no example has words.
        CheckpointError: if there is no padding token.
        AnnotationError: if an example with words has no relations or no tags.
    """
    settings = AttributionSettings(
        n_steps=n_steps, batch_size=batch_size, internal_batch_size=internal_batch_size
    )
    check_classified(context, examples, baseline=settings.baseline)
    texts = read_texts(context, examples)
    examples = texts.examples
    found = word_scores(context, texts, settings, progress)
    read = (sentence for example in examples for sentence in sentences_of(example))
    check_annotated(read, ["deprels", "upos"])
    test = GroupShareTest(len(GROUPS), permutations=permutations, seed=seed)
    attributed = []
    for number, (example, one) in enumerate(zip(examples, found, strict=True)):
        weights = np.abs(one.words)
        if weights.sum() > 0:
            sentences = sentences_of(example)
            starts = np.cumsum([0, *(len(sentence.words) for sentence in sentences)])
            members = word_groups(sentences)[:, [starts[s] + index for s, index in one.kept]]
            test.update(example.cluster or example.id, weights, members)
            attributed.append(number)
    shares = test.result()
    first = examples[0].first
    n_dropped = texts.n_dropped + len(examples) - len(attributed)
    rows = attribution_rows(found, shares, n_dropped).assign(
        probe=NAME,
        variant=f"layer-integrated-gradients;n_steps={n_steps};baseline=pad",
        unit="model",
        annotation=first.annotation,
        scheme=first.scheme,
    )
    result = ProbeResult(
        probe=NAME,
        rows=rows_frame(rows),
        make_items=lambda: attribution_items(examples, found, shares, attributed),
        notes={
            "n_examples": len(examples),
            "n_without_attribution": len(examples) - len(attributed),
            "n_words_dropped": sum(
                sum(len(s.words) for s in sentences_of(example)) - len(one.kept)
                for example, one in zip(examples, found, strict=True)
            ),
            "permutations": permutations,
        },
    )
    return texts.counted(result)


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
    asked = AttributionSettings(**settings)
    check_classified(context, examples, target=asked.target, baseline=asked.baseline)
    return word_scores(context, read_texts(context, examples), asked, progress)
