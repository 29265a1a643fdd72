"""Learn masks for a property at one or several penalties, with the necessary controls.

A mask learnt in a network of random weights also solves its property, so a score alone is not
evidence. Controls of each mask are its complement, random masks of its size, masks learnt in the
reset encoder with their own complements and random masks, and linear and MLP read-outs of full
encoders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ...data.errors import ConfigError, UnknownNameError
from ...models.masks.algebra import complement
from ...models.masks.subnetwork import Subnetwork
from ...probes.learning.fitting import Schedule
from ...pruning.controls import random_like
from ...pruning.learned.property_masks import (
    PropertyMask,
    learn_property,
    predict_hard,
    predict_soft,
)
from ...pruning.learned.property_options import PropertyOptions
from ...pruning.learned.unit_gates import levels_of
from ..statistics.draws import too_few_draws
from ..statistics.uncertainty import permutation_p
from ..steps.identity import identity
from ..steps.progress import Progress
from .dissociation import Dissociation
from .overlap import check_comparable, overlap_rows
from .parts import Words
from .readouts import Predictions, Reader, correct_of
from .scored import score_items, score_rows, size_rows
from .size import mask_bits, probe_bits

RESETS = ("encoder", "all", "none")


@dataclass(frozen=True)
class Controls:
    """The controls of the masks.

    Attributes:
        draws: random masks of the size of each mask.
        ranks: of the MLP probes on the full encoders.
        reset: which weights of the control encoder are random: the `encoder`'s, with the trained
            embeddings (as published), or `all`; `none` omits that control.
        schedule: how read-outs are refitted.
        seed: of draws, of random weights and of refitted read-outs.

    Raises:
        ConfigError: if the number of draws is < 0 or a rank < 1.
        UnknownNameError: if there is no such reset.
    """

    draws: int = 5
    ranks: tuple[int, ...] = ()
    reset: str = "encoder"
    schedule: Schedule = field(default_factory=Schedule)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.reset not in RESETS:
            raise UnknownNameError("reset", self.reset, RESETS)
        if self.draws < 0:
            raise ConfigError(f"the number of random masks must be >= 0, got {self.draws}")
        if any(rank < 1 for rank in self.ranks) or len(set(self.ranks)) < len(self.ranks):
            raise ConfigError("ranks of MLP probes must be >= 1 and distinct")


@dataclass(frozen=True)
class Found:
    """The result of a search for a property.

    Attributes:
        learnt: the mask learnt in the pretrained encoder at each penalty, in the given order.
        rows: records of tidy rows; `variant` says penalty, units and which score it is.
        overlap: records of the overlap with masks that were given.
        items: correct words and all words of each sentence, for each score.
        null: tidy rows of the untrained null: masks, complements and random masks of both encoders,
            and their differences; empty without a reset encoder.
    """

    learnt: dict[float, PropertyMask]
    rows: list[dict[str, Any]]
    overlap: list[dict[str, Any]]
    items: list[pd.DataFrame]
    null: pd.DataFrame = field(default_factory=pd.DataFrame)


def search_property(
    name: str,
    model: Any,
    reset: Any,
    tokenizer: Any,
    words: Words,
    penalties: Sequence[float],
    options: PropertyOptions,
    controls: Controls,
    progress: Progress,
    *,
    against: Mapping[str, Subnetwork] | None = None,
    max_length: int = 128,
    other: Words | None = None,
) -> Found:
    """Learn a mask at each penalty and score it with its controls.

    Args:
        name: the user's name of the model.
        model: the frozen encoder.
        reset: the same with random weights; None omits that control.
        tokenizer: the tokenizer of both.
        words: the labelled words of each part.
        penalties: values of lambda, without duplicates.
        options: training; its `penalty` is not read.
        controls: the controls of the masks.
        progress: receives the progress, and warnings about masks that support no conclusion.
        against: name -> masks whose overlap with the learnt masks is measured.
        max_length: subwords that a sentence keeps.
        other: labelled words of another property, on which masks and complements are scored too.

    Raises:
        ConfigError: if a penalty is out of range or given twice.
    """
    each = [replace(options, penalty=penalty) for penalty in penalties]
    if not each or len({f"{one.penalty:g}" for one in each}) < len(each):
        shown = ", ".join(f"{penalty:g}" for penalty in penalties) or "missing"
        raise ConfigError(
            f"penalties must be one or more distinct numbers, got {shown}",
            remedy="name each penalty once",
        )
    levels = levels_of(options.units)
    for where, mask in (against or {}).items():
        check_comparable(model, levels, mask, where)
    reader = Reader(tokenizer, words, controls.schedule, max_length, controls.seed)
    second = None if other is None else replace(reader, words=other)
    search = _Search(name, reader, controls, progress, second)
    encoders = {"pretrained": model} | ({} if reset is None else {"untrained": reset})
    for state, encoder in encoders.items():
        search.whole(encoder, state)
    learnt = {one.penalty: search.learn(model, "pretrained", one) for one in each}
    for one in each if reset is not None else ():
        search.learn(reset, "untrained", one)
    overlap = [
        record
        for penalty, found in learnt.items()
        for where, mask in (against or {}).items()
        for record in overlap_rows(
            model, f"lambda={penalty:g}", found.subnetwork, levels, where, mask
        )
    ]
    null = pd.DataFrame() if reset is None else search.null.rows()
    return Found(learnt, search.rows, overlap, search.items, null)


class _Search:
    """Collects the rows of one search."""

    def __init__(
        self, name: str, reader: Reader, controls: Controls, progress: Progress,
        other: Reader | None = None,
    ):  # fmt: skip
        self._name, self._reader, self._controls = name, reader, controls
        self._other = other
        self.null = Dissociation(reader.words, other.words if other else None)
        self._words, self._progress = reader.words, progress
        self.rows: list[dict[str, Any]] = []
        self.items: list[pd.DataFrame] = []

    def whole(self, model: Any, state: str) -> None:
        """Read-outs of a full encoder: linear, and MLP probes of each rank."""
        ranks = (0, *self._controls.ranks)
        with self._progress.stage(f"read-outs of the {state} encoder"):
            found = self._reader.refit(model, None, ranks)
        width = int(model.config.hidden_size)
        for rank, said in zip(ranks, found, strict=True):
            variant = f"score=mlp;rank={rank}" if rank else "score=refit"
            about = self._about(None, state, variant)
            self._score(said, about)
            if rank:
                sizes = {"probe_bits": (probe_bits(width, rank), None)}
                self.rows += size_rows(sizes, self._words, about)

    def learn(self, model: Any, state: str, options: PropertyOptions) -> PropertyMask:
        """A mask at one penalty: its scores and size, and its controls."""
        named = f"penalty {options.penalty:g}, {state} encoder"
        with self._progress.stage(f"learning a mask, {named}") as advance:
            found = learn_property(
                model, self._words.train, options, model_name=self._name, progress=advance
            )
        self._warn(found, named)
        mask, settings = found.subnetwork, f"lambda={options.penalty:g};units={options.units}"
        with self._progress.stage(f"scoring the mask and its controls, {named}"):
            # the null comes first, its rows last
            before = len(self.rows)
            null = self._random(model, found, settings, state)
            drawn, self.rows = self.rows[before:], self.rows[:before]
            for score, predict in (("soft", predict_soft), ("hardened", predict_hard)):
                about = self._about(mask, state, f"{settings};score={score}") | {"flag": found.flag}
                self._score(predict(model, found, self._words.test), about)
                self.rows += self._sizes(found, score, about)
            about = self._about(mask, state, f"{settings};score=refit") | {"flag": found.flag}
            said = self._reader.refit(model, mask)[0]
            self._score(said, about, null)
            self.rows += self._sizes(found, "refit", about)
            self._on_other(model, mask, about)
            rest = complement(mask, levels_of(options.units))
            about = self._about(rest, state, f"{settings};score=refit")
            self._score(self._reader.refit(model, rest)[0], about)
            self.rows += self._size_of(rest, options.units, about)
            self._on_other(model, rest, about)
            self.rows += drawn
        return found

    def _on_other(self, model: Any, mask: Subnetwork, about: Mapping[str, Any]) -> None:
        """Score a mask on the other property, if there is one."""
        if self._other is not None:
            said = self._other.refit(model, mask)[0]
            self.null.add_other(correct_of(said, self._other.words.test), about)

    def _random(self, model: Any, found: PropertyMask, settings: str, state: str) -> list[float]:
        """The accuracy of random masks of the same size."""
        values = []
        for draw in range(self._controls.draws):
            drawn = random_like(found.subnetwork, self._controls.seed, draw)
            about = self._about(drawn, state, f"{settings};score=refit")
            about["flag"] = found.flag
            values.append(self._score(self._reader.refit(model, drawn)[0], about))
            self.rows += self._size_of(drawn, found.options.units, about)
        return values

    def _score(
        self, said: Predictions, about: Mapping[str, Any], null: Sequence[float] = ()
    ) -> float:
        """Add the rows of one score; its accuracy."""
        correct = correct_of(said, self._words.test)
        value = float(correct[:, 0].sum() / correct[:, 1].sum())
        more: dict[str, Any] = {}
        if null and not too_few_draws(len(null)):
            more["p_value"] = permutation_p(value, np.array(null), alternative="greater")
        self.rows += score_rows(correct, self._words, about, **more)
        self.items.append(score_items(correct, self._words, about))
        self.null.add(correct, about)
        return value

    def _sizes(
        self, found: PropertyMask, score: str, about: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The size of the scored model: gates for the soft score, otherwise the mask."""
        if score != "soft":
            return self._size_of(found.subnetwork, found.options.units, about)
        partly = found.subnetwork.history[-1]["partly"]
        total = sum(one.numel() for one in found.log_a.values())
        sizes = {"expected_open": (found.expected, total), "expected_share": (found.share, None),
                 "partly_open": (partly, total)}  # fmt: skip
        return size_rows(sizes, self._words, about)

    def _size_of(
        self, mask: Subnetwork, units: str, about: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        levels = levels_of(units)
        counted = [mask.counts()[level] for level in levels]
        kept, total = (sum(one[side] for one in counted) for side in (0, 1))
        sizes: dict[str, tuple[float, int | None]] = {
            f"kept_{level}": one for level, one in zip(levels, counted, strict=True)
        }
        sizes |= {"kept_units": (kept, total), "mask_bits": (mask_bits(mask, levels), None)}
        return size_rows(sizes, self._words, about)

    def _about(self, mask: Subnetwork | None, state: str, variant: str) -> dict[str, Any]:
        who = identity(self._name, mask, state)
        scored = (state, who["kind"], str(who["draw"]), variant)
        return who | {
            "cell_id": " ".join(scored), "variant": variant, "selection": "train",
            "seed": self._controls.seed, "task": self._words.test.property_name,
        }  # fmt: skip

    def _warn(self, found: PropertyMask, named: str) -> None:
        if found.flag == "degenerate":
            self._progress.say(
                f"DEGENERATE: {named}: all units are pruned, so the mask says nothing about "
                "subnetworks; lower the penalty"
            )
        if found.flag == "diverged":
            self._progress.say(
                f"DIVERGED: {named}: the loss is NaN or infinite; gates and read-out are those of "
                "the step before and support no conclusion; lower the learning rates"
            )
