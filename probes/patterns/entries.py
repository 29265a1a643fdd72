"""The probe of attention patterns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from ..entry import Headline, Measure, Options, PathText, ProbeEntry, Several, Units

_ALL: Units = ("head", "layer", "model")


class AttentionPatternsOptions(Options):
    """Options of `attention-patterns`."""

    maps: Annotated[tuple[Literal["raw", "norm"], ...], Several] = Field(
        (), description="maps to classify: raw, norm or both; empty = raw, and norm where available"
    )
    weights: PathText = Field("", description="classifier file; empty = the built-in classifier")

    def inputs(self) -> Mapping[str, str]:
        """The classifier's hash."""
        from .network import classifier_of

        return {"weights": classifier_of(self.weights).digest}


ATTENTION_PATTERNS = ProbeEntry(
    name="attention-patterns",
    help="vertical, diagonal, block and other patterns of raw and norm-weighted maps",
    code=f"{__package__}.attention_patterns:AttentionPatterns",
    options=AttentionPatternsOptions,
    rows=(
        Measure("pattern_share", _ALL, "share of maps that show the pattern `relation`"),
        Measure(
            "abstention_rate",
            _ALL,
            "share of maps for which the classifier abstains",
            better="lower",
        ),
        Measure(
            "confident_share",
            _ALL,
            "share of the pattern among maps for which the classifier does not abstain",
        ),
        Measure(
            "kappa_with_rules",
            ("model",),
            "agreement with the mass rules (Cohen's kappa)",
            better="higher",
        ),
    ),
    headline=Headline("pattern_share", "model", by_variant=True),
    survivors="patterns",
    finish="pattern-intervals",
    figure="patterns",
    curve_metrics=("pattern_share",),
)

ENTRIES = (ATTENTION_PATTERNS,)
