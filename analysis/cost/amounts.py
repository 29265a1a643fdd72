"""The floating-point operations of each cell, as far as they are known in advance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from ...models.masks.constants import CONSTANT
from ...models.training.recipes import Recipe
from ...probes.entry import ProbeEntry
from ...probes.passes import BACKWARD, WITH_GRADIENTS, Reading
from ...probes.registry import find_probe
from ...pruning.across_seeds import ACROSS
from ...pruning.search.plan import schedule
from ...pruning.sized.names import FORMS
from ..configuration.asked_probes import learning
from ..configuration.config import RunConfig
from ..passes.ranking import ranking_passes
from ..plan.graph import Cell
from ..plan.registry import STEPS
from .curve_passes import scoring_passes, units_of
from .learning_size import NOTHING_LEARNT, LearningSize
from .shape import EncoderShape
from .sizes import TaskSize

Kind = Literal["train", "score", "probe", "other"]

KEPT_HEADS, KEPT_MLPS, KEPT, KEPT_WEIGHTS = 0.57, 0.73, 0.68, 0.5
"""Mean shares that the study's searches kept, used if no size is requested: heads, MLPs, the
weights of both, and single weights by magnitude."""

KEPT_ACROSS = 0.4
"""Share of the weights that masks of several seeds keep: an assumption."""

_PHASES = 3
"""Rejected candidates of a search by a rule, one per phase."""

_STEP_SHARE = 0.1

_REPEATED = 0.1
"""Weight of a cell that copies the result of another one."""


@dataclass(frozen=True)
class Amount:
    """The amount of computation of a cell.

    Attributes:
        kind: kind of passes: training, scoring, probing, or none.
        value: floating-point operations; for the kind `other`, the weight of the step.
    """

    kind: Kind
    value: float


@dataclass(frozen=True)
class Workload:
    """Everything that determines how much the cells of a run compute.

    Attributes:
        config: the options.
        recipes: task -> how its models are fine-tuned.
        sizes: task -> its examples.
        shape: the shape of the encoder.
        corpus: number of sentences that probes read, and their mean length in subwords.
        learning: the sentences that probes are trained and scored on.
    """

    config: RunConfig
    recipes: Mapping[str, Recipe]
    sizes: Mapping[str, TaskSize]
    shape: EncoderShape
    corpus: tuple[int, float] = (300, 25.0)
    learning: LearningSize = NOTHING_LEARNT

    def of(self, cell: Cell) -> Amount:
        """The amount of one cell."""
        step, task = STEPS[cell.step], str(cell.options["task"])
        size = self.sizes[task]
        if cell.step in ("words", "partial"):
            return Amount("other", step.weight * max(1.0, size.train / 1000))
        if not step.runs_model:
            return Amount("other", step.weight)
        if step.trains or cell.step in ("round", "partialencoder"):
            return Amount("train", self._training(cell, task))
        if cell.step in ("prune", "nullsearch", "samemask"):
            return Amount("score", self._search(cell, size))
        if cell.step in ("curve", "curvesuper"):
            return Amount("score", self._curve(cell, size))
        if "same" in cell.inputs:
            return Amount("other", _REPEATED)
        sets = core_sets(cell.options) if cell.step == "samecore" else 1
        if "probe" in cell.options and cell.step in ("probe", "sameprobe", "samecore"):
            return Amount("probe", sets * self._probe(cell, size))
        kept = self._kept(cell) if _structured(cell) else 1.0
        return Amount("score", sets * kept * self._scoring(size, size.report))

    def _scoring(self, size: TaskSize, examples: int) -> float:
        return self.shape.forward(examples * size.length, size.length)

    def _training(self, cell: Cell, task: str) -> float:
        size, recipe = self.sizes[task], self.recipes[task]
        choosing = self._scoring(size, size.selection)
        if cell.step == "round" and cell.options["number"] == 0:
            return choosing
        subwords = size.train * recipe.epochs * size.padded
        passes = (1 + BACKWARD) * self.shape.forward(subwords, size.padded)
        compact = cell.options.get("route") == "compact" and _structured(cell)
        return passes * (self._kept(cell) if compact else 1.0) + choosing

    def _kept(self, cell: Cell) -> float:
        """Share of the operations that remain under the head and MLP mask of a cell."""
        if cell.options.get("kind") in ACROSS:
            return KEPT_ACROSS
        return self.config.prune.keep or KEPT

    def _search(self, cell: Cell, size: TaskSize) -> float:
        forward = self._scoring(size, size.selection)
        if cell.options["method"] == "magnitude":
            return forward * self._candidates_by_magnitude
        if cell.options["method"] in FORMS:
            steps = size.train * self.config.prune.gates.epochs
            # partners are read in a forward pass of their own
            partners = self.config.prune.ablation not in ("zero", *CONSTANT)
            return self.shape.forward(steps * size.padded, size.padded) * (1 + BACKWARD + partners)
        return forward * self._candidates(str(cell.options["method"])) * self._importance

    def _curve(self, cell: Cell, size: TaskSize) -> float:
        """The masks of a curve, without what masks of the same layers share."""
        curve, shape = self.config.curve, self.shape
        kinds = ("super",) if cell.step == "curvesuper" else ("good", "random", "bad")
        found = scoring_passes(curve, shape, kinds) * self._scoring(size, size.report)
        if cell.step == "curvesuper" and self.config.prune.ablation == "zero":
            return found
        importance = "" if curve.units == "weights" else self.config.prune.importance
        ranking = ranking_passes(
            importance, units_of(shape, curve), curve.shares, search=curve.order == "search"
        )
        return found + ranking * self._scoring(size, size.selection)

    @property
    def _importance(self) -> float:
        """Forward passes of one candidate."""
        name = self.config.prune.importance
        if name == "ablation":
            return 1 + self._units
        one = 1 if name in ("magnitude", "random") else WITH_GRADIENTS
        folds = self.config.prune.selection == "cross-validation"
        return one * (1 + self.config.prune.folds if folds else 1)

    @property
    def _units(self) -> int:
        return self._heads + self.shape.layers

    @property
    def _heads(self) -> int:
        # heads have 64 dimensions in nearly every encoder
        return self.shape.layers * max(1, self.shape.width // 64)

    @property
    def _candidates_by_magnitude(self) -> float:
        kept: float = self.config.prune.keep or KEPT_WEIGHTS
        return 2 + math.log(kept) / math.log(1 - _STEP_SHARE)

    def _candidates(self, method: str) -> float:
        """Number of masks that a search scores: full, accepted and rejected ones."""
        keep, shape = self.config.prune.keep, self.shape
        heads = self._heads
        first = schedule(shape.layers, heads // shape.layers, method, shape.neurons)[0]
        gone = {
            "heads": (1 - (keep or KEPT_HEADS)) * heads,
            "mlps": (1 - (keep or KEPT_MLPS)) * shape.layers,
            "neurons": (1 - (keep or KEPT)) * shape.layers * shape.neurons,
        }
        steps: list[float] = [gone[unit] / n for unit in gone if (n := getattr(first, unit))]
        return 1 + math.ceil(max(steps)) + (0 if keep else _PHASES)

    def _probe(self, cell: Cell, size: TaskSize) -> float:
        asked = cell.options["probe"]
        name, own = str(asked["name"]), asked["options"]
        entry = find_probe(name)
        if name in learning(self.config.probe):
            texts, shape = self.learning, self.shape
            count = texts.train + texts.others * self._passes(entry, own, texts.length)
            reading = shape.forward(count * texts.length, texts.length)
            return reading + texts.training(shape.layers, shape.width, own)
        if entry.reads == "task":
            count, length = self.config.probe.examples, size.length
        else:
            count, length = self.corpus
        return self.shape.forward(count * length, length) * self._passes(entry, own, length)

    def _passes(self, entry: ProbeEntry, options: Mapping[str, Any], length: float) -> float:
        """Forward passes per text of a probe."""
        if entry.passes is None:
            return 1.0
        return entry.passes(options, Reading(length, self._heads, self.shape.layers))

    @cached_property
    def flops(self) -> str:
        """The basis of the amounts, in words."""
        known = {size.known for size in self.sizes.values()}
        counts = "published counts of examples" if "published" in known else "the examples"
        return f"{counts}, {self.shape.known} shape of the encoder"


def core_sets(options: Mapping[str, Any]) -> int:
    """Models that are scored for the core of several masks."""
    return 3 + 2 * int(options["masks"]) + 3 * int(options["draws"])


def _structured(cell: Cell) -> bool:
    """Whether a cell is about a mask of heads and MLPs."""
    return str(cell.options.get("method", "")).startswith("structured")
