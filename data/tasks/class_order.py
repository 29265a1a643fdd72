"""Which output of a task head means which class of a task: by name, by place, or as the user says.

Checkpoints of one task number its classes differently. Taken by place alone, the right answers of
a model whose head was trained in another order count as wrong ones, and nothing looks odd.
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
"""Names that the user says mean the same: (class of the task, class of the model)."""

_SEPARATORS = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W_])")
_PLACEHOLDER = re.compile(r"label_(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class ClassOrder:
    """How the classes of a task are found among the outputs of a head.

    Attributes:
        outputs: for each class of the task, in its order, the outputs that mean it.
        classes: the task's names.
        names: the model's names, by output.
        by: `name`; `place` where the model has no names; `given` where the user said so.
    """

    outputs: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...]
    names: tuple[str, ...]
    by: Literal["name", "place", "given"]

    @property
    def merges(self) -> bool:
        """Whether several outputs mean one class."""
        return any(len(group) > 1 for group in self.outputs)

    @property
    def said(self) -> str:
        """What a user has to be told; empty where names agree."""
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
    """Pairs of names from texts such as `entailment=ENTAILMENT,neutral=NEUTRAL`.

    Names that hold a comma are written in double quotes with their pair: `"a, b=X"`.

    Raises:
        ConfigError: naming the text that is no pair of names.
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
    """A class name without what spelling adds: case, and whether -, _ or a space parts words."""
    return _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", name).strip().casefold())


def unnamed(names: Sequence[str]) -> bool:
    """Whether a model's names say nothing but their place: `LABEL_0`, `LABEL_1`, ..."""
    found = [_PLACEHOLDER.fullmatch(name) for name in names]
    return all(one is not None and int(one[1]) == place for place, one in enumerate(found))


def class_order(
    task: str, classes: Sequence[str], names: Sequence[str], pairs: Pairs = (), *, where: str = ""
) -> ClassOrder:
    """Find the classes of a task among those of a model.

    Names are the same whatever their case, and whether `-`, `_` or a space parts their words.
    Classes that `pairs` leave out are found by name.

    Args:
        task: its name, for messages.
        classes: its classes in their order.
        names: the model's classes, by output.
        pairs: what the user says; written the other way round in all pairs it is understood too.
        where: the model, for messages.

    Raises:
        CheckpointError: with both lists, if names do not match one to one.
        ConfigError: if `pairs` name what neither has, or leave an output without a class.
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
    """The output of each class, spelled alike or else plainly alike; None if some have none."""
    for spelled in (str, plain):
        places = {spelled(name): place for place, name in enumerate(names)}
        wanted = [spelled(name) for name in classes]
        if len(places) == len(names) and set(wanted) == set(places) and len(wanted) == len(names):
            return tuple((places[name],) for name in wanted)
    return None


def _turned(task: str, classes: Sequence[str], names: Sequence[str], pairs: Pairs) -> Pairs:
    """The pairs with the task's class first.

    Raises:
        ConfigError: naming what is neither a class of the task nor of the model.
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
            remedy="name every class of both; several of the model may stand for one of the task",
        )
    outputs = tuple(
        tuple(output for output in range(len(names)) if meaning[output] == place)
        for place in range(len(classes))
    )
    return ClassOrder(outputs, tuple(classes), tuple(names), "given")


def _places(names: Sequence[str], where: str) -> Mapping[str, int]:
    """Plain name -> place.

    Raises:
        ConfigError: if two names are plainly the same.
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
