"""The parts of a treebank: what probes learn from, what stops them, and what they are scored on."""

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
"""What says which sentence is in which part."""

_CLUSTERS = 10
"""Documents in the test part from which on they, and not sentences, are what was sampled."""


@dataclass(frozen=True)
class Parts:
    """Sentences that probes learn from, and others that they are scored on.

    Attributes:
        train: what weights are learnt from.
        dev: what stops training and chooses settings.
        test: what is scored; documents are clusters, where there are several.
        how: `given`, `by document`, `by sentence` or `generated`.
        learnt: name of what is learnt from.
        n_repeated: sentences of test that are in train or dev as well.
        named_dev: whether dev is a file of its own.
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
        """In words, what is learnt from and what is scored."""
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
        """What a probe gets to learn from.

        Args:
            states: where hidden states are kept.
            whole: what the same probe gave on the full model, if this is a mask of it.
        """
        return Learning(_examples(self.train), _examples(self.dev), self.how, states, whole or {})

    def note(self, options: ProbeOptions) -> dict[str, Any]:
        """What is recorded of them."""
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
        """Part -> share of its subwords that the tokenizer does not know."""
        parts = {"train": self.train, "test": self.test.sentences}
        return {
            name: unknown_share(tokenizer, [one.raw_text() for one in part])
            for name, part in parts.items()
        }

    def say_unknown(self, tokenizer: Any, progress: Progress) -> dict[str, float]:
        """The same, and tell if the tokenizer knows little of them."""
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
    """Read what the asked-for probes learn from and are scored on, with the annotation they need.

    Gold annotation stays as it is, unless `options.reparse` asks for the parser's. What is odd
    about the parts is told to `progress`.

    Args:
        options: which probes, files, and how many sentences.
        progress: what is told goes there.
        given: name in place of a file -> sentences that are in memory.

    Raises:
        AnnotationError: if a probe can read no sentence of a part, or parts are annotated
            differently.
        ConfigError: for files that do not go together.
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
    """Raise unless each probe can read something of every part.

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
    """Write `learning.json`: what is recorded of parts, their sentences, and what probes note."""
    write_text(folder / FILE, canonical_json(dict(notes)) + "\n")
