"""Run probes by name; those that read the same texts share a forward pass."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..data.errors import ConfigError
from ..data.output.tables import rows_frame
from ..data.sentences.sentence import Example
from ..models.encoder.out_of_memory import SMALLER, once_halved
from .entry import ProbeEntry
from .forward.base import Context, Probe, ProbeResult
from .forward.needs import (
    LeftOut,
    check_annotated,
    check_some_readable,
    sentences_of,
    split_readable,
)
from .forward.shared_pass import Progress, run_probes
from .learning.learning import Learning
from .registry import find_probe

SIZES = ("batch_size", "internal_batch_size")
"""Options that control the memory use of a probe that runs its own pass."""


def run_named_probes(
    context: Context,
    examples: Sequence[Example],
    names: Sequence[str],
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    learning: Learning | None = None,
    batch_size: int = 32,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> list[ProbeResult]:
    """Run several probes on one corpus: first the shared pass, then the probes that run their own.

    A probe reads the examples that have the annotation it needs; the others are counted in its rows
    (`n_dropped`) and its notes. Probes that read the same examples share a pass. A probe that reads
    a suite uses its own texts and none of the examples.

    Args:
        context: the model with its mask.
        examples: the corpus.
        names: names of probes, without duplicates.
        options: name -> keyword options of that probe.
        learning: training data of the probes that have a training part. `learning.whole` belongs to
            the single probe that is run.
        batch_size: examples per forward pass. It is halved once if memory runs out, for the shared
            pass and for each probe that runs its own.
        progress: called with (examples done, N), from 0 again for each pass.
        say: called with a message when batches become smaller.

    Returns:
        results in the order of `names`; the note `PROBE_batch_size` gives the number of examples
        that were in memory at once.

    Raises:
        UnknownNameError: if there is no probe of that name.
        AnnotationError: if a probe can read no example, or gold and silver annotation are mixed.
        ConfigError: if an object from another package is not a probe, or a probe has no training
            data.
        InputError: if a probe can read none of its training examples.
        MemoryLimitError: if memory also runs out with smaller batches.
    """
    entries, options = [find_probe(name) for name in names], options or {}
    read: dict[str, tuple[list[Example], LeftOut]] = {}
    for entry in entries:
        mine = () if entry.reads == "suite" else examples
        check_some_readable(entry.name, mine, entry.needs)
        read[entry.name] = split_readable(mine, entry.needs)
    for kept, _ in read.values():
        check_annotated((one for example in kept for one in sentences_of(example)), ())
    code = {entry.name: entry.load() for entry in entries}
    passes: dict[tuple[int, ...], list[str]] = {}
    for name, one in code.items():
        if _is_fed(one):
            passes.setdefault(tuple(id(example) for example in read[name][0]), []).append(name)
    results: dict[str, ProbeResult] = {}
    for sharing in passes.values():
        kept = read[sharing[0]][0]

        def passed(size: int, names: Sequence[str] = sharing, kept: Any = kept) -> list[Any]:
            # accumulators that have seen a part of the texts are of no use
            probes = [code[name](context, **options.get(name, {})) for name in names]
            return run_probes(context, kept, probes, batch_size=size, progress=progress)

        streamed, size = once_halved(
            passed,
            min(batch_size, len(kept)),
            what=f"probing ({', '.join(sharing)})",
            remedy=SMALLER,
            say=say,
        )
        results |= {
            name: _sized(found, name, size) for name, found in zip(sharing, streamed, strict=True)
        }
    for name, one in code.items():
        if not _is_fed(one):
            given = {**options.get(name, {}), **_learnt_from(find_probe(name), learning)}
            results[name] = _own_pass(name, one, context, read[name][0], given, progress, say)
    for entry in entries:
        _check_result(entry, results[entry.name])
    return [_counted(entry, results[entry.name], read[entry.name][1]) for entry in entries]


def _learnt_from(entry: ProbeEntry, learning: Learning | None) -> dict[str, Learning]:
    """The keyword argument `learning` of a probe that trains.

    Raises:
        ConfigError: if there is no training data.
        InputError: if the probe can read none of it.
    """
    if "training-part" not in entry.further:
        return {}
    if learning is None:
        raise ConfigError(
            "needs training texts",
            where=entry.name,
            remedy="name a training treebank",
        )
    return {"learning": learning.readable(entry.name, entry.needs)}


def _own_pass(
    name: str,
    code: Any,
    context: Context,
    examples: Sequence[Example],
    options: Mapping[str, Any],
    progress: Progress | None,
    say: Callable[[str], None] | None,
) -> Any:
    """The result of a probe that runs its own pass, in smaller batches if memory runs out."""
    parameters = inspect.signature(code).parameters
    own = {one: parameters[one].default for one in SIZES if one in parameters}
    sizes = {one: options.get(one, default) for one, default in own.items()}
    sizes = {one: size for one, size in sizes.items() if isinstance(size, int) and size > 0}
    largest = max(sizes.values(), default=1)

    def passed(size: int) -> Any:
        fitting = {one: max(1, given * size // largest) for one, given in sizes.items()}
        return code(context, examples, progress=progress, **{**options, **fitting})

    found, size = once_halved(passed, largest, what=f"probing ({name})", remedy=SMALLER, say=say)
    return _sized(found, name, size) if sizes else found


def _sized(found: Any, name: str, size: int) -> Any:
    """The result with a note of the number of examples that were in memory at once."""
    if not isinstance(found, ProbeResult):
        return found
    return replace(found, notes={**found.notes, f"{name}_batch_size": size})


def _is_fed(code: Any) -> bool:
    """Whether a probe is an accumulator that runs in the shared pass."""
    return isinstance(code, type) and issubclass(code, Probe)


def _check_result(entry: ProbeEntry, found: ProbeResult) -> None:
    """Raise unless a probe's rows have its name.

    Raises:
        ConfigError: naming the probe.
    """
    if not isinstance(found, ProbeResult) or found.probe != entry.name:
        said = f"the name {found.probe!r}" if isinstance(found, ProbeResult) else "no ProbeResult"
        raise ConfigError(
            f"its result has {said}",
            where=entry.name,
            remedy="the probe's result must carry the probe's own name",
        )


def _counted(entry: ProbeEntry, found: ProbeResult, left: LeftOut) -> ProbeResult:
    """A probe's result whose rows count the examples that could not be read as dropped."""
    if not left.n_examples:
        return found
    lost = left.n_arcs if entry.counts_arcs else left.n_examples
    rows = found.rows.assign(n_dropped=found.rows["n_dropped"].fillna(0) + lost)
    counts = {f"{entry.name}_n_without_{layer}": n for layer, n in left.by_layer.items()}
    return replace(found, rows=rows_frame(rows), notes={**found.notes, **counts})
