"""The training and test sentences of a mask for a property."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...data.encoding.labelled_words import LabelledWords, label_words
from ...data.errors import AnnotationError, ConfigError
from ...data.sentences.parted import Parted
from ...data.sentences.plain_text import read_corpus
from ...data.sentences.sentence import Sentence
from ...data.tasks.task_parts import spread
from ..learning.cutting import cut_parts


def read_parts(
    corpus: str | None = None,
    train: str | None = None,
    dev: str | None = None,
    test: str | None = None,
    *,
    limit: int = 0,
    read: Callable[[str], Sequence[Sentence]] = read_corpus,
) -> Parted:
    """Read the named files, or the generated treebank if none is named.

    A single corpus is split by documents, or else by sentences, into 8, 1 and 1 tenths; together
    with other files it is the training file. Without a dev file a tenth of the training file
    becomes the dev part. Without a test file the dev part is scored, as in the published code.

    Args:
        corpus: one file for all parts, or the training file.
        train: the training part.
        dev: the part for early stopping of refitted read-outs.
        test: the scored part.
        limit: maximum number of sentences of each part, evenly spaced; 0 = all.
        read: gives the sentences of a name.

    Raises:
        ConfigError: for incompatible files.
        DataFileError, InputError: for files that cannot be read or split.
    """
    if corpus and train:
        raise ConfigError(
            "`corpus` and `train` both name training sentences",
            where=f"`corpus` {corpus}",
            remedy="leave out one of them",
        )
    train = train or (corpus if dev or test else None)
    if (dev or test) and not train:
        raise ConfigError("no training sentences", remedy="name `train`, or `corpus`")
    if train and not (dev or test):
        raise ConfigError(
            "no sentences to score on",
            where="`train`",
            remedy="name `dev` or `test` as well, or only `corpus`, which is split into parts",
        )
    one = "" if train else corpus or ""
    found = cut_parts(read, one=one, train=train or "", dev=dev or "", test=test or "")
    train_part, dev_part, test_part = (
        _limited(part, limit) for part in (found.train, found.dev, found.test)
    )
    return Parted(train_part, dev_part, test_part, found.how)


def _limited(sentences: Sequence[Sentence], limit: int) -> tuple[Sentence, ...]:
    return spread(tuple(sentences), limit) if limit else tuple(sentences)


@dataclass(frozen=True)
class Words:
    """The labelled words of the three parts.

    Attributes:
        train: the training part.
        dev: the part for early stopping of refitted read-outs.
        test: the scored part; the same as `dev` if there is no test part.
        split: its name in rows: `test` or `dev`.
        corpus: name of what is scored on.
    """

    train: LabelledWords
    dev: LabelledWords
    test: LabelledWords
    split: str
    corpus: str = ""

    def about(self) -> dict[str, str]:
        """The columns of rows that identify the scored part."""
        first = self.test.sentences[0]
        return {
            "corpus": self.corpus, "annotation": first.annotation, "scheme": first.scheme,
            "target": self.test.property_name,
        }  # fmt: skip


def _kind(words: LabelledWords) -> str:
    """How the sentences were annotated, and by which scheme."""
    return ", ".join(sorted({f"{one.annotation} {one.scheme}".strip() for one in words.sentences}))


def words_of(
    tokenizer: Any,
    parts: Parted,
    property: str,
    *,
    max_length: int,
    say: Callable[[str], None],
    corpus: str = "",
) -> Words:
    """Find the labelled words of each part, and report what was left out.

    Args:
        tokenizer: a fast tokenizer.
        parts: the sentences.
        property: see `word_labels`.
        max_length: subwords that a sentence keeps.
        say: receives messages about what was left out or also occurs in training.
        corpus: name of what is scored on.

    Raises:
        AnnotationError, InputError, UnknownNameError: as `label_words`.
    """
    train = label_words(tokenizer, parts.train, property, max_length=max_length, part="train part")
    found = {"train": train}
    for name, sentences in (("dev", parts.dev), ("test", parts.test)):
        if sentences:
            found[name] = label_words(
                tokenizer, sentences, property,
                max_length=max_length, classes=train.classes, part=f"{name} part",
            )  # fmt: skip
    for name, words in found.items():
        given = len(getattr(parts, name))
        if given > len(words.sentences):
            missing = given - len(words.sentences)
            say(f"{missing} of {given} sentences of the {name} part have no {property}")
        if words.n_words_dropped:
            say(f"{words.n_words_dropped} words of the {name} part are cut off or have no subword")
        if words.n_unseen:
            say(
                f"{words.n_unseen} of {words.n_words} words of the {name} part have a {property} "
                "that does not occur in the train part: they count as errors"
            )
    split = "test" if "test" in found else "dev"
    if split == "dev":
        say("there is no test part: early stopping uses the sentences that are scored")
    kinds = {name: _kind(words) for name, words in found.items()}
    if len(set(kinds.values())) > 1:
        shown = ", ".join(f"{name} {kind or 'none'}" for name, kind in kinds.items())
        raise AnnotationError(
            f"the parts are annotated differently ({shown})",
            remedy="name treebanks of one kind: gold and parsed annotation are never mixed",
        )
    known = {one.words for one in train.sentences}
    scored = found[split].sentences
    if repeated := sum(one.words in known for one in scored):
        say(f"{repeated} of {len(scored)} scored sentences also occur in the train part")
    return Words(train, found["dev"], found[split], split, corpus)
