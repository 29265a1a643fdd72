"""The sections of a run's options about masks: search, lottery, controls, retraining."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ...data.errors import ConfigError
from ...data.seeds import SEEDS
from ...pruning.importance.methods import find_importance
from ...pruning.search.plan import Rule
from ...pruning.sized.names import FORMS


class Section(BaseModel):
    """A checked table of options that does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


SearchMethod = Literal[
    "structured", "structured-heads", "structured-mlps", "structured-neurons", "magnitude", "imp",
    "hard-concrete", "continuous-sparsification",
]  # fmt: skip
Importance = Annotated[str, AfterValidator(lambda name: find_importance(name).name)]

Ablation = Literal["zero", "mean", "mean-by-position", "resample", "counterfactual", "learned"]
Match = Literal["any", "label", "length", "label-length"]

IN_ORDER = ("gate-batch-accumulated",)
"""Importance scores that depend on the order of the examples: the given order, as in the study."""


class GateOptions(Section):
    """Gates that are learned towards `keep`: methods hard-concrete, continuous-sparsification."""

    units: Literal["heads-mlps", "heads", "mlps", "neurons"] = Field(
        "heads-mlps", description="units that have gates; those of two types compete for the size"
    )
    criterion: Literal["kl", "loss"] = Field(
        "kl", description="what gates minimise: KL to the full model, or the loss"
    )
    epochs: int = Field(6, ge=1, description="passes over the training examples")
    batch_size: int = Field(8, ge=1, description="examples per step, which share a draw of gates")
    learning_rate: float = Field(0.1, gt=0, description="learning rate of Adam for the gates")
    multiplier_rate: float = Field(
        0.05, gt=0, description="learning rate of the multipliers that hold the size"
    )
    ramp: float = Field(
        0.5, ge=0, le=1, description="share of the training during which the target rises"
    )


class PruneOptions(Section):
    """The search for the good subnetwork."""

    methods: tuple[SearchMethod, ...] = Field(
        ("structured",), min_length=1, description="what is pruned; each has its own subnetworks"
    )
    importance: Importance = Field("gate-example", description="how units are ranked")
    normalise: Literal["l2", "none"] = Field(
        "l2", description="l2: by each layer's norm; none: raw scores compete across layers"
    )
    rule: Literal["gain", "study", "absolute"] = Field(
        "gain",
        description="gain: keep the share of the gain over the majority; study: of the score; "
        "absolute: keep the metric itself above the threshold",
    )
    threshold: float = Field(0.9, gt=0, le=1, description="share (or metric) that must be kept")
    keep: float = Field(
        0.0, ge=0, lt=1, description="share of the units to keep instead; 0 = search by the rule"
    )
    min_heads: int = Field(0, ge=0, description="heads that every layer keeps at least")
    selection: Literal["held-out", "cross-validation", "reported"] = Field(
        "held-out", description="examples that masks are chosen on; reported = as in the study"
    )
    folds: int = Field(5, ge=2, description="folds of the cross-validation")
    scores: Literal["default", "study"] = Field(
        "default", description="study: pruned units enter the norm, rejected scores are reused"
    )
    batch_size: int = Field(64, ge=1, description="examples per scoring batch")
    ablation: Ablation = Field(
        "zero", description="what replaces the output of a pruned unit; single weights: zero"
    )
    match_donors: Match = Field(
        "any",
        description="the examples from which the ablation resample draws: any, those of the same "
        "label, of the nearest length, or both",
    )
    donor_seed: int = Field(0, ge=0, lt=SEEDS, description="seed of these draws")
    criterion: Literal["score", "loss", "kl"] = Field(
        "score",
        description="what the search preserves: the metric, the loss, or (kl) the outputs of the "
        "full model",
    )
    gates: GateOptions = GateOptions()

    @property
    def parts_read(self) -> tuple[str, ...]:
        """The parts of a task that the mask depends on.

        Pairs and classes are stored for all examples, also for those that scores are reported on.
        """
        stored = self.ablation == "counterfactual" or (
            self.ablation == "resample" and "label" in self.match_donors
        )
        return ("train", "selection", "report") if stored else ("train", "selection")

    @property
    def aim(self) -> Rule:
        """The condition on what a search preserves."""
        return Rule(self.rule, self.threshold, self.criterion)

    def of_search(self, method: str) -> dict[str, Any]:
        """The options that determine the mask of one method, as plain values."""
        # other methods of the same run do not change its search
        read = self.model_dump(mode="json", exclude={"methods"}) | {"method": method}
        if self.ablation == "zero":
            del read["ablation"]
        if self.ablation != "resample":
            del read["match_donors"], read["donor_seed"]
        if method in FORMS:
            # gates are learned: nothing is ranked, and no rule decides
            kept = ("method", "keep", "gates", "ablation", "match_donors", "donor_seed")
            return {name: read[name] for name in kept if name in read}
        del read["gates"]
        if self.criterion == "score":
            del read["criterion"]
        if self.importance in IN_ORDER:
            read["order"] = "as given"
        return read


class LotteryOptions(Section):
    """The lottery protocol (method imp): each round trains once more."""

    rounds: int = Field(5, ge=1, le=10, description="maximum number of prunings")
    share: float = Field(
        0.1, gt=0, lt=1, description="share of the original weights removed per round"
    )
    rewind: int = Field(0, ge=0, description="steps that every round starts after; 0 = pretrained")


class ControlOptions(Section):
    """Random and bad subnetworks of exactly the good one's size."""

    draws: int = Field(30, ge=1, description="draws per kind that are scored pruned")
    retrained_draws: int = Field(1, ge=0, description="draws per kind that are retrained")
    across_seeds: bool = Field(
        False,
        description="also super, anti and middle: units that all seeds keep, that all prune, and "
        "the others",
    )
    untrained: bool = Field(
        True, description="also train the encoder from random weights, as a baseline"
    )
    bag_of_words: bool = Field(
        True, description="also score a linear model on counted words, as a baseline"
    )
    artefacts: bool = Field(
        False, description="also score every model on easy and on hard examples"
    )
    artefacts_by: Literal["n-grams", "encoder"] = Field(
        "n-grams", description="classifier of part of the input that tells easy from hard"
    )
    complement: bool = Field(
        False,
        description="also score the model without the good mask's units, and without as many "
        "random ones, to test whether it needs them",
    )
    match: Literal["model", "layer"] = Field(
        "model",
        description="what random masks have in common with the good one: its number of units in "
        "the whole model, or in each layer",
    )
    untrained_search: bool = Field(
        False,
        description="also repeat each search in the encoder trained from random weights, and "
        "compare masks and complements of both; imp has its own control, reinit",
    )

    def drawn(self, kind: str) -> dict[str, str]:
        """How masks of a kind are drawn, if not by default: an option of their cells."""
        by_layer = self.match == "layer" and kind in ("random", "random-complement")
        return {"match": "layer"} if by_layer else {}


class RetrainOptions(Section):
    """Training a subnetwork again from the pretrained weights."""

    route: Literal["masked", "compact"] = Field(
        "masked",
        description="masked: the whole model under the mask; compact: the units that it keeps, "
        "faster, with other draws of dropout; masks of single weights are always masked",
    )
    keep: bool = Field(
        True,
        description="keep every retrained model in models/, so that a new probe trains nothing "
        "again; false = remove it once everything that reads it is computed",
    )


def check_ablation(prune: PruneOptions, route: str, where: str) -> None:
    """Raise unless pruned units can be replaced in every mask and every training of a run.

    Raises:
        ConfigError: if not, with the option that stands in the way.
    """
    if prune.ablation == "zero":
        return
    if of := sorted({"magnitude", "imp"} & set(prune.methods)):
        raise ConfigError(
            f"the method {of[0]} prunes single weights, which have no output that the ablation "
            f"{prune.ablation} could replace",
            where=where,
            remedy="leave out the method, or use the ablation zero",
        )
    if route == "compact":
        raise ConfigError(
            f"a compact model cannot be retrained under the ablation {prune.ablation}: training "
            "would change the constants",
            where=where,
            remedy="retrain under the mask: route masked",
        )


def check_criterion(prune: PruneOptions, where: str) -> None:
    """Raise if a search cannot preserve a loss or divergence, or learned gates have no size.

    Raises:
        ConfigError: for the rule `study`, the lottery protocol, or gates without `keep`.
    """
    if (learned := [one for one in prune.methods if one in FORMS]) and not prune.keep:
        raise ConfigError(
            f"the method {learned[0]} learns gates towards a size, but `keep` is 0",
            where=where,
            remedy="set `keep`, the share of the units to keep, such as 0.5",
        )
    if prune.criterion == "score":
        return
    if prune.rule == "study":
        raise ConfigError(
            f"the rule study is a share of a score, not of the criterion {prune.criterion}",
            where=where,
            remedy="use the rule gain or absolute",
        )
    if "imp" in prune.methods:
        raise ConfigError(
            f"the method imp retrains in each round, so the criterion {prune.criterion} is not "
            "available",
            where=where,
            remedy="use the criterion score, or another method",
        )
