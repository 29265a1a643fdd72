"""Structural probes (Hewitt & Manning 2019): syntax trees in the geometry of hidden states.

Of every state 0..L, a matrix is learnt under which squared distances between words are numbers of
edges in the tree, and another under which squared lengths are depths. For a mask there are two
variants: a probe trained on the subnetwork's states (`own`), and the full model's probe applied to
them (`transferred`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from ...data.errors import ConfigError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ..entry import STATIC
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..learning.chosen_rates import best_rates
from ..learning.fitting import Course, Schedule, fit
from ..learning.learning import Arrays, Learning
from ..states.static_words import static_states
from ..states.word_states import WordStates
from .baselines import chain_totals
from .gold_trees import GoldTree, Punctuation, gold_trees
from .rows import NAME, Answer, answers_of, structural_items, structural_rows
from .scores import score_matrices
from .stacked_probes import KINDS, Kind, Place, StackedProbes
from .tree_batches import tree_batches

OWN, TRANSFERRED = "own", "transferred"
Matrices = Mapping[tuple[Kind, int], list[list[torch.Tensor]]]
"""Kind and rank -> matrices [D, k] of each seed and state."""


@dataclass(frozen=True)
class Trained:
    """Probes with the learning rate that the dev part chose.

    Attributes:
        matrices: what was learnt.
        rates: kind and rank -> learning rate of each state.
        epochs: kind and rank -> epochs of each state, to the best one, the mean over seeds.
    """

    matrices: Matrices
    rates: Mapping[tuple[Kind, int], list[float]]
    epochs: Mapping[tuple[Kind, int], list[float]]


def run_structural(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    progress: Progress | None = None,
    batch_size: int = 32,
    ranks: Sequence[int] = (64,),
    punctuation: Punctuation = "upos",
    sentences: int = 20,
    seeds: int = 1,
    seed: int = 0,
    rates: Sequence[float] = (1e-3,),
    epochs: int = 40,
    static_vectors: str = "",
) -> ProbeResult:
    """Train distance and depth probes of all states and score them.

    Args:
        context: the model with its mask.
        examples: sentences with trees to score on.
        learning: sentences with trees to learn from; on a mask, the full model's matrices.
        progress: called with (texts done, N) in each pass, (epochs done, maximum) in training.
        batch_size: texts per forward pass.
        ranks: rows of the matrices; more than D are as good as D.
        punctuation: how it is known which words are left out of trees.
        sentences: sentences per training step.
        seeds: probes of each kind, trained from different initial weights; values are their mean.
        seed: of the initial weights and of the order of sentences.
        rates: learning rates; of each state the one with the lowest dev loss is used.
        epochs: maximum number of passes over the training part.
        static_vectors: a file of vectors of words; probes of them stand beside those of a full
            model, in the variant `static-vectors`.

    Returns:
        rows for each state, metric and question; items by sentence; the matrices
        `structural_KIND_RANK` [S, L + 1, D, k] of a full model.

    Raises:
        ConfigError: if the full model's probes have other ranks, or are of another width.
        InputError: if there is nothing to learn from, or states contain NaN or infinity.
    """
    parts = {
        name: learning.states.of(context, part, batch_size=batch_size, progress=progress)
        for name, part in (("train", learning.train), ("dev", learning.dev), ("test", examples))
    }
    train, dev, test = parts.values()
    kept = tuple(dict.fromkeys(min(rank, train.width) for rank in ranks))

    def learnt(of: Mapping[str, WordStates]) -> Trained:
        return train_probes(
            of["train"], of["dev"], ranks=kept, seeds=range(seed, seed + seeds), rates=rates,
            sentences=sentences, schedule=Schedule(epochs=epochs), order=seed,
            device=context.model.device, progress=progress,
        )  # fmt: skip

    trained = learnt(parts)
    asked = {OWN: trained.matrices}
    if context.subnetwork is not None and learning.whole:
        asked[TRANSFERRED] = read_matrices(learning.whole, kept, test, context.model.device)
    trees = gold_trees(test, punctuation)
    answers, n_constant = _answers(test, trees, asked, several=len(kept) > 1)
    said: dict[str, str] = {}
    if context.subnetwork is None and static_vectors:
        static, said = static_states(parts, static_vectors, learning.states.folder)
        matrices = {STATIC: learnt(static).matrices}
        found, more = _answers(static["test"], trees, matrices, several=len(kept) > 1)
        answers, n_constant = answers + found, n_constant + more
    chain = chain_totals(trees)
    scored = test.examples  # items hold on to these, not to the file of states
    rows = rows_frame(structural_rows(answers, chain))
    notes: dict[str, int | float | str] = {
        "structural_train_sentences": len(train.examples),
        "structural_dev_sentences": len(dev.examples),
        "structural_parts": learning.how,
        "structural_ranks": " ".join(map(str, kept)),
        "structural_seeds": seeds,
        "structural_learning_rates": _said(trained.rates),
        "structural_epochs": _said(trained.epochs),
        "structural_n_constant": n_constant,
        "structural_n_untagged": sum(tree.stays is None for tree in trees),
        "structural_n_without_root": sum(tree.root < 0 for tree in trees),
        **{f"structural_{name}": text for name, text in said.items()},
    }
    result = ProbeResult(
        NAME,
        rows,
        lambda: structural_items(scored, answers, chain),
        arrays=_arrays(trained.matrices) if context.subnetwork is None else {},
        notes=notes,
    )
    return test.texts.counted(result)


def train_probes(
    train: WordStates,
    dev: WordStates,
    *,
    ranks: Sequence[int],
    seeds: Sequence[int],
    rates: Sequence[float],
    sentences: int,
    schedule: Schedule,
    order: int,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Probes of all states, ranks and seeds from one training.

    Args:
        train: states to learn from.
        dev: states that stop the training and choose the learning rate.
        ranks: k of each.
        seeds: of the initial weights of each.
        rates: learning rates to choose from.
        sentences: sentences per step.
        schedule: of the training.
        order: seed of the order of sentences.
        device: where training runs.
        progress: called with (epochs done, maximum).
    """
    layers = range(train.num_states)
    places = [
        Place(kind, layer, rank, seed, lr)
        for kind, rank, lr, seed, layer in product(KINDS, ranks, rates, seeds, layers)
    ]
    stack = StackedProbes(places, train.width, device)
    learnt, checked = gold_trees(train), gold_trees(dev)
    courses = fit(
        stack,
        lambda epoch: tree_batches(
            train, learnt, sentences=sentences, seed=(order, epoch), device=device
        ),
        lambda: tree_batches(dev, checked, sentences=sentences, device=device),
        schedule,
        rates=[place.lr for place in places],
        progress=progress,
    )
    return _chosen(stack, courses)


def _chosen(stack: StackedProbes, courses: Sequence[Course]) -> Trained:
    """Of each kind, rank and state the rate whose seeds have the lowest mean dev loss."""
    chosen = best_rates(courses, [(one.kind, one.rank, one.layer) for one in stack.places])
    every = stack.matrices()
    layers = sorted({place.layer for place in stack.places})
    matrices: dict[tuple[Kind, int], list[list[torch.Tensor]]] = {}
    rates: dict[tuple[Kind, int], list[float]] = {}
    epochs: dict[tuple[Kind, int], list[float]] = {}
    for kind, rank in dict.fromkeys((place.kind, place.rank) for place in stack.places):
        picked = [chosen[kind, rank, layer] for layer in layers]
        rates[kind, rank] = [courses[of_seeds[0]].lr for of_seeds in picked]
        epochs[kind, rank] = [
            float(np.mean([courses[one].best + 1 for one in of_seeds])) for of_seeds in picked
        ]
        matrices[kind, rank] = [
            [every[one] for one in of_seed] for of_seed in zip(*picked, strict=True)
        ]
    return Trained(matrices, rates, epochs)


def _answers(
    test: WordStates, trees: Sequence[GoldTree], asked: Mapping[str, Matrices], *, several: bool
) -> tuple[list[Answer], int]:
    """The scores of all matrices, and the number of constant predictions."""
    answers: list[Answer] = []
    n_constant = 0
    for question, matrices in asked.items():
        for (kind, rank), of_seeds in matrices.items():
            variant = f"{question};rank={rank}" if several else question
            flat = [one for layers in of_seeds for one in layers]
            layers = [layer for of_seed in of_seeds for layer in range(len(of_seed))]
            found = score_matrices(kind, test, trees, flat, layers)
            answers += answers_of(variant, len(of_seeds), found.totals)
            n_constant += found.n_constant
    return answers, n_constant


def _array_name(kind: Kind, rank: int) -> str:
    return f"{NAME}_{kind}_{rank}"


def _arrays(matrices: Matrices) -> Arrays:
    """Matrices [S, L + 1, D, k] by name."""
    return {
        _array_name(*key): torch.stack([torch.stack(one) for one in of_seeds])
        .double()
        .cpu()
        .numpy()
        for key, of_seeds in matrices.items()
    }


def read_matrices(
    whole: Arrays, ranks: Sequence[int], states: WordStates, device: torch.device | None = None
) -> Matrices:
    """The full model's matrices from its arrays.

    Args:
        whole: the arrays.
        ranks: those that are asked for.
        states: what the matrices are to be read on.
        device: where they go.

    Raises:
        ConfigError: if there are none of a rank, or they are of other states.
    """
    found: dict[tuple[Kind, int], list[list[torch.Tensor]]] = {}
    for kind, rank in product(KINDS, ranks):
        array = whole.get(_array_name(kind, rank))
        if array is None or array.shape[1:3] != (states.num_states, states.width):
            raise ConfigError(
                f"the full model has no {kind} probe of rank {rank} for {states.num_states} states "
                f"of width {states.width}",
                where=NAME,
                remedy="probe the full model with the same ranks",
            )
        tensors = torch.from_numpy(np.asarray(array, dtype=np.float32)).to(device)
        found[kind, rank] = [list(layers) for layers in tensors]
    return found


def _said(by_probe: Mapping[tuple[Kind, int], Sequence[float]]) -> str:
    """Numbers by state, as JSON."""
    return json.dumps({f"{kind};rank={rank}": list(one) for (kind, rank), one in by_probe.items()})
