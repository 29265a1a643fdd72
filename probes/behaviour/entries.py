"""The probes of what a masked language model does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ...data.files.atomic import file_digest
from ...data.sentences.plain_text import NATURAL
from ...data.suites.generated import FIELDS, GENERATED
from ...data.suites.reading import suite_files
from ..entry import Headline, Measure, Options, PathText, Phenomenon, ProbeEntry, Several

MINIMAL_PAIRS = "minimal-pairs"
PARADIGM, OVERALL = "paradigm", "overall"
LEVELS = (PARADIGM, "field", "suite", OVERALL)
"""What pairs are summed up by; all but the first are means over paradigms."""
MEASURED: Mapping[tuple[str, str], str] = {
    (level, measure): measure if level == PARADIGM else f"{level}_{measure}"
    for level in LEVELS
    for measure in ("accuracy", "margin")
}
"""Level and measure -> metric."""
TIED, BY_PLL = "tied", "scored_by_pll"


def _once(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("contains duplicates")
    if not given:
        raise ValueError("must name at least one file")
    return given


class MinimalPairsOptions(Options):
    """Options of `minimal-pairs`."""

    files: Annotated[tuple[PathText, ...], Several, AfterValidator(_once)] = Field(
        (GENERATED,),
        description="files of pairs, folders of such files, or generated = the shipped pairs",
    )
    score: Literal["pll", "pll-word-l2r", "masked-word"] = Field(
        "pll",
        description="pll: each piece is masked once; pll-word-l2r: with the following pieces of "
        "its word; masked-word: the word that differs is masked",
    )
    normalise: Literal["sum", "mean"] = Field(
        "sum", description="sum of log-probabilities over pieces, or mean per piece"
    )
    ties: Literal["half", "wrong"] = Field(
        "half", description="equally probable sentences are half right, or wrong as published"
    )
    several_pieces: Literal["pll", "skip"] = Field(
        "pll", description="masked-word: words of several pieces are scored by pll, or skipped"
    )
    limit: int = Field(
        0, ge=0, description="maximum number of pairs per paradigm, evenly spaced; 0 = all"
    )
    generated: int = Field(280, ge=1, description="number of shipped pairs")
    seed: int = Field(0, ge=0, description="seed of the shipped pairs")
    unigram: PathText = Field(
        "",
        description="corpus from which the unigram baseline counts pieces; empty = the bias of the "
        "output layer",
    )
    tokens: int = Field(
        1024, ge=1, description="maximum number of subwords per batch, padding included"
    )

    def inputs(self) -> Mapping[str, str]:
        """The hash of each file."""
        named = [name for name in self.files if name != GENERATED]
        found = {path.name: file_digest(path) for path in suite_files(named)}
        if self.unigram not in ("", NATURAL):
            from pathlib import Path

            from ...data.files.text_file import read_text

            read_text(self.unigram)
            found["unigram"] = file_digest(Path(self.unigram))
        return found


def _mean_over(what: str) -> str:
    return f"mean over the paradigms {what}"


PAIRS = ProbeEntry(
    name=MINIMAL_PAIRS,
    help="how often the good sentence of a minimal pair is more probable than the bad one",
    code=f"{__package__}.minimal_pairs:run_minimal_pairs",
    reads="suite",
    further=("language-model-head",),
    options=MinimalPairsOptions,
    rows=(
        Measure("accuracy", ("model",), "share of the pairs of a paradigm whose good sentence is "
                "more probable", better="higher", right=True),
        Measure("margin", ("model",), "mean log-odds of good against bad sentence, in nats",
                better="higher"),
        Measure(TIED, ("model",), "share of pairs whose sentences are equally probable",
                better="lower"),
        Measure(BY_PLL, ("model",), "masked-word: share of pairs scored by pll, because a word is "
                "not a single piece"),
        *(
            Measure(MEASURED[level, measure], ("model",), f"{measure}: {_mean_over(what)}",
                    better="higher")
            for level, what in (
                ("field", "of a field"), ("suite", "of a suite or file"), (OVERALL, "of all pairs"),
            )
            for measure in ("accuracy", "margin")
        ),
    ),
    headline=Headline("*accuracy", "model", by_variant=True),
    phenomena=tuple(
        Phenomenon("semantics" if field == "semantics" else
                   "syntax" if field.startswith("syntax") else "morphology", "accuracy", name)
        for name, field in FIELDS.items()
    ),
    finish="pair-intervals",
    figure="language",
)  # fmt: skip

ENTRIES = (PAIRS,)
