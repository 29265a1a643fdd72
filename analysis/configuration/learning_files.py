"""The files that probes are trained and scored on, as the options name them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...data.errors import ConfigError
from ...data.generated_treebank import GENERATED
from ...data.sentences.plain_text import NATURAL
from .asked_probes import learning
from .probe_options import ProbeOptions

PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class LearningFiles:
    """The files of the parts.

    Attributes:
        train: the file that probes are trained on.
        dev: the file that decides when training stops; empty = a tenth of train.
        test: the file that probes are scored on.
        one: a single file that is split into the three. If no file is named, the generated treebank
            is read.
    """

    train: str = ""
    dev: str = ""
    test: str = ""
    one: str = ""

    @property
    def generated(self) -> bool:
        """Whether no file is named."""
        return not (self.one or self.train)

    @property
    def paths(self) -> list[str]:
        """The files that are named."""
        return [path for path in (self.one, self.train, self.dev, self.test) if path]

    @property
    def name(self) -> str:
        """The value of the column `corpus`."""
        return Path(self.test or self.one).name or GENERATED

    @property
    def learnt(self) -> str:
        """Name of the data that probes are trained on."""
        return Path(self.train or self.one).name or GENERATED


def learning_files(options: ProbeOptions) -> LearningFiles:
    """The files that the requested probes are trained and scored on.

    With `test`, `corpus` is the training file; with `train`, it is the test file; alone, it is
    split into parts. The shipped sentences (`natural`) are not a file: with them, the generated
    treebank is read.

    Raises:
        ConfigError: for parts that cannot be combined, or parts that no probe reads.
    """
    train, dev, test = options.train, options.dev, options.test
    one = "" if options.corpus == NATURAL else options.corpus
    unread = [name for name, path in (("train", train), ("dev", dev)) if path]
    if unread and not learning(options):
        raise ConfigError(
            "no requested probe is trained on texts",
            where=f"`{unread[0]}`",
            remedy="remove it, or add a probe of hidden states (`subprobe list probes`)",
        )
    if not learning(options) or not (train or dev or test):
        return LearningFiles(one=one)
    if train and test and one:
        raise ConfigError(
            "is not read, because `train` and `test` are given",
            where="`corpus`",
            remedy="leave it out",
        )
    train, test = train or (one if test else ""), test or (one if train else "")
    if not train:
        raise ConfigError("a file to train on is missing", remedy="add `train`")
    if not test:
        raise ConfigError("a file to score on is missing", remedy="add `test`")
    return LearningFiles(train, dev, test)


def scored_corpus(options: ProbeOptions) -> str:
    """The sentences for probes that are not trained."""
    return options.test or options.corpus
