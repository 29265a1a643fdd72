"""The parts of a treebank: for training, for early stopping, and for scoring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.encoding.unknown_pieces import unknown_said, unknown_share
from ...data.errors import AnnotationError
from ...data.files.atomic import canonical_json, digest, write_text
from ...data.sentences.parted import Parted
from ...data.sentences.plain_text import read_corpus
from ...data.sentences.sentence import Example, Sentence
from ...probes.forward.needs import check_some_readable, kind_of
from ...probes.learning.learning import Arrays, Learning
from ...probes.registry import find_probe
from ...probes.states.cache import StateCache
from ..configuration.asked_probes import learning, options_of
from ..configuration.learning_files import PARTS, LearningFiles, learning_files
from ..configuration.probe_options import ProbeOptions
from ..steps.annotations import as_read, left_out, say_left_out
from ..steps.probing import Corpus
from ..steps.progress import Progress, Silent
from .cutting import cut_parts

FILE = "learning.json"
"""The file that lists the part of each sentence."""

_CLUSTERS = 10
"""Minimum number of test documents for documents, not sentences, to be the sampling unit."""


@dataclass(frozen=True)
class Parts:
    """The training sentences of probes, and the sentences that they are scored on.

    Attributes:
        train: the training part.
        dev: the part for early stopping and for choosing settings.
        test: the scored part; its documents are clusters, if there are several.
        how: `given`, `by document`, `by sentence` or `generated`.
        learnt: name of the training corpus.
        n_repeated: number of test sentences that also occur in train or dev.
        named_dev: whether dev comes from a separate file.
    """

    train: tuple[Sentence, ...]
    dev: tuple[Sentence, ...]
    test: Corpus
    how: str
    learnt: str
    n_repeated: int
    named_dev: bool = False

    @property
    def said(self) -> str:
        """The sizes and origins of the parts, in words."""
        how = {
            "given": "as the files say" if self.named_dev else "dev is a tenth of train",
            "generated": "no word of the lexicon is in two parts",
        }
        return (
            f"{self.learnt}: {len(self.train)} training sentences and {len(self.dev)} dev "
            f"sentences; {self.test.name}: {len(self.test.sentences)} test sentences "
            f"({how.get(self.how, f'parted {self.how}')})"
        )

    @property
    def digest(self) -> str:
        """A hash of all parts."""
        learnt = (Corpus(name, getattr(self, name)).digest for name in ("train", "dev"))
        return digest([*learnt, self.test.digest])

    def learning(self, states: StateCache, whole: Arrays | None = None) -> Learning:
        """The training data for a probe.

        Args:
            states: where hidden states are kept.
            whole: the arrays of the same probe on the full model, if a mask of it is probed.
        """
        return Learning(_examples(self.train), _examples(self.dev), self.how, states, whole or {})

    def note(self, options: ProbeOptions) -> dict[str, Any]:
        """The record of the parts."""
        parts = {"train": self.train, "dev": self.dev, "test": self.test.sentences}
        return {
            "learnt_from": self.learnt,
            "scored_on": self.test.name,
            "parted": self.how,
            "sentences": {name: len(part) for name, part in parts.items()},
            "documents": {
                name: len({one.document for one in part} - {""}) for name, part in parts.items()
            },
            "annotation": kind_of(self.test.sentences[0]),
            "repeated": self.n_repeated,
            "left_out": left_out(self.test.examples, learning(options)),
        }

    @property
    def ids(self) -> dict[str, list[str]]:
        """Part -> its sentences."""
        parts = {"train": self.train, "dev": self.dev, "test": self.test.sentences}
        return {name: [one.id for one in part] for name, part in parts.items()}

    def unknown(self, tokenizer: Any) -> dict[str, float]:
        """Part -> share of subwords that are unknown to the tokenizer."""
        parts = {"train": self.train, "test": self.test.sentences}
        return {
            name: unknown_share(tokenizer, [one.raw_text() for one in part])
            for name, part in parts.items()
        }

    def say_unknown(self, tokenizer: Any, progress: Progress) -> dict[str, float]:
        """The same, with a warning if many subwords are unknown."""
        shares = self.unknown(tokenizer)
        for name, share in shares.items():
            if said := unknown_said(share, name):
                progress.say(said)
        return shares


def read_parts(
    options: ProbeOptions,
    progress: Progress | None = None,
    given: Mapping[str, Sequence[Sentence]] | None = None,
) -> Parts:
    """Read the training and test data of the chosen probes, with the annotation that they need.

    Gold annotation is kept unless `options.reparse` is set. Warnings about the parts go to
    `progress`.

    Args:
        options: which probes, files, and how many sentences.
        progress: receives messages.
        given: name in place of a file -> sentences that are in memory.

    Raises:
        AnnotationError: if a probe can read no sentence of a part, or the parts are annotated
            differently.
        ConfigError: for incompatible files.
        DataFileError: for a file that is missing, empty or malformed.
        InputError: for fewer sentences than parts.
    """
    progress = progress or Silent()
    names, files = learning(options), learning_files(options)
    for typed in options_of(options).values():
        typed.inputs()
    parted = _read(files, options, given or {})
    most = {"train": options.train_sentences, "dev": options.sentences, "test": options.sentences}
    read = {
        part: as_read(
            getattr(parted, part)[: most[part]],
            names,
            pipeline=options.pipeline,
            reparse=options.reparse,
        )
        for part in PARTS
    }
    _check_one_kind(read)
    test = Corpus(files.name, tuple(read["test"]), _clusters(read["test"]))
    known = {one.words for part in ("train", "dev") for one in read[part]}
    repeated = sum(one.words in known for one in read["test"])
    parts = Parts(
        tuple(read["train"]), tuple(read["dev"]), test, parted.how, files.learnt, repeated,
        bool(files.dev),
    )  # fmt: skip
    _check_needs(parts, names)
    _tell(parts, names, progress)
    return parts


def _read(
    files: LearningFiles, options: ProbeOptions, given: Mapping[str, Sequence[Sentence]]
) -> Parted:
    """The parts without the annotation that a parser would add."""

    def sentences(name: str) -> list[Sentence]:
        if name in given:
            return list(given[name])
        return read_corpus(name, surface=options.tokens == "surface")

    return cut_parts(sentences, one=files.one, train=files.train, dev=files.dev, test=files.test)


def _check_one_kind(parts: Mapping[str, Sequence[Sentence]]) -> None:
    """Raise unless all parts have trees of one kind.

    Raises:
        AnnotationError: naming two that differ.
    """
    kinds = {(part, kind_of(one)) for part, sentences in parts.items() for one in sentences}
    (part, kind), *others = sorted(kinds, key=lambda pair: PARTS.index(pair[0]))
    for other, another in others:
        if another != kind:
            raise AnnotationError(
                f"{other} has {another} trees, but {part} has {kind} trees",
                remedy="annotation schemes differ in their trees: name treebanks of one kind, or "
                "parse all of them with spaCy (`reparse`)",
            )


def _check_needs(parts: Parts, names: Iterable[str]) -> None:
    """Raise unless each probe can read at least one sentence of every part.

    Raises:
        AnnotationError: naming the probe, the part, and what is missing.
    """
    for name in names:
        entry = find_probe(name)
        for part, examples in _examples_by_part(parts).items():
            if part != "test" or entry.reads == "corpus":
                check_some_readable(f"{name} in {part}", examples, entry.needs)


def _examples_by_part(parts: Parts) -> dict[str, Sequence[Example]]:
    return {
        "train": _examples(parts.train),
        "dev": _examples(parts.dev),
        "test": parts.test.examples,
    }


def _tell(parts: Parts, names: Sequence[str], progress: Progress) -> None:
    n_test = len(parts.test.sentences)
    if parts.n_repeated:
        progress.say(f"{parts.n_repeated} of {n_test} test sentences also occur in train or dev")
    for part, examples in _examples_by_part(parts).items():
        say_left_out(progress, part, examples, names)


def _examples(sentences: Sequence[Sentence]) -> tuple[Example, ...]:
    return tuple(Example(id=one.id, first=one) for one in sentences)


def _clusters(sentences: Sequence[Sentence]) -> dict[str, str]:
    """Sentence -> its document, where there are several."""
    documents = {one.document for one in sentences} - {""}
    if len(documents) < _CLUSTERS:
        return {}
    return {one.id: one.document for one in sentences if one.document}


def write_learning(folder: Path, notes: Mapping[str, Any]) -> None:
    """Write `learning.json`: the record of the parts, their sentences, and the notes of probes."""
    write_text(folder / FILE, canonical_json(dict(notes)) + "\n")
