"""Which heads and MLPs a prediction depends on: attribution of a logit to the gates of units.

The gates of a text's kept heads and MLPs are the input of the model, from all 0 (no unit) to all 1
(the model as it is), and Captum attributes the difference of the two logits to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch

from ...data.errors import ConfigError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ..attribution.classified import check_kept_words, classifier
from ..forward.base import Context, ProbeResult
from ..forward.batch import batch_view
from ..forward.shared_pass import Progress
from ..forward.texts import Texts, read_texts
from .by_captum import Values, ablation, integrated_gradients, shapley_sampling
from .game import Asked, GateGame
from .pair_table import PairTable
from .players import Players, players_of
from .second_order import second_derivatives
from .subsets import MOST_PLAYERS, shapley_interactions, shapley_values, worths
from .targets import check_classifier, check_finite, check_target, targets_of
from .unit_rows import (
    NAME,
    Attributed,
    Interacting,
    attributed_items,
    attributed_rows,
    interaction_items,
    interaction_rows,
)

Method = Literal["integrated-gradients", "ablation", "shapley-sampling", "shapley-exact"]
Interaction = Literal["none", "second-order", "shapley"]
Of = Callable[[GateGame, Asked], Values]
"""The result of a method for the texts of a batch."""
OfPairs = Callable[[GateGame, Asked], np.ndarray]
"""Interactions of each two heads in the texts of a batch [B, pairs]."""


def run_head_attributions(
    context: Context,
    examples: Sequence[Example],
    *,
    methods: tuple[Method, ...] = ("integrated-gradients", "ablation"),
    target: str = "predicted",
    units: Literal["heads+mlps", "heads", "mlps"] = "heads+mlps",
    among: tuple[str, ...] = (),
    interactions: Interaction = "none",
    n_steps: int = 16,
    tolerance: float = 0.0,
    n_samples: int = 25,
    sampled_examples: int = 40,
    batch_size: int = 8,
    internal_batch_size: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> ProbeResult:
    """Attribute the logit of a class to each kept head and MLP.

    Args:
        context: a classifier and its mask; units that it removes get no attribution.
        examples: examples of its task.
        methods: methods of attribution, each once.
        target: class whose logit is attributed: `predicted`, `gold`, or its number.
        units: units that receive attributions; all others stay active.
        among: only these units: `LAYER.HEAD`, or `LAYER` for an MLP; empty = all.
        interactions: of each pair of heads: `second-order` derivatives with respect to their gates,
            or the exact `shapley` interaction index.
        n_steps: steps of `integrated-gradients`.
        tolerance: convergence delta of an example, in logits, above which its steps are doubled (up
            to 1,024); 0 = `n_steps` for all.
        n_samples: random orders of `shapley-sampling`.
        sampled_examples: maximum number of examples for Shapley values; the first ones are used.
        batch_size: examples attributed together.
        internal_batch_size: texts per forward and backward pass.
        seed: seed of the random orders.
        progress: called with (examples done, all), over all methods.

    Returns:
        rows for each unit and method: the mean attribution in logits, and the mean of its absolute
        value beside that of all units; rows for the convergence delta of methods that promise a
        sum; rows for each two heads where interactions are asked for. An item for each example and
        unit, and for each two heads.

    Raises:
        InputError: without examples, a head of classes, or gold classes where they are the target;
            if a pair model gets single sentences or another pairs, truncation leaves an example no
            word, numbers are not finite, or none of the units is kept.
        ConfigError: for a class or a unit that the model does not have, or more than
            `MOST_PLAYERS` units for exact Shapley values.
    """
    check_classifier(context, examples)
    texts = read_texts(context, examples)
    check_kept_words(texts)
    check_target(context, texts.examples, target)
    players = players_of(context, units, among)
    _check_few(players, methods, interactions)
    size = internal_batch_size
    of_method: Mapping[Method, Of] = {
        "integrated-gradients": partial(
            integrated_gradients, n_steps=n_steps, tolerance=tolerance, internal_batch_size=size
        ),
        "ablation": partial(ablation, internal_batch_size=size),
        "shapley-sampling": partial(
            shapley_sampling, n_samples=n_samples, seed=seed, internal_batch_size=size
        ),
        "shapley-exact": lambda game, asked: (
            shapley_values(worths(game, asked, internal_batch_size=size)), np.zeros(len(asked.ids))
        ),
    }  # fmt: skip
    said: Mapping[Method, str] = {
        "integrated-gradients": f";n_steps={n_steps}"
        + (f";tolerance={tolerance:g}" if tolerance else ""),
        "shapley-sampling": f";n_samples={n_samples};seed={seed}",
    }
    of_pairs: Mapping[str, OfPairs] = {
        "second-order": second_derivatives,
        "shapley": lambda game, asked: shapley_interactions(
            worths(game, asked, internal_batch_size=size), players.heads.tolist()
        ),
    }
    N = len(texts.examples)
    few = min(N, sampled_examples)
    counts = {method: few if method.startswith("shapley") else N for method in methods}
    paired = {"none": 0, "shapley": few}.get(interactions, N)
    run = _Run(texts, players, batch_size, progress, sum(counts.values()) + paired + N)
    about = f"target={target};players={units}" + (f";among={'+'.join(among)}" if among else "")
    with classifier(context) as running:
        full, empty = run.ends(running)
        classes = targets_of(full, texts.examples, target)
        place = np.arange(N)
        gained = full[place, classes] - empty[place, classes]
        found = []
        for method in dict.fromkeys(methods):
            scores, steps = run.over(running, classes, gained, counts[method], of_method[method])
            found.append(
                Attributed(
                    variant=f"{method}{said.get(method, '')};{about}",
                    scores=scores,
                    gained=gained[: counts[method]],
                    sums=method != "ablation",
                    steps=steps,
                    tolerance=tolerance if method == "integrated-gradients" else 0.0,
                )
            )
        between = Interacting(
            variant=f"{interactions};{about}",
            table=run.pairs(running, classes, gained, paired, of_pairs[interactions])
            if paired
            else None,
        )
    rows = [*attributed_rows(found, players), *interaction_rows(between, players)]
    result = ProbeResult(
        probe=NAME,
        rows=rows_frame([{"probe": NAME, **row} for row in rows]),
        make_items=lambda: (
            part
            for parts in (
                *(attributed_items(one, players, texts.examples, classes) for one in found),
                interaction_items(between, players, texts.examples),
            )
            for part in parts
        ),
        notes={f"{NAME}_n_units": len(players), f"{NAME}_n_examples_shapley": few},
    )
    return texts.counted(result)


def _check_few(players: Players, methods: Sequence[Method], interactions: Interaction) -> None:
    """Raise unless there are few enough units for what is computed over all subsets.

    Raises:
        ConfigError: naming the option.
    """
    exact = {"methods": "shapley-exact" in methods, "interactions": interactions == "shapley"}
    for option, asked in exact.items():
        if asked and len(players) > MOST_PLAYERS:
            raise ConfigError(
                f"exact Shapley values are limited to {MOST_PLAYERS} units, got {len(players)}",
                where=f"option {NAME}.{option}",
                remedy=f"select units with {NAME}.among, or use "
                + ("shapley-sampling" if option == "methods" else "second-order"),
            )
    if interactions != "none" and len(players.heads) < 2:
        count = len(players.heads)
        raise ConfigError(
            f"an interaction needs two heads, got {count}",
            where=f"option {NAME}.interactions",
            remedy=f"select more heads with {NAME}.units and {NAME}.among",
        )


@dataclass
class _Run:
    """Passes over the texts, packed by length; results in the order of the texts."""

    texts: Texts
    players: Players
    batch_size: int
    progress: Progress | None
    total: int
    done: int = 0

    def ends(self, running: Context) -> tuple[np.ndarray, np.ndarray]:
        """Logits [N, K] of all texts with every unit that plays, and with none of them."""
        found = np.zeros((2, len(self.texts.examples), int(running.model.config.num_labels)))
        for chosen, game in self._batches(running, found.shape[1]):
            for end, logits in zip(found, game.ends(), strict=True):
                end[chosen] = logits.double().cpu().numpy()
        check_finite(found, "logits")
        full, empty = found
        return full, empty

    def over(
        self, running: Context, classes: np.ndarray, gained: np.ndarray, count: int, of: Of
    ) -> Values:
        """What a method gives for the first texts: [count, U], and steps [count]."""
        values, steps = np.zeros((count, len(self.players))), np.zeros(count)
        for chosen, game in self._batches(running, count):
            values[chosen], steps[chosen] = of(game, self._asked(game, classes, gained, chosen))
        check_finite(values, "attributions")
        return values, steps

    def pairs(
        self, running: Context, classes: np.ndarray, gained: np.ndarray, count: int, of: OfPairs
    ) -> PairTable:
        """Interactions of each two heads in the first texts."""
        H = len(self.players.heads)
        table = PairTable(count, H * (H - 1) // 2)
        for chosen, game in self._batches(running, count):
            found = of(game, self._asked(game, classes, gained, chosen))
            check_finite(found, "interactions")
            table.put(chosen, found)
        return table

    def _asked(
        self, game: GateGame, classes: np.ndarray, gained: np.ndarray, chosen: np.ndarray
    ) -> Asked:
        ids = tuple(self.texts.examples[row].id for row in chosen.tolist())
        target = torch.from_numpy(classes[chosen]).to(game.inputs[0].device)
        return Asked(ids, target, gained[chosen])

    def _batches(self, running: Context, count: int) -> Iterator[tuple[np.ndarray, GateGame]]:
        """Places of the first texts, the longest first, and the game over them."""
        texts = self.texts
        lengths = [len(one.input_ids) for one in texts.encoded[:count]]
        order = np.argsort(-np.array(lengths), kind="stable")
        for start in range(0, count, self.batch_size):
            chosen = order[start : start + self.batch_size]
            batch = batch_view(running, texts.examples, texts.encoded, texts.words, chosen)
            yield chosen, GateGame.of(running.model, self.players, batch.inputs)
            self.done += len(chosen)
            if self.progress is not None:
                self.progress(self.done, self.total)
