"""What can be named on the command line."""

from __future__ import annotations

from typing import Any

from ..data.errors import UnknownNameError
from ..data.sentences.relations import RELATIONS
from ..data.tasks.by_name import list_tasks
from ..models.encoder.families import FAMILIES
from ..models.folder.sources import EMBEDDED


def _tasks() -> list[dict[str, Any]]:
    return [
        {
            "task": spec.name,
            "metrics": ", ".join(spec.metrics),
            "input": "pair" if spec.pair else "sentence",
            "labels": ", ".join(spec.labels) or "a number",
            "source": "/".join(spec.hub) if spec.hub else "embedded",
        }
        for spec in list_tasks()
    ]


def _probes() -> list[dict[str, Any]]:
    from ..probes.registry import list_probes  # a list of tasks needs neither these nor torch

    return [{"probe": entry.name, "what": entry.help} for entry in list_probes()]


def _models() -> list[dict[str, Any]]:
    facts = {
        name: {
            "family": name,
            "attention": "sdpa" if family.sdpa else "eager only",
            "weights": "shared by layers" if family.inner_layers else "of each layer",
        }
        for name, family in sorted(FAMILIES.items())
    }
    others = [{"model": "./folder or hub id", **fact} for fact in facts.values()]
    return [{"model": EMBEDDED, **facts["bert"]}, *others]


def _importance() -> list[dict[str, Any]]:
    from ..pruning.importance.scoring import METHODS

    return [
        {"importance": name, "what": str(method.__doc__).splitlines()[0].rstrip(".")}
        for name, method in METHODS.items()
    ]


def _relations() -> list[dict[str, Any]]:
    return [
        {
            "clearnlp": one.clearnlp,
            "ud": " or ".join(one.ud),
            "same arc": "yes" if one.same_arc else "no",
            "note": one.note,
        }
        for one in RELATIONS
    ]


def catalogue(what: str) -> list[dict[str, Any]]:
    """Records that describe every task, probe, model family, importance or relation name.

    Raises:
        UnknownNameError: if `what` is none of the five.
    """
    lists = {
        "tasks": _tasks,
        "probes": _probes,
        "models": _models,
        "importance": _importance,
        "relations": _relations,
    }
    if what not in lists:
        raise UnknownNameError("list", what, lists)
    return lists[what]()
