"""A classifier under its mask, run from embeddings, with the reference input of each text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.tokenizer_check import check_padding
from ...data.errors import CheckpointError, InputError
from ...data.sentences.sentence import Example
from ...models.encoder.evaluating import evaluating, frozen
from ...models.masks.gates import gated
from ...models.masks.replacement import replacing
from ...models.smaller.candidate import classifying_as, shrunk_to
from ..forward.base import BatchView, Context
from ..forward.batch import batch_view
from ..forward.eval_mode import differentiable_attention
from ..forward.texts import Texts


@dataclass(frozen=True)
class ClassifiedBatch:
    """A batch of texts with its embeddings, the baseline, and the logits of both.

    Attributes:
        context: the model, masked and frozen; its `subnetwork` is None.
        view: the texts.
        embedded: word embeddings [B, S, D], without gradient.
        blank: the same with every piece of a word replaced by the baseline; special tokens and
            padding stay [B, S, D].
        blank_ids: the ids of `blank` [B, S]; None where the baseline is not a token.
        logits: of the texts [B, K].
        blank_logits: of the baseline [B, K].
        target: whose logit is attributed [B].
    """

    context: Context
    view: BatchView
    embedded: torch.Tensor
    blank: torch.Tensor
    blank_ids: torch.Tensor | None
    logits: torch.Tensor
    blank_logits: torch.Tensor
    target: torch.Tensor

    @property
    def predicted(self) -> torch.Tensor:
        """The class with the largest logit [B]."""
        return self.logits.argmax(dim=1)

    @property
    def difference(self) -> torch.Tensor:
        """The target's logit minus its logit for the reference input [B]."""
        return (self.logits - self.blank_logits).gather(1, self.target[:, None])[:, 0]

    @property
    def others(self) -> tuple[torch.Tensor, ...]:
        """The model's inputs other than ids, such as the attention mask, [B, S] each."""
        return tuple(one for name, one in self.view.inputs.items() if name != "input_ids")

    def logits_of(self, embedded: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        """Logits [N, K] of word embeddings [N, S, D], with gradients where these have some.

        RoBERTa and MPNet would derive positions from ids, and the padding of a baseline would move
        every word.

        Args:
            embedded: word embeddings.
            others: as `others`, for N texts.
        """
        names = (name for name in self.view.inputs if name != "input_ids")
        inputs = dict(zip(names, others, strict=True))
        result: torch.Tensor = self.context.model(inputs_embeds=embedded, **inputs).logits
        return result

    def at(self, embedded: torch.Tensor) -> ClassifiedBatch:
        """One text at other embeddings [N, S, D], each with its own logits; its class stays.

        Args:
            embedded: in the place of those of the batch, which holds one text.
        """
        moved = replace(self.rows([0] * len(embedded)), embedded=embedded)
        with torch.no_grad():
            return replace(moved, logits=moved.logits_of(embedded, *moved.others))

    def rows(self, chosen: Sequence[int]) -> ClassifiedBatch:
        """Some texts of the batch, without padding columns that none of them needs."""
        view = self.view
        S = int(view.real[list(chosen)].sum(dim=1).max())
        W = max(1, *(len(view.kept[row]) for row in chosen))
        rows = torch.tensor(list(chosen), device=view.real.device)
        smaller = BatchView(
            position=view.position[list(chosen)],
            examples=tuple(view.examples[row] for row in chosen),
            inputs={name: one[rows, :S] for name, one in view.inputs.items()},
            real=view.real[rows, :S],
            special=view.special[rows, :S],
            word=view.word[rows, :S],
            kept=tuple(view.kept[row] for row in chosen),
            source=view.source[rows, :W, :S],
            target=view.target[rows, :S, :W],
        )
        return replace(
            self,
            view=smaller,
            embedded=self.embedded[rows, :S],
            blank=self.blank[rows, :S],
            blank_ids=None if self.blank_ids is None else self.blank_ids[rows, :S],
            logits=self.logits[rows],
            blank_logits=self.blank_logits[rows],
            target=self.target[rows],
        )


@contextmanager
def classifier(context: Context, *, every_token: bool = False) -> Iterator[Context]:
    """The model under its mask, in eval mode and frozen, as a context without subnetwork.

    Frozen parameters save a third of a backward pass; what was trained before is trained again
    afterwards. The attention implementation stays as it is where it has gradients.

    Args:
        context: the model and its mask.
        every_token: whether the last layer is computed for tokens that the task head does not read.
    """
    with ExitStack() as stack:
        stack.enter_context(evaluating(context.model))
        stack.enter_context(frozen(context.model))
        if every_token:
            model = shrunk_to(context.model, context.subnetwork)
            if model is context.model:
                stack.enter_context(gated(model, context.subnetwork))
        else:
            model = stack.enter_context(classifying_as(context.model, context.subnetwork))
        if context.subnetwork is not None:
            # gates that a probe adds replace units as those of the mask are
            stack.enter_context(replacing(model, context.subnetwork))
        stack.enter_context(differentiable_attention(model))
        yield replace(context, model=model, subnetwork=None)


def classify(
    context: Context,
    texts: Texts,
    chosen: npt.NDArray[np.int64],
    *,
    target: str = "predicted",
    baseline: str = "pad",
) -> ClassifiedBatch:
    """Logits of some texts and of their baselines, in one pass.

    Args:
        context: what `classifier` gives.
        texts: the corpus.
        chosen: places in it [B].
        target: `predicted` or `gold`.
        baseline: `pad`, `mask`, `zero` or `mean`.

    Raises:
        InputError: if logits contain NaN or infinity.
    """
    view = batch_view(context, texts.examples, texts.encoded, texts.words, chosen)
    batch = _unclassified(context, view, baseline)
    with torch.no_grad():
        ends = torch.cat([batch.embedded, batch.blank])
        both = batch.logits_of(ends, *(one.repeat(2, 1) for one in batch.others))
    if not bool(both.isfinite().all()):
        raise InputError("logits contain NaN or infinity", remedy="check the model's weights")
    logits, blank_logits = both.chunk(2)
    wanted = logits.argmax(dim=1)
    if target == "gold":
        labels = [int(example.label) for example in view.examples if example.label is not None]
        wanted = torch.tensor(labels, device=logits.device)
    return replace(batch, logits=logits, blank_logits=blank_logits, target=wanted)


def check_classified(
    context: Context, examples: Sequence[Example], *, target: str = "predicted", baseline: str
) -> None:
    """Raise unless the model can classify the examples and has the requested tokens and labels.

    Raises:
        InputError: without examples or task head, for a head that predicts a number, when a pair
            model gets single sentences, or an example lacks the label that is attributed.
        CheckpointError: if there is no padding or mask token where the baseline needs it.
    """
    if not examples:
        raise InputError("no examples to attribute", remedy="name a task or a corpus")
    if context.model.base_model is context.model:
        raise InputError(
            "attribution needs a model with a task head",
            remedy="fine-tune the model first (`subprobe finetune`)",
        )
    if context.model.config.num_labels == 1:
        raise InputError(
            "attribution needs a classification head, but this head predicts a number",
            remedy="use a model fine-tuned on a classification task",
        )
    if context.spec is not None and context.spec.pair and examples[0].second is None:
        raise InputError(
            "attribution of a pair model needs `task`",
            remedy=f"this model reads pairs of sentences: `task` {context.spec.name}",
        )
    if baseline == "pad":
        check_padding(context.tokenizer)
    if baseline == "mask" and context.tokenizer.mask_token_id is None:
        raise CheckpointError(
            "the tokenizer has no mask token", remedy="choose another baseline: pad, zero or mean"
        )
    if target == "gold":
        _check_labels(int(context.model.config.num_labels), examples)


def check_kept_words(texts: Texts) -> None:
    """Raise unless truncation leaves a whole word in each text.

    Raises:
        InputError: naming the first example that truncation emptied.
    """
    for example, words in zip(texts.examples, texts.words, strict=True):
        if not words.kept:
            raise InputError(
                "truncation left no whole word",
                where=f"example {example.id!r}",
                remedy="raise `max_length`, or leave the example out",
            )


def _check_labels(classes: int, examples: Sequence[Example]) -> None:
    for example in examples:
        label = example.label
        if label is None:
            raise InputError(
                "no label to attribute",
                where=f"example {example.id!r}",
                remedy="use target=predicted, or examples with labels",
            )
        if label != int(label) or not 0 <= label < classes:
            raise InputError(
                f"label {label} is not a class of the model, which has {classes}",
                where=f"example {example.id!r}",
                remedy="use target=predicted, or the task that the model was fine-tuned on",
            )


def _unclassified(context: Context, view: BatchView, baseline: str) -> ClassifiedBatch:
    """A batch whose logits are still to be filled in."""
    ids, table = view.inputs["input_ids"], context.anatomy.embeddings(context.model)
    replaced = view.real & ~view.special
    tokens = {"pad": context.tokenizer.pad_token_id, "mask": context.tokenizer.mask_token_id}
    blank_ids = None
    with torch.no_grad():
        embedded = table(ids)
        if baseline in tokens:
            blank_ids = torch.where(replaced, torch.full_like(ids, tokens[baseline]), ids)
            blank = table(blank_ids)
        else:
            vector = torch.zeros_like(embedded[0, 0])
            if baseline == "mean":
                vector = table.get_parameter("weight").mean(dim=0).to(embedded)
            blank = torch.where(replaced[..., None], vector, embedded)
    nothing = embedded.new_zeros(0)
    return ClassifiedBatch(
        context, view, embedded, blank, blank_ids, nothing, nothing, nothing.long()
    )
