"""Which heads and MLPs carry a prediction: attribution of a logit to the gates of units.

The gates of a text's living heads and MLPs are the input of the model, from all 0 (no unit) to all
1 (the model as it is), and Captum attributes the difference of the two logits to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch

from ...data.errors import ConfigError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ..attribution.classified import classifier
from ..forward.base import Context, ProbeResult
from ..forward.batch import batch_view
from ..forward.shared_pass import Progress
from ..forward.texts import Texts, read_texts
from .by_captum import ablation, integrated_gradients, shapley_sampling
from .game import GateGame
from .players import Players, players_of
from .second_order import second_derivatives
from .subsets import MOST_PLAYERS, shapley_interactions, shapley_values, worths
from .targets import check_classifier, check_target, check_words, targets_of
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
Of = Callable[[GateGame, torch.Tensor], np.ndarray]
"""What a method gives for one batch [B, ...], of its target classes."""


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
    n_samples: int = 25,
    sampled_examples: int = 40,
    batch_size: int = 8,
    internal_batch_size: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> ProbeResult:
    """Attribute the logit of a class to each living head and MLP.

    Args:
        context: a classifier and its mask; units that it removes get no attribution.
        examples: examples of its task.
        methods: methods of attribution, each once.
        target: class whose logit is attributed: `predicted`, `gold`, or its number.
        units: units that are attributed to; all others stay on.
        among: only these units: `LAYER.HEAD`, or `LAYER` for an MLP; empty = all.
        interactions: of each pair of heads: `second-order` derivatives with respect to their gates,
            or the exact `shapley` interaction index.
        n_steps: steps of `integrated-gradients`.
        n_samples: random orders of `shapley-sampling`.
        sampled_examples: largest number of examples for Shapley values; the first ones are used.
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
            if a pair model gets single sentences or another pairs, truncation leaves no word, or
            none of the units lives.
        ConfigError: for a class or a unit that the model does not have, or more than
            `MOST_PLAYERS` units for exact Shapley values.
    """
    check_classifier(context, examples)
    texts = read_texts(context, examples)
    check_words(context, texts)
    check_target(context, texts.examples, target)
    players = players_of(context, units, among)
    _check_few(players, methods, interactions)
    sizes = {"internal_batch_size": internal_batch_size}
    of_method: Mapping[Method, Of] = {
        "integrated-gradients": _numbers(integrated_gradients, n_steps=n_steps, **sizes),
        "ablation": _numbers(ablation, **sizes),
        "shapley-sampling": _numbers(shapley_sampling, n_samples=n_samples, seed=seed, **sizes),
        "shapley-exact": lambda game, of: shapley_values(worths(game, of, **sizes)),
    }
    said: Mapping[Method, str] = {
        "integrated-gradients": f";n_steps={n_steps}",
        "shapley-sampling": f";n_samples={n_samples};seed={seed}",
    }
    of_pairs: Mapping[str, Of] = {
        "second-order": second_derivatives,
        "shapley": lambda game, of: shapley_interactions(worths(game, of, **sizes)),
    }
    N = len(texts.examples)
    few = min(N, sampled_examples)
    counts = {method: few if method.startswith("shapley") else N for method in methods}
    paired = {"none": 0, "shapley": few}.get(interactions, N)
    run = _Run(texts, players, batch_size, progress, sum(counts.values()) + paired + N)
    about = f"target={target};players={units}" + (f";among={'+'.join(among)}" if among else "")
    with classifier(context) as running:
        ends = run.ends(running)
        classes = targets_of(ends.full, texts.examples, target)
        place = np.arange(N)
        gained = ends.full[place, classes] - ends.empty[place, classes]
        found = [
            Attributed(
                variant=f"{method}{said.get(method, '')};{about}",
                scores=run.over(running, classes, counts[method], of_method[method]),
                gained=gained[: counts[method]],
                sums=method != "ablation",
            )
            for method in dict.fromkeys(methods)
        ]
        between = Interacting(
            variant=f"{interactions};{about}",
            scores=run.over(running, classes, paired, of_pairs[interactions]) if paired else None,
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


def _numbers(method: Callable[..., torch.Tensor], **options: int) -> Of:
    """A method of Captum, its attributions as numbers."""
    attribute = partial(method, **options)
    return lambda game, target: attribute(game, target).double().cpu().numpy()


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
        if asked and option == "interactions" and len(players) < 2:
            raise ConfigError(
                "an interaction needs two heads, but only one unit is selected",
                where=f"option {NAME}.{option}",
                remedy=f"select more units with {NAME}.among",
            )


@dataclass(frozen=True)
class _Ends:
    """Logits [N, K] with every unit that plays, and with none of them."""

    full: np.ndarray
    empty: np.ndarray


@dataclass
class _Run:
    """Passes over the texts, packed by length; results in the order of the texts."""

    texts: Texts
    players: Players
    batch_size: int
    progress: Progress | None
    total: int
    done: int = 0

    def ends(self, running: Context) -> _Ends:
        """Logits at both ends of all texts."""
        found = self._gathered(running, len(self.texts.examples), lambda game, _: _stacked(game))
        return _Ends(found[:, 0], found[:, 1])

    def over(self, running: Context, classes: np.ndarray, count: int, of: Of) -> np.ndarray:
        """What a method gives for the first texts [count, ...]."""

        def attributed(game: GateGame, chosen: np.ndarray) -> np.ndarray:
            target = torch.from_numpy(classes[chosen]).to(game.inputs[0].device)
            return of(game, target)

        return self._gathered(running, count, attributed)

    def _gathered(
        self,
        running: Context,
        count: int,
        of: Callable[[GateGame, np.ndarray], np.ndarray],
    ) -> np.ndarray:
        texts = self.texts
        lengths = [len(one.input_ids) for one in texts.encoded[:count]]
        order = np.argsort(-np.array(lengths), kind="stable")
        parts = []
        for start in range(0, count, self.batch_size):
            chosen = order[start : start + self.batch_size]
            batch = batch_view(running, texts.examples, texts.encoded, texts.words, chosen)
            parts.append(of(GateGame.of(running.model, self.players, batch.inputs), chosen))
            self.done += len(chosen)
            if self.progress is not None:
                self.progress(self.done, self.total)
        found = np.concatenate(parts)
        return found[np.argsort(order, kind="stable")]


def _stacked(game: GateGame) -> np.ndarray:
    """Logits at both ends [B, 2, K]."""
    return torch.stack(game.ends(), dim=1).double().cpu().numpy()
