"""The probe that follows Holmes."""

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
"""Variants: whether a number may stand beside those of Holmes's models."""
LENGTH, DESCRIBED = "holmes-as-published_length", "holmes-as-published_compression"
"""Metrics of the description length as the published code computes it."""
BY_SET, BY_PHENOMENON = "mean_by_data_set", "mean_by_phenomenon"


def _once(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("a name is given twice")
    return given


class HolmesOptions(Options):
    """Options of `holmes`; those of training have the values of the protocol as defaults."""

    folder: PathText = Field(
        "", description="Holmes's folder of data sets; without it the corpus at hand is probed"
    )
    sets: Annotated[tuple[str, ...], Several, AfterValidator(_once)] = Field(
        (), description="names of data sets, or patterns such as blimp-*; empty = all"
    )
    loss: Loss = Field(
        "as-published",
        description="as-published: cross-entropy of outputs that went through a softmax already",
    )
    description_length: bool = Field(
        False, description="the description length as published, which trains ten further probes"
    )
    seeds: int = Field(5, ge=1, description="probes of each data set; scores are their mean")
    seed: int = Field(0, ge=0, description="of the first of them")
    epochs: int = Field(20, ge=1, description="passes over the training part, at most")
    cases: int = Field(16, ge=1, description="cases a training step")
    length: int = Field(
        512, ge=1, description="subwords that a text of the folder keeps, or what the model can"
    )
    batch_size: int = Field(32, ge=1, description="texts a forward pass")

    def inputs(self) -> Mapping[str, str]:
        """The hash of each file of the folder."""
        if not self.folder:
            return {}
        return {name: file_digest(path) for name, path in digest_paths(self.folder).items()}

    def departures(self) -> list[str]:
        """What is not as in the protocol: by it, numbers cannot be compared with published ones."""
        found = [] if self.folder else ["the data sets are not those of Holmes"]
        for name in ("loss", "seeds", "seed", "epochs", "cases", "length"):
            usual, own = type(self).model_fields[name].default, getattr(self, name)
            if own != usual:
                found.append(f"{name} is {own}, not {usual}")
        return found


HOLMES = ProbeEntry(
    name="holmes",
    help="the protocol of Holmes: linear probes of the last state, means over data sets and "
    "phenomena of each subfield",
    code=f"{__package__}.holmes:run_holmes",
    needs=("words",),
    uses=("heads", "deprels", "upos"),
    further=("training-part",),
    options=HolmesOptions,
    rows=(
        Measure(
            "macro_f1", ("model",), "mean over classes of F1, then over seeds of the probe",
            items="accuracy", better="higher",
        ),
        Measure("accuracy", ("model",), "share of test cases with the right class",
                better="higher"),
        Measure(
            "pearson", ("model",), "correlation of predicted and true numbers, mean over seeds",
            items="negative_error", better="higher",
        ),
        Measure("negative_error", ("model",), "mean absolute error of numbers, negative",
                better="higher"),
        Measure("*_seed_sd", ("model",), "standard deviation of a score over seeds",
                better="lower"),
        Measure(
            BY_SET, ("model",),
            "mean over the data sets of a subfield of macro-F1 or Pearson; empty without any",
            better="higher",
        ),
        Measure(
            BY_PHENOMENON, ("model",), "mean over phenomena of the means over their data sets",
            better="higher",
        ),
        Measure(LENGTH, ("model",), "first block in bits and the others in nats of squashed "
                "outputs: as published, in no unit", better="lower"),
        Measure(DESCRIBED, ("model",), "bits of the uniform code over that length: as published",
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
