"""Structural probes of all states at once, relative to one after the other and the authors' loop.

One after the other is measured twice: by a plain loop (padded batches, the library's gradient, an
optimiser for each probe), which stays as it is, and by the code that trains at once, given one
state at a time, which becomes faster with it. The second ratio has a bound. Let v be the time per
step and state of what states cannot share, and c that per step of what they share (labels, calls
of the optimiser and of the gradient); for 7 states the ratio is (7 v + c) / (7 v + 7 c). For 2,000
sentences it was .62 (.53 to .66), with v 1.0 ms (reading words .13, the products with the matrix
and with the gradient .53, distances and their gradient .31) and c 0.8 ms. A ratio of .55 needs v <=
.73 ms, so .07 ms for distances. Beside the plain loop it was .39, on shuffled batches .26.

On UD English EWT train where SUBPROBE_REALDATA names the folder of test data, else on the generated
sentences. Where SUBPROBE_STRUCTURAL_PROBES names a checkout of the code of Hewitt & Manning 2019,
its training loop, probe and loss are called unchanged, on the same states.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from subprobe.data.sentences.conllu_reader import read_conllu
from subprobe.data.sentences.sentence import Example
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.probes.forward.base import Context
from subprobe.probes.learning.fitting import Schedule, fit
from subprobe.probes.states.cache import passing_states
from subprobe.probes.states.word_states import WordStates
from subprobe.probes.structural.gold_trees import GoldTree, gold_trees
from subprobe.probes.structural.stacked_probes import Place, StackedProbes, first_matrix
from subprobe.probes.structural.tree_batches import batch_orders, tree_batches

from .models import encoder, examples
from .timing import Measure, measured, spent

RANK, BATCH, RATE = 64, 20, 1e-3
"""The published recipe, with the rank above which more adds little."""
SORTED_LIMIT, SHUFFLED_LIMIT = 0.55, 0.40
SAME_CODE_LIMIT, SAME_CODE_SHUFFLED_LIMIT = 0.75, 0.65
PEER_LIMIT, PEER_LIMIT_OF_ONE = 0.1, 0.2
_PEER = "SUBPROBE_STRUCTURAL_PROBES"

_Pair = tuple[torch.Tensor, torch.Tensor]
Arms = dict[str, tuple[Callable[[], object], Callable[[], object], float]]
"""Name of the reference -> ours, the reference, and the limit of their ratio."""


@dataclass(frozen=True)
class Ground:
    """States and trees of the training and dev sentences.

    Attributes:
        train, dev: the states.
        learnt, checked: the trees.
    """

    train: WordStates
    dev: WordStates
    learnt: Sequence[GoldTree]
    checked: Sequence[GoldTree]

    @property
    def layers(self) -> list[int]:
        """All states."""
        return list(range(self.train.num_states))


def treebank(count: int) -> list[Example]:
    """The first sentences of EWT train, else generated ones."""
    folder = os.environ.get("SUBPROBE_REALDATA")
    path = Path(folder or "") / "ud" / "en_ewt-ud-train.conllu.gz"
    if folder and path.is_file():
        return [Example(one.id, one) for one in read_conllu(path)[:count]]
    return list(examples(count))


@contextlib.contextmanager
def _ground(count: int) -> Iterator[Ground]:
    """`count` training sentences, and a fifth as many dev sentences."""
    chosen = treebank(count + count // 5)
    model, tokenizer = encoder()
    context = Context(model, tokenizer, anatomy_of(model))
    with passing_states() as cache:
        train, dev = (cache.of(context, part) for part in (chosen[:count], chosen[count:]))
        yield Ground(train, dev, gold_trees(train), gold_trees(dev))


def train(ground: Ground, layers: Sequence[int], *, by_length: bool, epochs: int) -> StackedProbes:
    """Distance probes of some states, trained at once."""
    places = [Place("distance", layer, RANK, 0, RATE) for layer in layers]
    stack = StackedProbes(places, ground.train.width)
    fit(
        stack,
        lambda epoch: tree_batches(
            ground.train, ground.learnt, sentences=BATCH, seed=(0, epoch), by_length=by_length
        ),
        lambda: tree_batches(ground.dev, ground.checked, sentences=BATCH, by_length=by_length),
        Schedule(epochs=epochs),
    )  # fmt: skip
    return stack


def plain(ground: Ground, layer: int, *, by_length: bool, epochs: int) -> torch.Tensor:
    """The distance probe of one state [D, k] as a short loop trains it, on the same batches."""
    matrix = first_matrix("distance", ground.train.width, RANK, 0).requires_grad_()
    optimiser = torch.optim.Adam([matrix], lr=RATE)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, patience=0)
    train = _pairs(ground.train, ground.learnt, layer)
    dev = _pairs(ground.dev, ground.checked, layer)

    def batches(pairs: Sequence[_Pair], seed: tuple[int, int] | None) -> Iterator[torch.Tensor]:
        lengths = [len(words) for words, _ in pairs]
        for chosen in batch_orders(lengths, BATCH, seed, by_length):
            yield _plain_losses(matrix, [pairs[one] for one in chosen])

    kept, least = matrix.detach().clone(), torch.inf
    for epoch in range(epochs):
        for losses in batches(train, (0, epoch)):
            optimiser.zero_grad()
            losses.mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        with torch.no_grad():
            loss = float(torch.cat(list(batches(dev, None))).mean())
        plateau.step(loss)
        if loss < least:
            kept, least = matrix.detach().clone(), loss
    return kept


def _plain_losses(matrix: torch.Tensor, batch: Sequence[_Pair]) -> torch.Tensor:
    """The loss of each sentence [B]."""
    words, gold, sizes, _ = _padded(batch)
    projected = words @ matrix
    lengths = projected.square().sum(2)
    apart = lengths[:, :, None] + lengths[:, None, :] - 2 * projected @ projected.mT
    errors = (apart - gold).abs() * (gold >= 0)
    return errors.sum((1, 2)) / sizes.square()


def structural(count: int = 2000, epochs: int = 1, repeats: int = 5) -> list[Measure]:
    """All states at once over one after the other, on like and on shuffled batches.

    Args:
        count: number of training sentences.
        epochs: of each training.
        repeats: number of timings of each, alternating.
    """
    with _ground(count) as ground:
        layers = ground.layers

        def at_once() -> None:
            train(ground, layers, by_length=True, epochs=epochs)

        def one_by_one(by_length: bool) -> Callable[[], None]:
            def each() -> None:
                for layer in layers:
                    train(ground, [layer], by_length=by_length, epochs=epochs)

            return each

        def plainly(by_length: bool) -> Callable[[], None]:
            def each() -> None:
                for layer in layers:
                    plain(ground, layer, by_length=by_length, epochs=epochs)

            return each

        arms: Arms = {
            "plain loop, one after the other": (at_once, plainly(True), SORTED_LIMIT),
            "plain loop, shuffled batches": (at_once, plainly(False), SHUFFLED_LIMIT),
            "one after the other": (at_once, one_by_one(True), SAME_CODE_LIMIT),
            "one after the other, shuffled batches": (
                at_once, one_by_one(False), SAME_CODE_SHUFFLED_LIMIT,
            ),
        }  # fmt: skip
        peer = os.environ.get(_PEER)
        if peer:
            one = layers[len(layers) // 2]

            def alone() -> None:
                train(ground, [one], by_length=True, epochs=epochs)

            with _peer(Path(peer), ground, epochs) as theirs:
                arms["those of the authors' code"] = (
                    at_once, lambda: [theirs(layer) for layer in layers], PEER_LIMIT,
                )  # fmt: skip
                arms["authors' code, one state"] = alone, lambda: theirs(one), PEER_LIMIT_OF_ONE
                return _interleaved(arms, len(layers), repeats)
        return _interleaved(arms, len(layers), repeats)


def _interleaved(arms: Arms, states: int, repeats: int) -> list[Measure]:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in arms}
    for repeat in range(repeats + 1):
        for name, (ours, reference, _) in arms.items():
            mine, other = measured(ours), spent(reference)
            if repeat:  # the first is to warm up
                found[name].append((mine[0] / other[0], mine[1] / other[1]))
    lines = []
    for name, (_, _, limit) in arms.items():
        cpu, wall = (list(ratios) for ratios in zip(*found[name], strict=True))
        title = f"distance probes of {states} states at once / {name}"
        lines.append(
            Measure(
                title, statistics.median(cpu), min(cpu), max(cpu), statistics.median(wall), limit
            )
        )
    return lines


@contextlib.contextmanager
def _peer(folder: Path, ground: Ground, epochs: int) -> Iterator[Callable[[int], torch.Tensor]]:
    """The authors' training of one state, which returns its matrix [D, k]."""
    from torch.utils.data import DataLoader

    sys.path.insert(0, str(folder / "structural-probes"))
    loss, probe, regimen = map(importlib.import_module, ("loss", "probe", "regimen"))
    sys.path.pop(0)

    with tempfile.TemporaryDirectory() as kept:
        about = {
            "probe": {"maximum_rank": RANK, "params_path": "probe"},
            "model": {"hidden_dim": ground.train.width},
            "probe_training": {"epochs": epochs},
            "reporting": {"root": kept},
            "device": torch.device("cpu"),
        }

        def run(layer: int) -> torch.Tensor:
            learnt, checked = (
                DataLoader(
                    cast(Any, _pairs(states, trees, layer)),
                    BATCH,
                    shuffle=shuffle,
                    collate_fn=_padded,
                )
                for states, trees, shuffle in (
                    (ground.train, ground.learnt, True),
                    (ground.dev, ground.checked, False),
                )
            )
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                regimen.ProbeRegimen(about).train_until_convergence(
                    probe.TwoWordPSDProbe(about), torch.nn.Identity(), loss.L1DistanceLoss(about),
                    learnt, checked,
                )  # fmt: skip
            found: torch.Tensor = torch.load(Path(kept) / "probe", weights_only=True)["proj"]
            return found

        yield run


def _pairs(states: WordStates, trees: Sequence[GoldTree], layer: int) -> list[_Pair]:
    """The words [W, D] and the distances [W, W] of each sentence."""
    state = states.state(layer)
    return [(state[tree.rows], torch.from_numpy(tree.distances).float()) for tree in trees]


def _padded(batch: Sequence[Any]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Sequence[Any]]:
    """Words, distances with -1 at padding, and lengths, as the authors' loop reads them."""
    lengths = torch.tensor([len(words) for words, _ in batch])
    words = torch.nn.utils.rnn.pad_sequence([one for one, _ in batch], batch_first=True)
    labels = torch.full((len(batch), words.shape[1], words.shape[1]), -1.0)
    for place, (_, distances) in enumerate(batch):
        labels[place, : len(distances), : len(distances)] = distances
    return words, labels, lengths, batch
