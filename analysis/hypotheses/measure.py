"""Test whether a mask is sufficient, necessary, minimal and equivalent to the full model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...data.tasks.metrics import BITS
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation, Scorer
from ...pruning.controls import random_like
from ...pruning.knock_out import check_knock_out, knocked_out, random_knocked_out
from ...pruning.sampling import check_profile
from ..statistics.clusters import count_of
from ..statistics.corrections import ALPHA, adjust_rows
from ..steps.progress import Advance, Progress, Silent
from .asked import Asked
from .columns import SCORED, UNITS, framed
from .lines import (
    EQUIVALENCE,
    INDEPENDENCE,
    MINIMALITY,
    NECESSITY,
    SUFFICIENCY,
    adjusted,
    against_draws,
    equivalence_line,
    independence_line,
    with_flags,
)
from .minimality import minimality_lines, units_of_mask
from .scoring import MaskScorer, Scored, check_criterion


@dataclass(frozen=True)
class Found:
    """The results of the tests of one mask.

    Attributes:
        hypotheses: one line a test (columns of `HYPOTHESES`).
        units: the kept units with their tests, and the pruned ones that they are compared with.
        scored: every scored mask.
    """

    hypotheses: pd.DataFrame
    units: pd.DataFrame
    scored: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without its ending -> frame."""
        return {
            "hypotheses": self.hypotheses, "hypothesis_units": self.units,
            "hypothesis_scores": self.scored,
        }  # fmt: skip


def check_testable(mask: Subnetwork, asked: Asked, spec: Any) -> None:
    """Raise before anything is scored if a mask cannot be tested as asked.

    Raises:
        MaskError: if it keeps all or none of its units, prunes single weights and minimality is
            asked for, or has a layer profile that no other mask has.
        ConfigError: if the criterion does not fit the task.
    """
    check_criterion(asked.criterion, spec)
    check_knock_out(mask)
    if {SUFFICIENCY, NECESSITY} & set(asked.hypotheses):
        for match in asked.match:
            check_profile(mask, match)
            if asked.within != "model":
                random_knocked_out(mask, 0, 0, match, asked.within)
    if MINIMALITY in asked.hypotheses:
        units_of_mask(mask, True, 1, np.random.default_rng(0))


def hypotheses_of(
    scorer: Scorer, mask: Subnetwork, spec: Any, asked: Asked | None = None,
    *, about: Mapping[str, Any] | None = None, flag: str = "", full: Evaluation | None = None,
    progress: Progress | None = None,
) -> Found:  # fmt: skip
    """Test the hypotheses about one mask.

    Each of sufficiency, necessity, equivalence and independence is a question of its own, corrected
    over the profiles that random masks match; the units of minimality are one family.

    Args:
        scorer: the model, with the examples on which masks are scored.
        mask: the good mask.
        spec: the task.
        asked: what is tested.
        about: columns that name model, task and method.
        flag: what is wrong with the model or the mask; every line has it.
        full: the outputs of the full model, if they are known.
        progress: receives the progress.

    Raises:
        MaskError, ConfigError: as `check_testable`.
    """
    asked, progress = asked or Asked(), progress or Silent()
    check_testable(mask, asked, spec)
    who = {"mask_id": mask.mask_id, "ablation": getattr(mask, "ablation", "zero"),
           "method": mask.method, **(about or {})}  # fmt: skip
    rng = np.random.default_rng((9, asked.seed))
    kept, pruned = [], []
    if MINIMALITY in asked.hypotheses:
        kept = units_of_mask(mask, True, asked.most_units, rng)
        pruned = units_of_mask(mask, False, asked.draws, rng)
    with progress.stage("scoring masks") as advance:
        tested = _Tested(scorer, spec, asked, advance, mask, len(kept) + len(pruned), full)
        lines = list(tested.lines())
        units = minimality_lines(mask, tested.masks, kept, pruned, asked.share) if kept else []
    scored = framed([{**who, **line, "flag": flag} for line in tested.scored], SCORED)
    tests, of_units = adjusted([{**line, **who} for line in lines]), _units(units, asked, who)
    return Found(
        with_flags(tests, [flag] * len(tests)), with_flags(of_units, [flag] * len(of_units)), scored
    )


def _units(lines: list[dict[str, Any]], asked: Asked, who: Mapping[str, Any]) -> pd.DataFrame:
    """Lines of units with p-values corrected over all units of the mask."""
    table = framed(
        [{**line, "criterion": asked.criterion, **who} for line in lines],
        UNITS | {"floor": "Float64"},
    )
    if len(table):
        table = adjust_rows(table, (), asked.correction, floors=table["floor"])
        table["rejected"] = (table["p_adjusted"] <= ALPHA).mask(table["p_adjusted"].isna())
    return framed(table, UNITS)


class _Tested:
    """Scores the masks that the asked hypotheses need, and makes their lines."""

    def __init__(
        self, scorer: Scorer, spec: Any, asked: Asked, advance: Advance, mask: Subnetwork,
        n_units: int, full: Evaluation | None,
    ):  # fmt: skip
        several = len({SUFFICIENCY, NECESSITY} & set(asked.hypotheses)) * len(asked.match)
        total = 2 + several * asked.draws + n_units
        self.masks = MaskScorer(
            scorer, spec, asked.criterion, lambda done: advance(done, total), full
        )
        self._asked, self._mask = asked, mask
        self.scored: list[dict[str, Any]] = []
        self._note(self.masks.full, "full", "")
        self._good = self._score(mask, mask.kind)

    def lines(self) -> Iterator[dict[str, Any]]:
        """One line for each test but those of minimality."""
        asked, masks = self._asked, self.masks
        common = {
            "criterion": asked.criterion, "n_items": len(masks.evaluation.ids),
            "n_clusters": count_of(masks.units),
        }  # fmt: skip
        if SUFFICIENCY in asked.hypotheses:
            for match in asked.match:
                random = [
                    self._score(random_like(self._mask, asked.seed, draw, match), "random",
                                draw, match).quality
                    for draw in range(asked.draws)
                ]  # fmt: skip
                line = against_draws(SUFFICIENCY, self._good.quality, random, asked.share)
                yield line | common | {"match": match}
        rest = None
        if {NECESSITY, INDEPENDENCE} & set(asked.hypotheses):
            rest = self._score(knocked_out(self._mask), "complement")
        if rest is not None and NECESSITY in asked.hypotheses:
            for match in asked.match:
                random = [
                    self._score(
                        random_knocked_out(self._mask, asked.seed, draw, match, asked.within),
                        "random-complement", draw, match, asked.within,
                    ).quality
                    for draw in range(asked.draws)
                ]  # fmt: skip
                line = against_draws(NECESSITY, rest.quality, random, asked.share)
                yield line | common | {"match": match, "within": asked.within}
        items = common | {"criterion": "item score"}
        if EQUIVALENCE in asked.hypotheses:
            line = equivalence_line(self._good.items, masks.full.items, masks.units, asked.margin)
            yield line | items
        if rest is not None and INDEPENDENCE in asked.hypotheses:
            line = independence_line(
                rest.items, masks.full.items, masks.units, masks.labels,
                permutations=asked.permutations, seed=asked.seed,
            )  # fmt: skip
            yield line | items

    def _score(
        self, mask: Subnetwork, kind: str, draw: int = 0, match: str = "", within: str = ""
    ) -> Scored:
        found = self.masks.score(mask)
        self._note(found, kind, mask.mask_id, draw=draw, match=match, within=within)
        return found

    def _note(self, found: Scored, kind: str, mask_id: str, **drawn: Any) -> None:
        metric = self.masks.spec.metric
        line = {
            "kind": kind, "mask_id": mask_id, "draw": 0, "metric": metric,
            "better": "lower" if metric == BITS else "higher", "value": found.value,
            "divergence": found.divergence, "n": len(self.masks.evaluation.ids),
            "n_clusters": count_of(self.masks.units),
        }  # fmt: skip
        self.scored.append(line | drawn)
