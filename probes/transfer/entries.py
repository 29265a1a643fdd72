"""The probe that transfers a frozen encoder to another language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from ...data.strings.kinds import Kind, Lengths
from ..entry import Headline, Measure, Options, PathText, ProbeEntry, Several

TEXT = "text"
"""Relation of rows about a text of the user's."""


def _once(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("contains duplicates")
    return given


class TransferOptions(Options):
    """Options of `transfer`."""

    text: PathText = Field(
        "", description="text file or folder in another language; empty = generated strings"
    )
    strings: Annotated[tuple[Kind, ...], Several, AfterValidator(_once)] = Field(
        ("nested",), min_length=1, description="kinds of generated strings, one after the other"
    )
    vocabulary: int = Field(
        500, ge=2, description="number of tokens: of the strings, or subwords learnt from the text"
    )
    shortest: int = Field(8, ge=2, description="tokens of the shortest string")
    longest: int = Field(64, ge=4, description="tokens of the longest string; texts are cut there")
    lengths: Lengths = Field("uniform", description="distribution of the lengths of strings")
    exponent: float = Field(1.0, ge=0, description="exponent of the Zipfian distribution of tokens")
    train_examples: int = Field(
        2000, ge=2, description="maximum number of training strings or texts"
    )
    held_out: int = Field(200, ge=2, description="maximum number of held-out strings or texts")
    steps: int = Field(300, ge=1, description="training steps")
    batch_size: int = Field(32, ge=1, description="strings or texts per training step")
    learning_rate: float = Field(0.001, gt=0, description="peak learning rate")
    seed: int = Field(
        0, ge=0, description="seed of the strings, of the new embeddings and of the training"
    )

    def inputs(self) -> Mapping[str, str]:
        """The hash of each file of the text."""
        if not self.text:
            return {}
        from ...data.files.atomic import file_digest
        from ...data.sentences.text_corpus import read_split_texts

        files = read_split_texts(self.text)[1]
        return {split: file_digest(path) for split, path in files.items()}


TRANSFER = ProbeEntry(
    name="transfer",
    help="held-out loss of new word embeddings around the frozen encoder, on another language or "
    "on generated strings",
    code=f"{__package__}.transfer:run_transfer",
    reads="suite",
    options=TransferOptions,
    rows=(
        Measure("bits", ("model",), "mean loss on masked tokens of held-out texts, in bits",
                better="lower", words="loss in bits on masked tokens"),
        Measure("perplexity", ("model",), "2 to the power of `bits`", better="lower"),
        Measure("bits_saved", ("model",),
                "`bits` of the untrained frozen encoder minus `bits`", better="higher"),
        Measure("bits_saved_unigram", ("model",),
                "bits of the unigram model of the training texts minus `bits`", better="higher"),
    ),
    headline=Headline("bits", "model"),
    finish="item-intervals",
)  # fmt: skip

ENTRIES = (TRANSFER,)
