"""The probes that learn from attention maps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..entry import Headline, Measure, Phenomenon, ProbeEntry, Several
from ..learning.options import LearningOptions, distinct_rates

Form = Literal["maps", "maps+words", "words+distances"]


class AttentionProbeOptions(LearningOptions):
    """Options of `attention-probe`."""

    forms: Annotated[tuple[Form, ...], Several] = Field(
        ("maps", "maps+words", "words+distances"),
        min_length=1,
        description="input of the classifier; words+distances does not include attention",
    )
    width: int = Field(64, ge=1, description="dimensions of the word vectors")
    max_train: int = Field(
        2_000, ge=1, description="maximum number of training texts, counted from the first"
    )
    rates: Annotated[tuple[float, ...], Several, AfterValidator(distinct_rates)] = Field(
        (1e-3, 1e-2, 1e-1), description="learning rates; the one with the lowest dev loss is used"
    )


ATTENTION_PROBE = ProbeEntry(
    name="attention-probe",
    help="syntactic heads of words predicted from all attention maps at once, with model-free "
    "tree baselines",
    code=f"{__package__}.attention_probe:run_attention_probe",
    needs=("heads",),
    uses=("upos",),
    further=("training-part",),
    options=AttentionProbeOptions,
    rows=(
        Measure(
            "uas",
            ("model",),
            "share of words whose head is predicted correctly, the root included",
            better="higher",
        ),
        Measure("uas_no_punct", ("model",), "the same without punctuation", better="higher"),
        Measure(
            "head_weight",
            ("head",),
            "weight of the head's map for attention from a word to its syntactic head, or the "
            "reverse",
        ),
    ),
    headline=Headline("uas", "model", by_variant=True),
    phenomena=(Phenomenon("syntax", "uas", name="heads of words, in attention", variant="maps"),),
    finish="item-intervals",
)

ENTRIES: tuple[ProbeEntry, ...] = (ATTENTION_PROBE,)
