"""The probe that follows the protocol of Holmes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ...data.files.atomic import file_digest
from ...data.holmes.folder import digest_paths
from ...data.holmes.published import FEATURE, published_sets
from ..entry import Headline, Measure, Options, PathText, Phenomenon, ProbeEntry, Several

Loss = Literal["as-published", "cross-entropy"]
COMPARABLE, NOT_COMPARABLE = "comparable", "not comparable"
"""Variants: whether a score can be compared with the published scores of Holmes."""
LENGTH, DESCRIBED = "holmes-as-published_length", "holmes-as-published_compression"
"""Metrics of the description length as the published code computes it."""
BY_SET, BY_PHENOMENON = "mean_by_data_set", "mean_by_phenomenon"


def _once(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("contains duplicates")
    return given


class HolmesOptions(Options):
    """Options of `holmes`; those of training have the values of the protocol as defaults."""

    folder: PathText = Field(
        "", description="folder of the Holmes data sets; empty = probe the annotated corpus"
    )
    sets: Annotated[tuple[str, ...], Several, AfterValidator(_once)] = Field(
        (), description="names of data sets, or patterns such as blimp-*; empty = all"
    )
    loss: Loss = Field(
        "as-published",
        description="as-published: cross-entropy of outputs that have already passed through a "
        "softmax",
    )
    description_length: bool = Field(
        False,
        description="also compute the published description length; trains up to ten more probes",
    )
    seeds: int = Field(
        5, ge=1, description="number of probes per data set; scores are means over them"
    )
    seed: int = Field(0, ge=0, description="first seed")
    epochs: int = Field(20, ge=1, description="maximum number of passes over the training part")
    cases: int = Field(16, ge=1, description="cases per training step")
    length: int = Field(
        512,
        ge=1,
        description="maximum length of the folder's texts in subwords, within the model's limit",
    )
    batch_size: int = Field(32, ge=1, description="texts per forward pass")

    def inputs(self) -> Mapping[str, str]:
        """The hash of each file of the folder."""
        if not self.folder:
            return {}
        return {name: file_digest(path) for name, path in digest_paths(self.folder).items()}

    def departures(self) -> list[str]:
        """The deviations from the protocol, which make scores incomparable with published ones."""
        found = [] if self.folder else ["the data sets are not those of Holmes"]
        for name in ("loss", "seeds", "seed", "epochs", "cases", "length"):
            usual, own = type(self).model_fields[name].default, getattr(self, name)
            if own != usual:
                found.append(f"{name} is {own}, not {usual}")
        return found


HOLMES = ProbeEntry(
    name="holmes",
    help="the protocol of Holmes: linear probes of the last hidden state, averaged over the data "
    "sets of each subfield",
    code=f"{__package__}.holmes:run_holmes",
    needs=("words",),
    uses=("heads", "deprels", "upos"),
    further=("training-part",),
    options=HolmesOptions,
    rows=(
        Measure(
            "macro_f1", ("model",), "macro-F1 (mean over classes), averaged over seeds",
            items="accuracy", better="higher",
        ),
        Measure("accuracy", ("model",), "share of test cases with the correct class",
                better="higher"),
        Measure(
            "pearson", ("model",), "correlation of predicted and gold numbers, averaged over seeds",
            items="negative_error", better="higher",
        ),
        Measure("negative_error", ("model",), "minus the mean absolute error of predicted numbers",
                better="higher"),
        Measure(
            "*_seed_sd", ("model",), "standard deviation of a score over seeds", better="lower"
        ),
        Measure(
            BY_SET, ("model",),
            "mean of macro-F1 or Pearson over the data sets of a subfield",
            better="higher",
        ),
        Measure(
            BY_PHENOMENON, ("model",), "mean over phenomena of the means over their data sets",
            better="higher",
        ),
        Measure(LENGTH, ("model",), "description length as published: first block in bits, the "
            "others in nats; not a true codelength", better="lower"),
        Measure(DESCRIBED, ("model",), "length of the uniform code in bits divided by that "
            "length, as published",
                better="higher"),
    ),
    headline=Headline(BY_SET, "model"),
    phenomena=(
        *(
            Phenomenon(about.subfield, metric, name)
            for name, about in published_sets().items()
            for metric in ("accuracy", "negative_error")
        ),
        Phenomenon("morphology", "accuracy", f"{FEATURE}*"),
        Phenomenon("syntax", "accuracy", "chunk"),
    ),
    finish="holmes-intervals",
)  # fmt: skip

ENTRIES = (HOLMES,)
