"""Which files probes learn from and are scored on: what options name, and what they leave open."""

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
        train: what is learnt from.
        dev: what says when to stop; empty = a tenth of train.
        test: what is scored.
        one: a file that is cut into the three, in place of them. Where nothing is named, the
            generated treebank is read.
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
        """What the column `corpus` says of rows."""
        return Path(self.test or self.one).name or GENERATED

    @property
    def learnt(self) -> str:
        """Name of the data that probes learn from."""
        return Path(self.train or self.one).name or GENERATED


def learning_files(options: ProbeOptions) -> LearningFiles:
    """The files that the asked-for probes learn from and are scored on.

    `corpus` is the part that the others leave open: what is learnt from beside `test`, what is
    scored beside `train`, and cut into parts where it stands alone. The shipped sentences
    (`natural`) are not a file: without one, the generated treebank is read.

    Raises:
        ConfigError: for parts that do not go together, or parts that no probe reads.
    """
    train, dev, test = options.train, options.dev, options.test
    one = "" if options.corpus == NATURAL else options.corpus
    unread = [name for name, path in (("train", train), ("dev", dev)) if path]
    if unread and not learning(options):
        raise ConfigError(
            "no probe that was asked for learns from texts",
            where=f"`{unread[0]}`",
            remedy="leave it out, or add a probe of hidden states (`subprobe list probes`)",
        )
    if not learning(options) or not (train or dev or test):
        return LearningFiles(one=one)
    if train and test and one:
        raise ConfigError(
            "names sentences beside `train` and `test`, and nothing would read them",
            where="`corpus`",
            remedy="leave it out",
        )
    train, test = train or (one if test else ""), test or (one if train else "")
    if not train:
        raise ConfigError("no file to learn from", remedy="add `train`")
    if not test:
        raise ConfigError("no file to be scored on", remedy="add `test`")
    return LearningFiles(train, dev, test)


def scored_corpus(options: ProbeOptions) -> str:
    """The sentences that probes which learn nothing read."""
    return options.test or options.corpus
