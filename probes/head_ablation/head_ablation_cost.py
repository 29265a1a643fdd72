"""The loss of classifiers of a hidden state when a single head is ablated.

The classifiers are those of the full model: a linear one for each property of words, and a
structural probe for trees. They are not retrained without the head, so that the cost is what the
head contributes to what they read, not what could be learnt without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ...data.errors import ConfigError
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ...data.sentences.word_labels import word_labels
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..learning.learning import Learning
from ..learning.word_classes import WordClasses
from ..states.word_states import WordStates
from ..structural.gold_trees import Punctuation
from .ablated_pass import Head, ablated_totals, acting_heads
from .entries import LAST, TREE
from .learnt import Training, as_arrays, from_arrays, learn_labels, learn_trees
from .readers import Floats, LabelReader, Reader, TreeReader

NAME = "head-ablation-cost"


def run_head_ablation_cost(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    progress: Progress | None = None,
    batch_size: int = 32,
    tasks: Sequence[str] = ("upos", TREE),
    state: int = LAST,
    rank: int = 64,
    punctuation: Punctuation = "upos",
    seeds: int = 1,
    seed: int = 0,
    rates: Sequence[float] = (1e-3,),
    epochs: int = 40,
) -> ProbeResult:
    """Score classifiers of a hidden state without each kept head in turn.

    Args:
        context: the model with its mask.
        examples: the texts that are scored.
        learning: the training texts; for a mask, also the full model's classifiers.
        progress: called with (texts done, N) in each pass, (epochs done, maximum) in training.
        batch_size: texts per forward pass.
        tasks: properties of words, and `tree`.
        state: the state that is read, 1..L; -1 = the last. Heads above it are not scored.
        rank: rows of the matrix of trees.
        punctuation: how it is known which words are left out of trees.
        seeds: classifiers from different initial weights; values are their mean.
        seed: of the initial weights and of the order of texts.
        rates: learning rates; that with the lowest dev loss is used.
        epochs: maximum number of passes over the training part.

    Returns:
        for each head and task the score of the model minus that without the head (negative if the
        head is harmful), and the score itself; items by text; the classifiers of a full model.

    Raises:
        ConfigError: for a state that no head affects, or if the full model's classifiers do not
            match.
        InputError: if a task cannot be learnt, or states contain NaN or infinity.
    """
    state = _checked(state, context.anatomy.num_layers)
    transferred = context.subnetwork is not None and bool(learning.whole)
    notes: dict[str, int | float | str] = {
        f"{NAME}_state": state,
        f"{NAME}_parts": learning.how,
        f"{NAME}_seeds": seeds,
    }
    device = context.model.device
    training = Training(
        state, range(seed, seed + seeds), tuple(rates), epochs, seed, device, progress, notes
    )
    test = learning.states.of(context, examples, batch_size=batch_size, progress=progress)
    known = {task: _classes(learning, task) for task in tasks if task != TREE}
    rank = min(rank, test.width)
    if transferred:
        shapes = _shapes(known, tasks, state, test.width, rank)
        learnt = from_arrays(NAME, learning.whole, shapes, device)
    else:
        train, dev = (
            learning.states.of(context, part, batch_size=batch_size, progress=progress)
            for part in (learning.train, learning.dev)
        )
        learnt = _learnt(known, tasks, rank, train, dev, training)
    readers = [_reader(task, learnt, known, test, state, punctuation) for task in tasks]
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, len(test.examples))

    totals = ablated_totals(
        context, test.texts, state, readers, batch_size=batch_size, advance=advance
    )
    heads = acting_heads(context, state)
    variant = f"{'transferred' if transferred else 'own'};state={state}"
    costs = [Cost(*pair, variant) for pair in zip(readers, totals, strict=True)]
    dead = [
        (int(layer), int(head))
        for layer, head in np.argwhere(np.ones_like(context.alive[:state]))
        if (layer, head) not in set(heads)
    ]
    notes[f"{NAME}_heads"] = len(heads)
    scored = test.examples  # items hold on to these, not to the file of states
    result = ProbeResult(
        NAME,
        rows_frame([row for cost in costs for row in cost.rows(heads, dead)]),
        lambda: (part for cost in costs for part in cost.items(heads, scored)),
        arrays=as_arrays(learnt) if context.subnetwork is None else {},
        notes=notes,
    )
    return test.texts.counted(result)


def _checked(state: int, layers: int) -> int:
    """The index of the state.

    Raises:
        ConfigError: if no head affects it.
    """
    found = layers if state == LAST else state
    if not 1 <= found <= layers:
        raise ConfigError(
            f"no head affects hidden state {state}" if state == 0
            else f"unknown hidden state {state}",
            where=f"option {NAME}.state",
            remedy=f"name one of 1 to {layers}, or -1 for the last",
        )  # fmt: skip
    return found


def _classes(learning: Learning, task: str) -> WordClasses:
    """The labels of the training part.

    Raises:
        InputError: if it has fewer than two labels.
    """
    sentences = [example.first for example in learning.train]
    return WordClasses.of(
        [one for s in sentences for one in word_labels(s, task)], task, where=NAME
    )


def _shapes(
    known: Mapping[str, WordClasses], tasks: Sequence[str], state: int, width: int, rank: int
) -> dict[str, tuple[int, ...]]:
    """Array -> its shape for one seed."""
    found: dict[str, tuple[int, ...]] = {}
    for task, classes in known.items():
        count = len(classes.names)
        found |= {
            _array(state, task, "weight"): (width, count),
            _array(state, task, "bias"): (count,),
        }
    return found | ({_array(state, TREE, "matrix"): (width, rank)} if TREE in tasks else {})


def _array(state: int, task: str, what: str) -> str:
    return f"{NAME}_{state}_{task}_{what}"


def _learnt(
    known: Mapping[str, WordClasses], tasks: Sequence[str], rank: int, train: WordStates,
    dev: WordStates, training: Training,
) -> dict[str, torch.Tensor]:  # fmt: skip
    """Array -> what was learnt, of all seeds."""
    found, state = {}, training.state
    for task in tasks:
        if task == TREE:
            found[_array(state, TREE, "matrix")] = learn_trees(NAME, rank, train, dev, training)
            continue
        weight, bias = learn_labels(NAME, task, known[task], train, dev, training)
        found |= {_array(state, task, "weight"): weight, _array(state, task, "bias"): bias}
    return found


def _reader(
    task: str, learnt: Mapping[str, torch.Tensor], known: Mapping[str, WordClasses],
    test: WordStates, state: int, punctuation: Punctuation,
) -> Reader:  # fmt: skip
    if task == TREE:
        return TreeReader(learnt[_array(state, TREE, "matrix")], test, punctuation)
    weight, bias = (learnt[_array(state, task, what)] for what in ("weight", "bias"))
    return LabelReader.of(task, weight, bias, known[task], test, NAME)


@dataclass(frozen=True)
class Cost:
    """The loss for one task.

    Attributes:
        reader: of the task.
        totals: what is right in each text, as the model is and without each head [1 + A, N].
        variant: whose classifiers, of which state.
    """

    reader: Reader
    totals: Floats
    variant: str

    def rows(self, heads: Sequence[Head], dead: Sequence[Head]) -> Iterator[dict[str, object]]:
        """The score, then a row for each head; pruned ones have no cost."""
        reader, n = self.reader, self.reader.sizes.sum()
        same = {"probe": NAME, "variant": self.variant, "relation": reader.task, "n": int(n)}
        scores = self.totals.sum(1) / n if n else np.full(len(self.totals), np.nan)
        yield {**same, "unit": "model", "metric": f"{reader.metric}_whole", "value": scores[0],
               "baseline": None if np.isnan(reader.baseline) else "majority",
               "baseline_value": reader.baseline}  # fmt: skip
        cost = dict(zip(heads, (scores[0] - scores[1:]).tolist(), strict=True))
        for layer, head in sorted([*heads, *dead]):
            value = cost.get((layer, head), float("nan"))
            yield {**same, "unit": "head", "layer": layer, "head": head, "value": value,
                   "metric": f"{reader.metric}_cost",
                   "flag": None if (layer, head) in cost else "dead"}  # fmt: skip

    def items(self, heads: Sequence[Head], examples: Sequence[Example]) -> Iterator[pd.DataFrame]:
        """A frame for the model and for each head: one line per text that has something of it."""
        sizes = self.reader.sizes
        some = np.flatnonzero(sizes > 0)
        about = pd.DataFrame(
            {
                "item_id": [examples[one].id for one in some.tolist()],
                "sentence_id": [examples[one].first.id for one in some.tolist()],
                "denominator": sizes[some],
            }
        ).assign(probe=NAME, variant=self.variant, relation=self.reader.task)
        metric = self.reader.metric
        yield items_frame(about.assign(metric=f"{metric}_whole", numerator=self.totals[0, some]))
        for (layer, head), left in zip(heads, self.totals[1:], strict=True):
            lost = (self.totals[0] - left)[some]
            yield items_frame(
                about.assign(metric=f"{metric}_cost", numerator=lost, layer=layer, head=head)
            )
