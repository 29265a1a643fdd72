"""The names that can be used on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..data.errors import UnknownNameError
from ..data.sentences.relations import RELATIONS
from ..data.tasks.by_name import list_tasks, source_of
from ..data.tasks.task import TaskSpec
from ..models.encoder.families import FAMILIES
from ..models.folder.sources import EMBEDDED
from ..probes.forward.needs import NAMES
from ..probes.options import option_records
from ..probes.registry import PROBES, list_probes
from ..pruning.importance.methods import list_importances


def _tasks() -> list[dict[str, Any]]:
    return [
        {
            "task": spec.name,
            "metrics": ", ".join(spec.metrics),
            "input": "question" if spec.choices else "pair" if spec.pair else "sentence",
            "labels": _labels(spec),
            "source": source_of(spec),
        }
        for spec in list_tasks()
    ]


def _labels(spec: TaskSpec) -> str:
    """What the models of a task predict."""
    if spec.choices:
        return f"one of {spec.choices} options"
    return ", ".join(spec.labels) or ("masked pieces" if spec.masked else "a number")


def _probes() -> list[dict[str, Any]]:
    from ..probes.registry import list_probes  # a list of tasks needs neither these nor torch

    return [{"probe": entry.name, "what": entry.help} for entry in list_probes()]


def probe_options() -> list[dict[str, Any]]:
    """Records that describe every option of every probe."""
    return [dict(record) for entry in list_probes() for record in option_records(entry)]


def probes_page() -> str:
    """The tables of docs/probes.md: what each probe reads and needs, its numbers, its options."""
    parts = []
    for _, entry in sorted(PROBES.items()):
        needs = ", ".join([*(NAMES[layer] for layer in entry.needs), *entry.further]) or "nothing"
        lines = [f"## {entry.name}", "", f"{entry.help[0].upper()}{entry.help[1:]}.", ""]
        lines += [f"Reads: {entry.reads}. Needs: {needs}.", ""]
        lines += _table(
            ("number", "of", "what it is"),
            ((f"`{row.metric}`", ", ".join(row.units), row.meaning) for row in entry.rows),
        )
        options = list(option_records(entry))
        if options:
            lines += _table(
                ("option", "values", "default", "what it does"),
                (
                    (f"`{o['option']}`", o["values"], f"`{o['default']}`", o["what"])
                    for o in options
                ),
            )
        parts.append("\n".join(lines))
    return "\n".join(parts)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown, followed by an empty line."""
    rows = [
        head,
        ["---"] * len(head),
        *([cell.replace("|", "\\|") for cell in line] for line in lines),
    ]
    return [*(f"| {' | '.join(row)} |" for row in rows), ""]


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
    return [{"importance": entry.name, "what": entry.help} for entry in list_importances()]


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
