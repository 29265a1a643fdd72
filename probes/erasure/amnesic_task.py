"""The loss of a task model when a property is erased from one of its hidden states.

The behavioural side of amnesic probing (Elazar et al. 2021): a property that can be decoded need
not be used. The eraser is fitted on the states of annotated sentences under the same mask, and is
applied while the model processes the examples of its task; the same number of random directions is
the control.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.errors import ConfigError, InputError
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..forward.texts import read_texts
from ..learning.learning import Learning
from .amnesic_scores import rank_row
from .erased_pass import erased_logits
from .eraser import Eraser, random_eraser
from .erasers import EraserOptions, Method, fit_eraser
from .labelled_words import property_words

NAME = "amnesic-task"

Numbers = npt.NDArray[np.float64]


def run_amnesic_task(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    properties: tuple[str, ...] = ("upos",),
    erasers: tuple[Method, ...] = ("leace",),
    layers: tuple[int, ...] = (),
    tokens: Literal["all", "words"] = "all",
    draws: int = 3,
    shrinkage: bool = False,
    rounds: int = 20,
    margin: float = 0.01,
    penalty: float = 0.01,
    max_words: int = 10_000,
    seed: int = 0,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> ProbeResult:
    """Accuracy of a task model while a property is erased from one of its hidden states.

    Args:
        context: a model with a task head, and its mask.
        examples: labelled examples of its task.
        learning: annotated sentences that erasers are fitted on.
        properties: what is erased, one at a time.
        erasers: `leace` and `inlp`.
        layers: the states that are erased, one at a time; empty = every state.
        tokens: which are erased: all, or words without special tokens.
        draws: sets of random directions, as many directions each.
        shrinkage: shrink the covariance that LEACE whitens by.
        rounds: maximum number of INLP rounds.
        margin: above the majority, at which the rounds end.
        penalty: of the classifiers of INLP.
        max_words: approximate number of training words to use.
        seed: of the choice of training texts and of the random directions.
        batch_size: texts per forward pass.
        progress: called with (texts done, all), over all passes.

    Returns:
        a row for the model as it is and rows for each state, property and eraser; items for each
        example. In a regression the negative absolute error takes the place of accuracy.

    Raises:
        InputError: without a task head or labels, or as `property_words`.
        ConfigError: for a state that the model does not have.
        AnnotationError: if a part is not annotated with a property.
    """
    states = _checked(context, examples, layers)
    options = EraserOptions(shrinkage, rounds, margin, penalty)
    texts = read_texts(context, examples)
    notes: dict[str, int | float | str] = {"amnesic-task_seed": seed, "amnesic-task_draws": draws}
    erased: list[Erasure] = []
    for name in properties:
        words = property_words(
            NAME, context, learning, name, max_words=max_words, seed=seed, batch_size=batch_size
        )
        notes[f"amnesic-task_{name}_classes"] = words.counts()
        for layer in states:
            for method in erasers:
                found = fit_eraser(method, words, layer, options)
                variant = options.variant(method) + ("" if tokens == "all" else ";tokens=words")
                one = Erasure(name, variant, layer, found.eraser, len(words.train.gold))
                erased.append(one.beside(draws, seed))
    passes = [None, *((one.layer, eraser) for one in erased for eraser in one.erasers)]
    done, every = 0, len(passes) * len(texts.examples)

    def advance(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, every)

    logits = erased_logits(
        context, texts, lambda: iter(passes),
        words_alone=tokens == "words", batch_size=batch_size, advance=advance,
    )  # fmt: skip
    labels = np.array([example.label for example in texts.examples])
    measure = "negative_error" if logits[0].shape[1] == 1 else "accuracy"
    scores = [_scores(one, labels) for one in logits]
    intact, after = scores[0], iter(scores[1:])
    columns = [Column(f"task_{measure}_intact", "own", None, None, intact)]
    rows = []
    for one in erased:
        own, *drawn = (next(after) for _ in one.erasers)
        columns += one.columns(measure, intact, own, np.mean(drawn, axis=0))
        rows.append(rank_row(one.variant, one.name, one.layer, one.erasers[0].rank, one.n_words))
    result = ProbeResult(
        probe=NAME,
        rows=rows_frame([{"probe": NAME, **row} for row in (*(c.row() for c in columns), *rows)]),
        make_items=lambda: (column.items(texts.examples) for column in columns),
        notes=notes,
    )
    return texts.counted(result)


def _checked(context: Context, examples: Sequence[Example], layers: Sequence[int]) -> list[int]:
    """The states that are erased.

    Raises:
        InputError: without a task head or labels.
        ConfigError: for a state that the model does not have.
    """
    if context.model.base_model is context.model:
        raise InputError(
            "needs a model with a task head",
            where=NAME,
            remedy="fine-tune the model first (`subprobe finetune`)",
        )
    if any(example.label is None for example in examples):
        raise InputError(
            "some examples have no label", where=NAME, remedy="name a split of the task with labels"
        )
    last = context.anatomy.num_layers
    if wrong := [layer for layer in layers if not 0 <= layer <= last]:
        raise ConfigError(
            f"unknown hidden state {wrong[0]}",
            where=f"option {NAME}.layers",
            remedy=f"the states of this model are 0 (embeddings) to {last}",
        )
    return sorted(set(layers)) or list(range(last + 1))


def _scores(logits: Numbers, labels: npt.NDArray[np.float64]) -> Numbers:
    """1 for each right class and 0 for others [N]; in a regression, the negative error."""
    if logits.shape[1] == 1:
        return -np.abs(logits[:, 0] - labels)
    right: Numbers = (logits.argmax(1) == labels).astype(np.float64)
    return right


@dataclass(frozen=True)
class Column:
    """One number for each example: the items, and the row that is their mean.

    Attributes:
        metric: what it is.
        variant: whose states, and which eraser.
        name: of the property; None for the model as it is.
        layer: the state; None for the model as it is.
        scores: the numbers [N].
        null: mean score after random directions were erased; NaN where it is not a null.
    """

    metric: str
    variant: str
    name: str | None
    layer: int | None
    scores: Numbers
    null: float = float("nan")

    def row(self) -> dict[str, object]:
        """Their mean."""
        return {
            "unit": "model" if self.layer is None else "layer",
            "layer": self.layer,
            "metric": self.metric,
            "variant": self.variant,
            "relation": self.name,
            "value": float(self.scores.mean()),
            "n": len(self.scores),
            "baseline": "random-directions" if np.isfinite(self.null) else None,
            "baseline_value": self.null,
        }

    def items(self, examples: Sequence[Example]) -> pd.DataFrame:
        """One line per example."""
        return items_frame(
            pd.DataFrame(
                {
                    "probe": NAME,
                    "variant": self.variant,
                    "item_id": [example.id for example in examples],
                    "sentence_id": [example.first.id for example in examples],
                    "layer": pd.NA if self.layer is None else self.layer,
                    "relation": pd.NA if self.name is None else self.name,
                    "metric": self.metric,
                    "score": self.scores,
                }
            )
        )


@dataclass(frozen=True)
class Erasure:
    """An eraser of one state, with random ones of its rank behind it.

    Attributes:
        name: of the property.
        variant: which eraser.
        layer: the state.
        eraser: of the property.
        n_words: that it was fitted on.
        random: of as many random directions each.
    """

    name: str
    variant: str
    layer: int
    eraser: Eraser
    n_words: int
    random: tuple[Eraser, ...] = ()

    def beside(self, draws: int, seed: int) -> Erasure:
        """The same with this number of random erasers."""
        drawn = (
            random_eraser(self.eraser.rank, self.eraser.centre, (seed, self.layer, draw))
            for draw in range(draws)
        )
        return replace(self, random=tuple(drawn))

    @property
    def erasers(self) -> tuple[Eraser, ...]:
        """That of the property, then the random ones."""
        return (self.eraser, *self.random)

    def columns(
        self, measure: str, intact: Numbers, own: Numbers, random: Numbers
    ) -> Iterator[Column]:
        """Scores after erasure, and their decrease, for each example.

        Args:
            measure: `accuracy` or `negative_error`.
            intact: scores of the model as it is [N].
            own: after the property was erased [N].
            random: mean over draws after random directions were erased [N].
        """
        by_chance = float((intact - random).mean())
        named = {
            "erased": (own, float(random.mean())),
            "random": (random, float("nan")),
            "drop": (intact - own, by_chance),
            "drop_selective": (random - own, float("nan")),
        }
        for end, (scores, null) in named.items():
            metric = f"task_{measure}_{end}"
            yield Column(metric, self.variant, self.name, self.layer, scores, null)
