"""The probes that measure bits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..entry import Headline, Measure, ProbeEntry, Several
from ..learning.options import LearningOptions, distinct_rates


class BitsOptions(LearningOptions):
    """Options of both probes."""

    property: str = Field("upos", description="the property of words whose labels are read")
    hidden: int = Field(0, ge=0, description="units of a hidden layer of the probe; 0 = linear")


class MdlOptions(BitsOptions):
    """Options of `mdl`."""

    code: Literal["online", "variational"] = Field(
        "online", description="each block by a probe that learnt the ones before, or the model sent"
    )
    shuffles: int = Field(3, ge=1, description="orders in which the sentences are coded")
    sentences: int = Field(
        0, ge=0, description="training sentences that are coded, drawn at random; 0 = all"
    )
    dev_sentences: int = Field(
        500, ge=0, description="dev sentences that stop training, drawn at random; 0 = all"
    )
    control: Literal["none", "types", "words"] = Field(
        "types",
        description="random labels that are coded beside: one for each word form, or for each word",
    )
    variational_epochs: int = Field(
        200, ge=1, description="passes over the training part for the variational code"
    )
    variational_rates: Annotated[tuple[float, ...], Several, AfterValidator(distinct_rates)] = (
        Field((1e-3, 1e-2), description="learning rates; the one with the shortest code is used")
    )


MDL = ProbeEntry(
    name="mdl",
    help="bits that the labels of words take once their hidden states are known",
    code=f"{__package__}.mdl:run_mdl",
    needs=("upos",),
    further=("training-part",),
    options=MdlOptions,
    rows=(
        Measure(
            "codelength", ("layer",), "bits of all labels", items="bits_per_word", better="lower"
        ),
        Measure("bits_per_word", ("layer",), "the same by the number of words", better="lower"),
        Measure(
            "compression",
            ("layer",),
            "length of the uniform code by the codelength",
            items="bits_per_word",
            better="higher",
        ),
        Measure(
            "codelength_sd",
            ("layer",),
            "standard deviation over the shuffles, in bits",
            better="lower",
        ),
        Measure(
            "learning_curve_area",
            ("layer",),
            "share of labels of later blocks that were the likeliest before they were known",
            better="higher",
        ),
        Measure(
            "model_bits", ("layer",), "bits of the model in the variational code", better="lower"
        ),
    ),
    headline=Headline("compression", "layer"),
    finish="code-intervals",
    curves="hidden states",
    curve_metrics=("compression",),
)
V_INFORMATION = ProbeEntry(
    name="v-information",
    help="bits about the labels of words that a classifier reads off their hidden states",
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
            "bits of a label once the word's state is known",
            better="lower",
        ),
        Measure(
            "negative_share",
            ("layer",),
            "share of words with a pointwise value below 0",
            better="lower",
        ),
    ),
    headline=Headline("v_information", "layer"),
    finish="item-intervals",
    curves="hidden states",
    curve_metrics=("v_information",),
)

ENTRIES: tuple[ProbeEntry, ...] = (MDL, V_INFORMATION)
