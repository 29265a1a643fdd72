"""Match the outputs of a head with the classes of a task: by name, by position or as specified.

Checkpoints for the same task may number its classes differently. Matched by position only, correct
predictions of a model with another order would be counted as errors, without any warning.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import CheckpointError, ConfigError

Pairs = tuple[tuple[str, str], ...]
"""Pairs of matching names that the user specifies: (class of the task, class of the model)."""

_SEPARATORS = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W_])")
_PLACEHOLDER = re.compile(r"label_(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class ClassOrder:
    """The correspondence of the classes of a task and the outputs of a head.

    Attributes:
        outputs: for each class of the task, in order, its outputs.
        classes: names of the task's classes.
        names: names of the model's classes, by output.
        by: `name`; `place` (position) if the model has no names; `given` if the user specified it.
    """

    outputs: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...]
    names: tuple[str, ...]
    by: Literal["name", "place", "given"]

    @property
    def merges(self) -> bool:
        """Whether a class has several outputs."""
        return any(len(group) > 1 for group in self.outputs)

    @property
    def said(self) -> str:
        """A notice for the user; empty if the classes were matched by name."""
        if self.by == "name":
            return ""
        pairs = (
            f"{name} = {' + '.join(self.names[output] for output in group)}"
            for name, group in zip(self.classes, self.outputs, strict=True)
        )
        why = {
            "place": "classes are matched by position, since the model does not name them",
            "given": "classes matched as specified",
        }
        return f"{why[self.by]}: {', '.join(pairs)}"


def parse_pairs(texts: Sequence[str]) -> Pairs:
    """Parse pairs of names, such as `entailment=ENTAILMENT,neutral=NEUTRAL`.

    If a name contains a comma, its pair is put in double quotes: `"a, b=X"`.

    Raises:
        ConfigError: if a text is not a pair of names.
    """
    pairs = []
    for text in texts:
        for cell in next(csv.reader([text], skipinitialspace=True), []):
            task, equals, model = (part.strip() for part in cell.partition("="))
            if not equals or not task or not model:
                raise ConfigError(
                    f"{cell!r} is not a pair of names",
                    where="`labels`",
                    remedy="write TASK_CLASS=MODEL_CLASS,..., for instance "
                    "entailment=ENTAILMENT,neutral=NEUTRAL",
                )
            pairs.append((task, model))
    return tuple(pairs)


def plain(name: str) -> str:
    """A class name normalised for comparison: lower case; `-`, `_` and spaces are treated alike."""
    return _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", name).strip().casefold())


def unnamed(names: Sequence[str]) -> bool:
    """Whether the names of a model state only the position: `LABEL_0`, `LABEL_1`, ..."""
    found = [_PLACEHOLDER.fullmatch(name) for name in names]
    return all(one is not None and int(one[1]) == place for place, one in enumerate(found))


def class_order(
    task: str, classes: Sequence[str], names: Sequence[str], pairs: Pairs = (), *, where: str = ""
) -> ClassOrder:
    """Match the classes of a task with those of a model.

    Names are compared ignoring case and the difference between `-`, `_` and spaces. Classes that
    are not in `pairs` are matched by name.

    Args:
        task: name of the task, for messages.
        classes: classes of the task, in order.
        names: classes of the model, by output.
        pairs: the pairs that the user specifies; they may all have the model's class first.
        where: name of the model, for messages.

    Raises:
        CheckpointError: if the names do not match one to one; the message lists both sets of names.
        ConfigError: if `pairs` contain an unknown name or leave an output without a class.
    """
    if pairs:
        return _given(task, classes, names, _turned(task, classes, names, pairs), where)
    if len(names) == len(classes):
        # a task may call its own classes LABEL_1 and LABEL_0, so names come first
        if (found := _by_name(classes, names)) is not None:
            return ClassOrder(found, tuple(classes), tuple(names), "name")
        if unnamed(names):
            places = tuple((place,) for place in range(len(names)))
            return ClassOrder(places, tuple(classes), tuple(names), "place")
    raise CheckpointError(
        f"its classes are {_listed(names)}, those of {task} are {_listed(classes)}",
        where=where or None,
        remedy="match the classes with `labels` TASK_CLASS=MODEL_CLASS,..., or name a "
        "model that was trained on the task",
    )


def _by_name(classes: Sequence[str], names: Sequence[str]) -> tuple[tuple[int, ...], ...] | None:
    """The output of each class, by exact or else normalised name; None if a class has no match."""
    for spelled in (str, plain):
        places = {spelled(name): place for place, name in enumerate(names)}
        wanted = [spelled(name) for name in classes]
        if len(places) == len(names) and set(wanted) == set(places) and len(wanted) == len(names):
            return tuple((places[name],) for name in wanted)
    return None


def _turned(task: str, classes: Sequence[str], names: Sequence[str], pairs: Pairs) -> Pairs:
    """The pairs with the task's class first.

    Raises:
        ConfigError: if a name is a class of neither the task nor the model.
    """
    own, theirs = {plain(name) for name in classes}, {plain(name) for name in names}
    for turned in (pairs, tuple((second, first) for first, second in pairs)):
        if all(plain(a) in own and plain(b) in theirs for a, b in turned):
            return turned
    first, second = next((a, b) for a, b in pairs if plain(a) not in own or plain(b) not in theirs)
    wrong = f"{first!r} is not a class of {task}" if plain(first) not in own else ""
    raise ConfigError(
        wrong or f"{second!r} is not a class of the model",
        where="`labels`",
        remedy=f"classes of {task}: {_listed(classes)}; of the model: {_listed(names)}",
    )


def _given(
    task: str, classes: Sequence[str], names: Sequence[str], pairs: Pairs, where: str
) -> ClassOrder:
    own, theirs = _places(classes, task), _places(names, where or "the model")
    meaning: dict[int, int] = {}
    for first, second in pairs:
        output, place = theirs[plain(second)], own[plain(first)]
        if meaning.setdefault(output, place) != place:
            raise ConfigError(
                f"{names[output]!r} is matched with both {classes[meaning[output]]!r} and "
                f"{first!r}",
                where="`labels`",
                remedy="match every class of the model with one class of the task",
            )
    for output, name in enumerate(names):
        if output not in meaning and plain(name) in own:
            meaning[output] = own[plain(name)]
    idle = [name for output, name in enumerate(names) if output not in meaning]
    empty = [name for place, name in enumerate(classes) if place not in meaning.values()]
    if idle or empty:
        left = [
            f"{text} {_listed(found)}"
            for text, found in (("of the model", idle), (f"of {task}", empty))
            if found
        ]
        raise ConfigError(
            f"no match for the classes {' and '.join(left)}",
            where="`labels`",
            remedy="name all classes of both; several of the model may match one of the task",
        )
    outputs = tuple(
        tuple(output for output in range(len(names)) if meaning[output] == place)
        for place in range(len(classes))
    )
    return ClassOrder(outputs, tuple(classes), tuple(names), "given")


def _places(names: Sequence[str], where: str) -> Mapping[str, int]:
    """Normalised name -> position.

    Raises:
        ConfigError: if two normalised names are equal.
    """
    places = {plain(name): place for place, name in enumerate(names)}
    if len(places) < len(names):
        raise ConfigError(
            f"some of the classes {_listed(names)} of {where} differ only in spelling",
            where="`labels`",
            remedy="rename them in the file or the model's config.json",
        )
    return places


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:20])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > 20 else shown or "none (a number)"
