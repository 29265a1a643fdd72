"""How closely attention is tied to a model's decisions (Wiegreffe & Pinter 2019).

Four diagnostics: is attention needed at all (uniform weights, with and without training); how
much does it vary when the model is retrained with another seed; does it help a classifier of words
without context; and can a model be trained with the same output but different attention, as a curve
of one distance against the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.errors import InputError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ..attention_explanation.agreement import jensen_shannon, total_variation
from ..attention_explanation.classifier import check_classifier, classifying
from ..attention_explanation.figures import Figure, Numbers
from ..attention_explanation.first_rows import attention_pass
from ..attention_explanation.sorted_batches import batches_of
from ..forward.base import Context, ProbeResult
from ..forward.held_out import halves, unit_digest
from ..forward.shared_pass import Progress
from ..forward.texts import Texts, read_texts
from .copies import Copies, Course
from .guide import guided_right
from .guide_texts import guide_weights, guided_texts
from .objectives import adversary_loss, labels_of, task_loss, uniform_attention
from .seeds import means_of_seeds, spread_of_seeds

NAME = "attention-diagnostics"
GUIDES = ("uniform", "model", "adversary", "trained")
"""The attention weights that the word classifier uses; the last kind is learnt."""

_NOISE = 1e-3  # the divergence of equal rows has no gradient


def run_attention_diagnostics(
    context: Context,
    examples: Sequence[Example],
    *,
    layers: Literal["last", "all"] = "all",
    seeds: int = 3,
    lambdas: tuple[float, ...] = (0.0, 0.1, 0.3, 1.0, 3.0),
    epochs: int = 5,
    rate: float = 5e-5,
    adversary_rate: float = 1e-3,
    guide_width: int = 64,
    guide_epochs: int = 50,
    seed: int = 0,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> ProbeResult:
    """Diagnostics of attention on one half of the texts; copies are trained on the other half.

    Args:
        context: a classifier and its mask, under which the copies are trained too.
        examples: labelled, of its task.
        layers: layers whose attention is made uniform and compared.
        seeds: retrained copies, and classifiers of words for each set of weights.
        lambdas: weights of the divergence in the loss, one adversary each.
        epochs: training epochs of the copies.
        rate: learning rate of the copies that learn the task (AdamW).
        adversary_rate: learning rate of the adversaries, which train queries and keys only.
        guide_width: number of hidden units of the word classifiers.
        guide_epochs: maximum number of training epochs of the word classifiers.
        seed: first seed.
        batch_size: texts per training step and per pass.
        progress: called with (parts done, all).

    Returns:
        rows of unit `model`: accuracy, and distances of output and attention to the model's, for
        the model, uniform attention, retrained copies and adversaries; accuracy of the guided
        classifiers. An item for each text of the scored half.

    Raises:
        InputError: without a task head or labels, for a regression, when a pair model gets single
            sentences, or if the texts do not fill two halves.
    """
    check_classifier(NAME, context, examples)
    _check_labels(examples, int(context.model.config.num_labels))
    texts = read_texts(context, examples)
    learn, score = _halves(texts.examples)
    every = context.anatomy.num_layers
    compared = tuple(range(every)) if layers == "all" else (every - 1,)
    parts, done = 3 + seeds + len(lambdas), 0
    tests = _Tests(context, texts, score, compared, batch_size)

    def advance() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, parts)

    course = partial(Course, epochs, rate, batch_size)
    copies = Copies(context)
    with classifying(context):
        figures = tests.figures("model", context, None)
        figures += tests.figures("uniform", context, None, uniform=True)
        advance()
        task = task_loss(compared, uniform=True)
        with copies.learnt(texts, learn, task, course(seed)) as made:
            figures += tests.figures("uniform-trained", made, f"seed={seed}", uniform=True)
        advance()
        again_learnt = []
        for number in range(seed, seed + seeds):
            task, again = task_loss(compared), course(number, new_head=True)
            with copies.learnt(texts, learn, task, again) as made:
                again_learnt.append(tests.figures("retrained", made, f"seed={number}"))
            advance()
        figures += [one for of_seed in again_learnt for one in of_seed]
        figures += means_of_seeds(again_learnt)
        against: list[npt.NDArray[np.float64]] = []
        for factor in lambdas:
            loss = adversary_loss(context, compared, factor)
            moved = Course(
                epochs, adversary_rate, batch_size, seed,
                dropout=False, attention=compared, noise=_NOISE, never_worse=True,
            )  # fmt: skip
            with copies.learnt(texts, learn, loss, moved) as made:
                figures += tests.figures("adversary", made, f"lambda={factor:g}")
                if factor == max(lambdas):
                    against = guide_weights(made, texts, compared, batch_size)
            advance()
        own = guide_weights(context, texts, compared, batch_size)
        read = guided_texts(context, texts, own, against)
        right = np.mean(
            [
                guided_right(
                    context.anatomy.embeddings(context.model).weight,  # type: ignore[arg-type]
                    [read[place] for place in learn],
                    [read[place] for place in score],
                    classes=int(context.model.config.num_labels),
                    width=guide_width,
                    epochs=guide_epochs,
                    seed=number,
                )
                for number in range(seed, seed + seeds)
            ],
            axis=0,
        )
        advance()
    majority = tests.majority(learn)
    figures = [
        *figures,
        *(
            Figure("guide_accuracy", tests.spread(right[:, g]), guide, f"seeds={seeds}")
            for g, guide in enumerate(GUIDES)
        ),
    ]
    tables = [*(one.rows(NAME) for one in figures), spread_of_seeds(NAME, again_learnt)]
    rows = pd.concat(tables, ignore_index=True)
    scored = rows["metric"].isin(["accuracy", "guide_accuracy"])
    rows.loc[scored, "baseline"] = "majority"
    rows.loc[scored, "baseline_value"] = majority
    result = ProbeResult(
        probe=NAME,
        rows=rows_frame(rows),
        make_items=lambda: (part for one in figures for part in one.items(NAME, texts.examples)),
        notes={
            f"{NAME}_seed": seed,
            f"{NAME}_layers": layers,
            f"{NAME}_n_learnt_from": len(learn),
            f"{NAME}_n_scored": len(score),
            f"{NAME}_epochs": epochs,
            f"{NAME}_rate": rate,
            f"{NAME}_adversary_rate": adversary_rate,
        },
    )
    return texts.counted(result)


def _check_labels(examples: Sequence[Example], classes: int) -> None:
    for example in examples:
        label = example.label
        if label is None or label != int(label) or not 0 <= label < classes:
            raise InputError(
                "has no label" if label is None
                else f"label {label} is not a class of the model, which has {classes}",
                where=f"{NAME}, example {example.id!r}",
                remedy="name a split with labels of the task that the model was fine-tuned on",
            )  # fmt: skip


def _halves(examples: Sequence[Example]) -> tuple[list[int], list[int]]:
    """The indices of the training texts and of the scored texts.

    Raises:
        InputError: if either is empty.
    """
    half = halves([unit_digest(example, example.first) for example in examples])
    learn, score = (np.flatnonzero(half == side).tolist() for side in (0, 1))
    if not learn or not score:
        raise InputError(
            "needs at least two different texts: copies are trained on one half",
            where=NAME,
            remedy="use more examples",
        )
    return learn, score


class _Tests:
    """Scores of models on the half of the texts that is not used for training."""

    def __init__(
        self,
        context: Context,
        texts: Texts,
        places: Sequence[int],
        layers: Sequence[int],
        size: int,
    ):
        self._context, self._texts, self._places = context, texts, places
        self._layers, self._size = list(layers), size

    def figures(
        self, relation: str, made: Context, variant: str | None, *, uniform: bool = False
    ) -> list[Figure]:
        """Accuracy of a model, and distances of its output and first rows from the original."""
        found = np.full((len(self._texts.examples), 3), np.nan)
        alive = torch.tensor(self._context.alive[self._layers])
        for batch in batches_of(self._context, self._texts, self._places, self._size):
            base = attention_pass(self._context, batch)
            own = base.maps[self._layers][:, :, :, 0].transpose(0, 1)  # [B, A, H, S]
            if uniform:
                with torch.no_grad(), uniform_attention(made, batch, self._layers):
                    logits = made.model(**batch.inputs).logits
                weights = batch.real.to(own) / batch.real.sum(1, keepdim=True)
                rows = weights[:, None, None].expand_as(own)
            else:
                passed = attention_pass(made, batch)
                logits = passed.logits
                rows = passed.maps[self._layers][:, :, :, 0].transpose(0, 1)
            right = logits.argmax(1) == labels_of(batch)
            moved = total_variation(logits.softmax(-1), base.logits.softmax(-1))
            living = alive.to(own.device)
            # the mean over no head is no number
            away = jensen_shannon(rows, own)[:, living].mean(1)
            columns = torch.stack([right.double(), moved.double(), away], dim=1)
            found[batch.position] = columns.cpu()
        names = ("accuracy", "tvd", "jsd") if relation != "model" else ("accuracy",)
        return [
            Figure(name, found[:, column], relation, variant) for column, name in enumerate(names)
        ]

    def spread(self, values: Numbers) -> Numbers:
        """Values of the scored texts among all of them; NaN for the others."""
        found = np.full(len(self._texts.examples), np.nan)
        found[self._places] = values
        return found

    def majority(self, learn: Sequence[int]) -> float:
        """Accuracy of the majority baseline: the most frequent class of the training texts."""
        labels = np.array([example.label for example in self._texts.examples], dtype=np.int64)
        return float((labels[self._places] == np.bincount(labels[learn]).argmax()).mean())
