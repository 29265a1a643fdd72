"""The data types that tasks and probes read: `Sentence` and `Example`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ..errors import DataFileError

Annotation = Literal["", "gold", "silver"]
Scheme = Literal["", "ud", "clearnlp"]

ROOT = -1

LONGEST = 1_000_000
"""Maximum number of characters of a text, as in spaCy."""

LAYERS = ("upos", "xpos", "feats", "heads", "deprels", "entities", "chunks", "spans")
"""Annotation layers of a sentence, with one value per word or empty."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of W words with optional annotations.

    Attributes:
        id: unique within its corpus.
        words: the words, in order [W].
        text: the original string, which a task model reads; empty if there is none.
        upos: universal part-of-speech tags [W], or empty.
        xpos: language-specific tags [W], or empty.
        feats: morphological features of each word, such as `Case=Nom|Number=Sing` [W] (an empty
            string for a word without features), or empty.
        heads: index of each word's head [W], counted from 0, `ROOT` (-1) for the root; or empty.
        deprels: relation of each word to its head [W], or empty.
        entities: IOB2 tags [W], or empty.
        chunks: IOB2 tags of base phrases [W], or empty.
        annotation: `gold`, `silver` (a parser's), or empty.
        scheme: `ud` or `clearnlp`; not only the names but also the trees differ, so the schemes are
            never mixed.
        spans: (start, end) of each word in the text, in characters, in order [W]; the words of one
            surface token may share a span. Empty if `word_spans` must find them.
        document: name of its document; empty if it does not belong to one.
        lemmas: the dictionary form of each word [W]; empty unless requested.
    """

    id: str
    words: tuple[str, ...]
    text: str | None = None
    upos: tuple[str, ...] = ()
    xpos: tuple[str, ...] = ()
    feats: tuple[str, ...] = ()
    heads: tuple[int, ...] = ()
    deprels: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    chunks: tuple[str, ...] = ()
    annotation: Annotation = ""
    scheme: Scheme = ""
    spans: tuple[tuple[int, int], ...] = ()
    document: str = ""
    lemmas: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (*LAYERS, "lemmas"):
            layer = getattr(self, name)
            if layer and len(layer) != len(self.words):
                raise DataFileError(
                    f"{name} has {len(layer)} values for {len(self.words)} words",
                    where=f"sentence {self.id!r}",
                )
        if self.text is not None and len(self.text) > LONGEST:
            raise DataFileError(
                f"has {len(self.text):,} characters; the maximum is {LONGEST:,}",
                where=f"sentence {self.id!r}",
                remedy="split the text into sentences",
            )
        if self.heads:
            self._check_tree()
        if self.spans:
            self._check_spans()

    def _check_spans(self) -> None:
        """Raise unless the spans are in order and within the text."""
        end = len(self.raw_text())
        before = (0, 0)
        for span in self.spans:
            if not (before[0] <= span[0] <= span[1] <= end and before[1] <= span[1]):
                raise DataFileError(
                    f"span {span} after {before} in a text of {end} characters",
                    where=f"sentence {self.id!r}",
                )
            before = span

    def _check_tree(self) -> None:
        """Raise unless the heads form one tree with one root."""
        where, heads = f"sentence {self.id!r}", self.heads
        roots = [i for i, head in enumerate(heads) if head == ROOT]
        if len(roots) != 1:
            raise DataFileError(f"broken tree: {len(roots)} roots instead of 1", where=where)
        reaches_root = [head == ROOT for head in heads]
        for start in range(len(heads)):
            path, node = dict[int, None](), start
            while not reaches_root[node]:
                if node in path:
                    raise DataFileError(f"broken tree: cycle at word {start + 1}", where=where)
                path[node] = None
                node = heads[node]
                if not 0 <= node < len(heads):
                    raise DataFileError(
                        f"broken tree: head {node + 1} of a {len(heads)}-word sentence", where=where
                    )
            for visited in path:
                reaches_root[visited] = True

    def raw_text(self) -> str:
        """The original string, or the words joined by single spaces."""
        return self.text if self.text is not None else " ".join(self.words)


def plain_sentence(id: str, text: str) -> Sentence:
    """An unannotated sentence whose words are the white-space tokens of `text`."""
    return Sentence(id=id, words=tuple(text.split()), text=text)


@dataclass(frozen=True, slots=True)
class Example:
    """One or two sentences that a task model reads, with an optional label.

    Attributes:
        id: unique within its split.
        first: the first (or only) sentence.
        second: the second sentence of a pair.
        label: class index counted from 0, a float for regression, or None.
        group: phenomenon, heuristic or genre of the example; empty if there is none.
        cluster: name of the source that it shares with other examples (the premise of several
            hypotheses, the set of a minimal pair); empty if there is none. Intervals and tests
            resample clusters.
        rationale: (segment, start, end), in characters, of each part of the texts that annotators
            found decisive for the label; None without such annotation.
        options: the K texts of which one answers the question `second` about the context `first`;
            empty if the example is not a multiple-choice question.
        counterfactuals: texts of the inputs with which it can be contrasted, the preferred first,
            each like `texts()`: the one in a file of the user's own, or the members of a generated
            minimal set with the other label.
    """

    id: str
    first: Sentence
    second: Sentence | None = None
    label: int | float | None = None
    group: str = ""
    cluster: str = ""
    rationale: tuple[tuple[int, int, int], ...] | None = None
    options: tuple[str, ...] = ()
    counterfactuals: tuple[tuple[str, ...], ...] = ()

    def with_sentences(self, first: Sentence, second: Sentence | None) -> Example:
        """The same example with newly annotated sentences."""
        return replace(self, first=first, second=second)

    def texts(self) -> tuple[str, ...]:
        """The one or two strings that a task model reads."""
        second = () if self.second is None else (self.second.raw_text(),)
        return (self.first.raw_text(), *second)
