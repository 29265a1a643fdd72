"""The probes that ask a masked language model for single words: cloze tests and agreement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ...data.files.atomic import file_digest
from ...data.suites.generated import GENERATED
from ...data.suites.reading import suite_files
from ..entry import Headline, Measure, Options, PathText, Phenomenon, ProbeEntry, Several
from .entries import BY_PLL, TIED

CLOZE, AGREEMENT = "cloze", "agreement"
SENSITIVITY, ABOVE_MARGIN = "sensitivity", "sensitivity_above_margin"
LOG_ODDS, COVERAGE = "log_odds", "coverage"
"""Metrics of cloze tests."""

MultiPiece = Literal["skip", "pll", "pll-word-l2r"]
"""How words of several pieces are scored. `pll`: the log-probabilities of the pieces, each masked
in turn, are added (Salazar et al. 2020, ACL). `pll-word-l2r`: the following pieces of the word are
masked too (Kauf & Ivanova 2023, ACL)."""
Perturbation = Literal[
    "shuffled", "truncated", "shuffled-truncated", "generic-object", "generic-subject",
    "generic-both",
]  # fmt: skip
"""The first three are of CPRAG, the others of ROLE."""
Seen = Literal["sentence", "left-context"]
"""What the model reads of a sentence: all of it, or what precedes the masked verb."""
IsAre = Literal["as-published", "kept", "skipped"]
"""What is done with pairs of is and are. `as-published`: skipped in tables of Gulordava et al."""


def _once(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("contains duplicates")
    return given


def _ranks(given: tuple[int, ...]) -> tuple[int, ...]:
    if min(given, default=1) < 1:
        raise ValueError("must be >= 1")
    _once(tuple(map(str, given)))
    return given


def _digests(files: tuple[str, ...]) -> Mapping[str, str]:
    named = [name for name in files if name != GENERATED]
    return {path.name: file_digest(path) for path in suite_files(named)}


class ClozeOptions(Options):
    """Options of `cloze`; the defaults are those of the publication."""

    files: Annotated[tuple[PathText, ...], Several, AfterValidator(_once)] = Field(
        (), description="files of CPRAG-102, ROLE-88 and NEG-136 as published"
    )
    k: Annotated[tuple[int, ...], Several, AfterValidator(_ranks)] = Field(
        (1, 5),
        min_length=1,
        description="accuracy: a correct word is among the k most probable",
    )
    margin: float = Field(
        0.01, ge=0, lt=1, description="difference in probability for the stricter sensitivity"
    )
    perturbations: Annotated[tuple[Perturbation, ...], Several, AfterValidator(_once)] = Field(
        (),
        description="perturbed contexts, in addition to the original ones: shuffled and truncated "
        "for CPRAG, generic for ROLE",
    )
    period: Literal["off", "on", "both"] = Field(
        "off", description="whether a full stop follows the masked word"
    )
    several_pieces: MultiPiece = Field(
        "skip",
        description="words of several pieces are skipped, or scored by their pseudo-log-likelihood",
    )
    seed: int = Field(0, ge=0, description="seed of the shuffled words")
    tokens: int = Field(
        4096, ge=1, description="maximum number of subwords per batch, padding included"
    )

    def inputs(self) -> Mapping[str, str]:
        """The hash of each file."""
        return _digests(self.files)


class AgreementOptions(Options):
    """Options of `agreement`."""

    files: Annotated[tuple[PathText, ...], Several, AfterValidator(_once)] = Field(
        (GENERATED,),
        min_length=1,
        description="treebanks (.conllu), tables of agreement pairs, or generated = shipped pairs",
    )
    seen: Annotated[tuple[Seen, ...], Several, AfterValidator(_once)] = Field(
        ("sentence",),
        min_length=1,
        description="what the model reads: the sentence, or the context to the left of the verb",
    )
    is_are: IsAre = Field(
        "as-published",
        description="pairs of is and are; as-published: skipped in tables of Gulordava et al.",
    )
    several_pieces: Literal["skip", "pll"] = Field(
        "skip",
        description="pairs whose verb is not a single piece are skipped, or scored by pll",
    )
    ties: Literal["half", "wrong"] = Field(
        "half", description="equally probable verbs are half right, or wrong as published"
    )
    limit: int = Field(
        0, ge=0, description="maximum number of pairs per file, evenly spaced; 0 = all"
    )
    generated: int = Field(200, ge=1, description="number of shipped pairs")
    seed: int = Field(0, ge=0, description="seed of the shipped pairs")
    tokens: int = Field(
        4096, ge=1, description="maximum number of subwords per batch, padding included"
    )

    def inputs(self) -> Mapping[str, str]:
        """The hash of each file."""
        return _digests(self.files)


CLOZE_TESTS = ProbeEntry(
    name=CLOZE,
    help="the cloze tests of Ettinger (2020): whether the expected word is predicted, and is more "
    "probable than others",
    code=f"{__package__}.cloze:run_cloze",
    reads="suite",
    further=("language-model-head",),
    options=ClozeOptions,
    rows=(
        Measure("accuracy_top_*", ("model",), "share of contexts with a correct word among the k "
                "most probable pieces", better="higher", right=True),
        Measure(SENSITIVITY, ("model",), "share of items whose fitting word is more probable than "
                "the others", better="higher", right=True),
        Measure(ABOVE_MARGIN, ("model",), "the same by more than the margin in probability",
                better="higher", right=True),
        Measure(LOG_ODDS, ("model",), "mean log-odds of the fitting word against the most probable "
                "of the others, in nats", better="higher"),
        Measure(TIED, ("model",), "share of items whose two words are equally probable",
                better="lower"),
        Measure(COVERAGE, ("model",), "share of words that are a single piece of the vocabulary"),
    ),
    headline=Headline(SENSITIVITY, "model", by_variant=True),
    phenomena=(
        Phenomenon("reasoning", SENSITIVITY, "CPRAG-102", variant="original"),
        Phenomenon("semantics", SENSITIVITY, "ROLE-88", variant="original"),
        # not NEG-136-*, whose groups share items
        Phenomenon("semantics", SENSITIVITY, "NEG-136-SIMP", variant="original"),
        Phenomenon("semantics", SENSITIVITY, "NEG-136-NAT", variant="original"),
    ),
    finish="exact-intervals",
)  # fmt: skip

SUBJECT_VERB = ProbeEntry(
    name=AGREEMENT,
    help="whether the verb form that agrees with the subject is more probable, by the number of "
    "attractors",
    code=f"{__package__}.agreement:run_agreement",
    reads="suite",
    further=("language-model-head",),
    options=AgreementOptions,
    rows=(
        Measure("accuracy", ("model",), "share of pairs whose agreeing verb form is more probable",
                better="higher", right=True),
        Measure("margin", ("model",), "mean log-odds of the agreeing against the other form, in "
                "nats", better="higher"),
        Measure(TIED, ("model",), "share of pairs whose forms are equally probable",
                better="lower"),
        Measure(BY_PLL, ("model",), "several_pieces=pll: share of pairs scored by pll, "
                "because a form is not a single piece"),
    ),
    headline=Headline("accuracy", "model", by_variant=True),
    phenomena=(
        Phenomenon("syntax", "accuracy", GENERATED, "subject-verb agreement", "sentence"),
    ),
    finish="exact-intervals",
    figure="language",
)  # fmt: skip

ENTRIES = (CLOZE_TESTS, SUBJECT_VERB)
