"""Which words carry the prediction: layer integrated gradients, summed over words and groups.

Integrated gradients (Sundararajan et al. 2017) as Captum computes them, at the word embeddings,
from the same text with every word piece replaced by padding. Positions and special tokens stay:
the embeddings alone are on the path, so the attributions sum to the difference of the logits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ...data.encoding.tokenizer_check import check_padding
from ...data.errors import InputError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.sentences.word_groups import GROUPS, word_groups
from ...models.encoder.evaluating import evaluating
from ...models.smaller.candidate import classifying_as
from ..forward.base import BatchView, Context, ProbeResult
from ..forward.batch import batch_view
from ..forward.needs import check_annotated, sentences_of
from ..forward.shared_pass import Progress
from ..forward.texts import Texts, read_texts
from .attribution_rows import NAME, WordAttributions, attribution_items, attribution_rows
from .group_share import GroupShareTest


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
    _check_examples(context, examples)
    texts = read_texts(context, examples)
    examples = texts.examples
    found = _attribute(
        context,
        texts,
        n_steps=n_steps,
        batch_size=batch_size,
        internal_batch_size=internal_batch_size,
        progress=progress,
    )
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
    n_steps: int = 16,
    batch_size: int = 8,
    internal_batch_size: int = 64,
    progress: Progress | None = None,
) -> list[WordAttributions]:
    """Attribution of each example's predicted class to its words, in the order of the examples.

    Examples with a text that has no word are left out. The parameters are frozen meanwhile, which
    saves a third of the backward pass, and the attention implementation is left as it is.

    Raises:
        InputError: without examples or task head, or when a pair model gets single sentences.
    """
    _check_examples(context, examples)
    return _attribute(
        context,
        read_texts(context, examples),
        n_steps=n_steps,
        batch_size=batch_size,
        internal_batch_size=internal_batch_size,
        progress=progress,
    )


def _attribute(
    context: Context,
    texts: Texts,
    *,
    n_steps: int,
    batch_size: int,
    internal_batch_size: int,
    progress: Progress | None,
) -> list[WordAttributions]:
    order = sorted(range(len(texts.encoded)), key=lambda i: -len(texts.encoded[i].input_ids))
    found: dict[int, WordAttributions] = {}
    with ExitStack() as stack:
        stack.enter_context(evaluating(context.model))
        stack.enter_context(_frozen(context.model))
        model = stack.enter_context(classifying_as(context.model, context.subnetwork))
        context = replace(context, model=model, subnetwork=None)
        for start in range(0, len(order), batch_size):
            chosen = np.array(order[start : start + batch_size])
            batch = batch_view(context, texts.examples, texts.encoded, texts.words, chosen)
            results = _attribute_batch(context, batch, n_steps, internal_batch_size)
            found.update(zip(chosen.tolist(), results, strict=True))
            if progress is not None:
                progress(len(found), len(order))
    return [found[i] for i in range(len(order))]


def _check_examples(context: Context, examples: Sequence[Example]) -> None:
    if not examples:
        raise InputError("no examples to attribute", remedy="name a task or a corpus")
    check_padding(context.tokenizer)  # what words are replaced by
    if context.model.base_model is context.model:
        raise InputError(
            "attribution needs a model with a task head",
            remedy="fine-tune the model first (`subprobe finetune`)",
        )
    if context.spec is not None and context.spec.pair and examples[0].second is None:
        raise InputError(
            "attribution of a pair model needs `task`",
            remedy=f"this model reads pairs of sentences: `task` {context.spec.name}",
        )


@contextmanager
def _frozen(model: Any) -> Iterator[None]:
    """Compute no gradient of the parameters, and leave them as they were."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def _attribute_batch(
    context: Context, batch: BatchView, n_steps: int, internal_batch_size: int
) -> list[WordAttributions]:
    from captum.attr import IntegratedGradients

    ids, *others = batch.inputs.values()
    names = tuple(name for name in batch.inputs if name != "input_ids")
    table = context.anatomy.embeddings(context.model)

    def logits_of(embedded: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        """Logits [B, K] of word embeddings [B, S, D].

        RoBERTa and MPNet would derive positions from ids, and the padding of the baseline would
        move every word.
        """
        inputs = dict(zip(names, rest, strict=True))
        result: torch.Tensor = context.model(inputs_embeds=embedded, **inputs).logits
        return result

    blank = torch.full_like(ids, context.tokenizer.pad_token_id)
    blank = torch.where(batch.real & ~batch.special, blank, ids)
    with torch.no_grad():
        embedded, blank_embedded = table(ids), table(blank)
        ends = torch.cat([embedded, blank_embedded])
        logits, blank_logits = logits_of(ends, *(one.repeat(2, 1) for one in others)).chunk(2)
    predicted = logits.argmax(dim=1)
    difference = (logits - blank_logits).gather(1, predicted[:, None])[:, 0]
    values = IntegratedGradients(logits_of).attribute(
        embedded,
        baselines=blank_embedded,
        target=predicted,
        additional_forward_args=tuple(others),
        n_steps=n_steps,
        internal_batch_size=max(internal_batch_size, len(ids)),
    )
    pieces = values.detach().sum(dim=-1)  # [B, S]
    by_word = (pieces[:, None] @ batch.target)[:, 0].double().cpu().numpy()
    delta = (pieces.sum(dim=1) - difference).double().cpu().numpy()
    return [
        WordAttributions(
            words=by_word[row, : len(kept)],
            kept=kept,
            predicted=int(predicted[row]),
            delta=float(delta[row]),
            logit_difference=float(difference[row]),
        )
        for row, kept in enumerate(batch.kept)
    ]
