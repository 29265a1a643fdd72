"""Sizes of the GLUE tasks, for plans made without their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedSize:
    """Size of a task as published.

    Attributes:
        train: number of training examples.
        report: number of labelled examples of the reported split.
        length: mean number of subwords per example for BERT's uncased tokenizer, special tokens
            included.
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
"""Sizes of the GLUE tasks.

Counts are from the dataset card of GLUE on the hub. Lengths were counted for CoLA, MRPC, RTE and
WNLI (truncated to 128). For the others they are the bytes of the texts according to the card,
divided by 4.8 bytes per subword. This agrees with the counted lengths within 10%, except for RTE,
where many texts are truncated.
"""
