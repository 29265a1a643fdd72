"""How large the GLUE tasks are, for plans that are made where their files are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedSize:
    """A task as it was published.

    Attributes:
        train: examples to train on.
        report: labelled examples that are reported.
        length: mean subwords of an example for BERT's uncased tokenizer, special tokens included.
    """

    train: int
    report: int
    length: float


PUBLISHED: Mapping[str, PublishedSize] = {
    "cola": PublishedSize(8_551, 1_043, 11),
    "sst2": PublishedSize(67_349, 872, 14),
    "mrpc": PublishedSize(3_668, 408, 53),
    "stsb": PublishedSize(5_749, 1_500, 28),
    "qqp": PublishedSize(363_846, 40_430, 30),
    "mnli": PublishedSize(392_702, 9_815, 40),
    "qnli": PublishedSize(104_743, 5_463, 51),
    "rte": PublishedSize(2_490, 277, 67),
    "wnli": PublishedSize(635, 71, 37),
}
"""Counts as the dataset card of GLUE on the hub has them. Lengths were counted for CoLA, MRPC, RTE
and WNLI (cut at 128); for the others they are the bytes of the texts that the card names, at 4.8
bytes a subword, which gives the counted ones within a tenth (RTE, of which much is cut, apart)."""
