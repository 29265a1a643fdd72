"""Test the hypotheses about a mask of a loaded model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ...models.masks.subnetwork import Subnetwork
from ..hypotheses.asked import MOST_UNITS, Asked
from ..hypotheses.lines import HYPOTHESES
from ..hypotheses.measure import Found
from ..single.loaded import LoadedModel
from ..single.mask_hypotheses import loaded_hypotheses
from ..steps.masks import fitted
from ..steps.progress import Progress, Warned
from .measurement import filled


@dataclass(frozen=True, repr=False, eq=False)
class Hypotheses:
    """The result of `hypotheses`.

    Attributes:
        found: the tables of `subprobe hypotheses`.
    """

    found: Found

    def to_frame(self) -> pd.DataFrame:
        """One line for each test, with its numbers, null, p-value and answer; a copy."""
        return self.found.hypotheses.copy()

    def units(self) -> pd.DataFrame:
        """The tests of minimality, one line for each unit; empty unless asked for; a copy."""
        return self.found.units.copy()

    def scores(self) -> pd.DataFrame:
        """One line for each model that was scored: full, mask, complement, random ones; a copy."""
        return self.found.scored.copy()

    def __repr__(self) -> str:
        table = self.found.hypotheses
        said = zip(table["hypothesis"], table["answer"], strict=True)
        answers = [f"{name}: {answer}" for name, answer in said]
        if len(self.found.units):
            kept = self.found.units[self.found.units["kept"]]
            needed = int(kept["rejected"].fillna(False).sum())
            answers.append(f"minimality: {needed} of {len(kept)} tested units are needed")
        return f"Hypotheses({'; '.join(answers)})"

    def _repr_html_(self) -> str:
        shown: str = filled(self.found.hypotheses).to_html(max_rows=20)
        return shown


def hypotheses(
    model: LoadedModel,
    mask: Subnetwork,
    names: Sequence[str] = HYPOTHESES,
    *,
    draws: int = 100,
    share: float = 0.9,
    margin: float = 0.1,
    criterion: str = "score",
    match: Sequence[str] = ("model",),
    within: str = "model",
    permutations: int = 999,
    most_units: int = MOST_UNITS,
    correction: str = "fdr_bh",
    seed: int = 0,
    batch_size: int = 64,
    other_weights: bool = False,
    progress: Progress | None = None,
) -> Hypotheses:
    """Test whether a mask is sufficient, necessary, minimal, and equal to the full model.

    Args:
        model: the fine-tuned model, loaded with its task; it is scored on `model.parts.report`.
        mask: the mask.
        names: `sufficiency`, `necessity`, `equivalence`, `independence` and `minimality`, or some.
        draws: random masks of each test, and pruned units of each type that are put back.
        share: the share of random masks or pruned units that must be beaten.
        margin: largest deviation of the share of wins from .5 that counts as equal.
        criterion: what the subnetwork must keep: `score`, or `kl` (divergence from the full model).
        match: what random masks have in common with the mask: `model` (the number of units of the
            whole model), `layer` (of each layer), or both.
        within: units that are knocked out at random: all of the `model`, or the `pruned` ones.
        permutations: of the test of independence.
        most_units: kept units of each type that are tested for minimality; 0 = all.
        correction: over the units of minimality: `holm` or `fdr_bh`.
        seed: of all draws.
        batch_size: examples per forward pass.
        other_weights: accept a mask of this shape that was found on other weights.
        progress: receives messages; by default each is issued as a `SubprobeWarning`.

    Raises:
        UnknownNameError: for an unknown hypothesis, criterion, match or source of units.
        ConfigError: for a number out of range, too few draws or permutations to answer, a criterion
            that does not fit the task, or a smaller model.
        InputError: if the model was loaded without a task.
        MaskError: for a mask of another model, one that keeps all or none of its units, or one that
            cannot be tested as asked.
    """
    progress = progress or Warned()
    asked = Asked(
        hypotheses=_distinct(names), draws=draws, share=share, margin=margin, criterion=criterion,
        match=_distinct(match), within=within, permutations=permutations, most_units=most_units,
        correction=correction, seed=seed,
    )  # fmt: skip
    chosen = fitted(
        mask, model.model, model.meta, model.name, other_weights=other_weights, say=progress.say
    )
    assert chosen is not None
    return Hypotheses(loaded_hypotheses(model, chosen, asked, progress, batch_size=batch_size))


def _distinct(names: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several, each once, in their order."""
    return tuple(dict.fromkeys([names] if isinstance(names, str) else names))
