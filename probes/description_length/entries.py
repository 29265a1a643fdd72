"""The probes that measure information in bits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..entry import Headline, Measure, ProbeEntry, Several
from ..learning.options import LearningOptions, distinct_rates


class BitsOptions(LearningOptions):
    """Options of both probes."""

    property: str = Field("upos", description="property of words that the labels come from")
    hidden: int = Field(0, ge=0, description="units of the probe's hidden layer; 0 = linear probe")


class MdlOptions(BitsOptions):
    """Options of `mdl`."""

    code: Literal["online", "variational"] = Field(
        "online",
        description="online: each block is coded by a probe trained on the earlier ones; "
        "variational: the probe is sent too",
    )
    shuffles: int = Field(
        3, ge=1, description="number of random orders in which the sentences are coded"
    )
    sentences: int = Field(
        0, ge=0, description="number of training sentences that are coded, drawn at random; 0 = all"
    )
    dev_sentences: int = Field(
        500,
        ge=0,
        description="number of dev sentences for early stopping, drawn at random; 0 = all",
    )
    control: Literal["none", "types", "words"] = Field(
        "types",
        description="control task with random labels: one label per word form, or one per word",
    )
    variational_epochs: int = Field(
        200, ge=1, description="number of passes over the training part for the variational code"
    )
    variational_rates: Annotated[tuple[float, ...], Several, AfterValidator(distinct_rates)] = (
        Field((1e-3, 1e-2), description="learning rates; the one with the shortest code is used")
    )


MDL = ProbeEntry(
    name="mdl",
    help="codelength of word labels given their hidden states (minimum description length)",
    code=f"{__package__}.mdl:run_mdl",
    needs=("upos",),
    further=("training-part",),
    options=MdlOptions,
    rows=(
        Measure(
            "codelength",
            ("layer",),
            "codelength of all labels, in bits",
            items="bits_per_word",
            better="lower",
        ),
        Measure("bits_per_word", ("layer",), "codelength per word, in bits", better="lower"),
        Measure(
            "compression",
            ("layer",),
            "length of the uniform code divided by the codelength",
            items="bits_per_word",
            better="higher",
        ),
        Measure(
            "codelength_sd",
            ("layer",),
            "standard deviation over the random orders, in bits",
            better="lower",
        ),
        Measure(
            "learning_curve_area",
            ("layer",),
            "share of labels after the first block that the probe predicts before it is trained on "
            "them",
            better="higher",
        ),
        Measure(
            "model_bits",
            ("layer",),
            "codelength of the probe in the variational code, in bits",
            better="lower",
        ),
    ),
    headline=Headline("compression", "layer"),
    finish="code-intervals",
    curves="hidden states",
    curve_metrics=("compression",),
)
V_INFORMATION = ProbeEntry(
    name="v-information",
    help="usable information about word labels in hidden states, in bits (V-information)",
    code=f"{__package__}.v_information:run_v_information",
    needs=("upos",),
    further=("training-part",),
    options=BitsOptions,
    rows=(
        Measure(
            "v_information",
            ("layer",),
            "mean pointwise V-information of a word, in bits",
            better="higher",
        ),
        Measure(
            "conditional_entropy",
            ("layer",),
            "conditional V-entropy of a label given the word's state, in bits",
            better="lower",
        ),
        Measure(
            "negative_share",
            ("layer",),
            "share of words with pointwise V-information below 0",
            better="lower",
        ),
    ),
    headline=Headline("v_information", "layer"),
    finish="item-intervals",
    curves="hidden states",
    curve_metrics=("v_information",),
)

ENTRIES: tuple[ProbeEntry, ...] = (MDL, V_INFORMATION)
