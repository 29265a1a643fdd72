"""The scored masks of all seeds of a curve, and what its tables share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import ConfigError
from ...data.output.better import HIGHER, LOWER, better_of
from ...data.seeds import Pairs, SeedDesign, design_of
from ..flags import DIVERGED
from ..statistics.clusters import count_of
from .areas import faithfulness
from .resampled import RESAMPLES, Limits, Samples, limits_of, samples_of
from .scored import ScoredModel
from .sizes import Sizes

Floats = npt.NDArray[np.float64]

DEGENERATE = "degenerate"


@dataclass(frozen=True)
class Line:
    """One kind of masks of all seeds.

    Attributes:
        kind: the kind.
        shares: mean shares of kept units [K].
        scores: for each seed, scores [K, D].
        samples: for each seed, scores on resamples [R, K, D].
    """

    kind: str
    shares: Floats
    scores: tuple[Floats, ...]
    samples: tuple[Floats, ...]


class Panel:
    """The scored masks of the models of one or several seeds.

    Args:
        scored: one for each seed, scored on the same examples.
        sizes: the sizes.
        about: columns that identify the curve.
        resamples: resamples of the examples.
        seed: of resamples and exchanges.
        pairs: the seeds of initialisation and order of each seed, where they are crossed.

    Raises:
        ConfigError: if the models were scored on different examples.
    """

    def __init__(
        self,
        scored: Sequence[ScoredModel],
        sizes: Sizes,
        about: Mapping[str, Any],
        *,
        resamples: int = RESAMPLES,
        seed: int = 0,
        pairs: Pairs | None = None,
    ):
        self.design: SeedDesign | None = None
        if pairs and (design := design_of([one.seed for one in scored], pairs)).crossed:
            self.design = design
            scored = sorted(scored, key=lambda one: design.seeds.index(one.seed))
        first = scored[0]
        for one in scored[1:]:
            if one.ids != first.ids:
                raise ConfigError(
                    f"{first.name} and {one.name} are scored on different examples",
                    where="`models`",
                    remedy="name models of the same task and files",
                )
        self.scored, self.sizes, self.seed = tuple(scored), sizes, seed
        self.better = better_of(first.metric) or HIGHER
        self.sign = -1.0 if self.better == LOWER else 1.0
        self.about: dict[str, Any] = {
            **about,
            "model": ", ".join(dict.fromkeys(one.name for one in scored)),
            "selection": first.selection,
            "ablation": first.ablation,
            "metric": first.metric,
        }
        self.counts = {
            "n_seeds": len(scored),
            "n": len(first.ids),
            "n_clusters": count_of(first.units),
        }
        self.samples = tuple(samples_of(one, resamples, seed) for one in scored)
        self.lines = {kind: self._line(kind) for kind in first.answers}

    @property
    def degenerate(self) -> bool:
        """Whether the full model of a seed is no better than the model without the units."""
        return any(not self._gains(one) for one in self.scored)

    @property
    def flag(self) -> str:
        """What is wrong with a model or a score, if anything."""
        flags = [one.flag for one in self.scored]
        flags += [DEGENERATE] if self.degenerate else []
        flags += [DIVERGED for one in self.scored for mark in one.marks if mark.undefined]
        return ", ".join(dict.fromkeys(flag for flag in flags if flag))

    def faithful(self, one: ScoredModel, scores: npt.ArrayLike) -> Floats:
        """Faithfulness of scores of a model; NaN where the full model is no better than empty."""
        empty, full = one.scores["empty"], one.scores["full"]
        return faithfulness(scores, empty if self._gains(one) else full, full)

    def faithful_samples(self, own: Samples, scores: Floats) -> Floats:
        """The same on resamples [R, D, K]."""
        full, empty = own.full[:, None, None], own.empty[:, None, None]
        gains = self.sign * (full - empty) > 0
        return faithfulness(scores, np.where(gains, empty, full), full)

    def interval(
        self, value: float, samples: Sequence[Floats], *, constant: bool = False
    ) -> dict[str, Any]:
        """The columns of an interval; see `limits_of`."""
        found: Limits = limits_of(
            value, samples, self.scored[0], constant=constant, design=self.design
        )
        return {
            "ci_low": found.low, "ci_high": found.high, "ci_method": found.method,
            "varies": found.varies,
        }  # fmt: skip

    def _gains(self, one: ScoredModel) -> bool:
        return self.sign * (one.scores["full"] - one.scores["empty"]) > 0

    def _line(self, kind: str) -> Line:
        marks = [mark for one in self.scored for mark in one.marks if mark.kind == kind]
        shares = [
            np.mean([mark.share for mark in marks if mark.place == place])
            for place in range(len(self.sizes))
        ]
        return Line(
            kind,
            np.array(shares),
            tuple(one.values(kind) for one in self.scored),
            tuple(found.kinds[kind] for found in self.samples),
        )
