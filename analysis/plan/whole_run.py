"""The plan of one run: its configuration, its inputs, and the graph of its cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...data.files.atomic import digest
from ...data.output.run_record import run_facts
from ..configuration.asked_probes import options_of
from ..configuration.config import RunConfig
from ..steps.progress import Progress
from ..storage.store import CellStore
from .graph import Graph
from .planning import plan
from .registry import VERSIONS
from .sources import Sources, read_sources

if TYPE_CHECKING:  # a stored plan is read without importing torch and transformers
    from .preparing import Prepared

SOURCES, THREADS = "sources", "threads"
"""Keys of the record of a run: its inputs, and the number of threads per cell."""


@dataclass(frozen=True)
class RunPlan:
    """Every cell of a run and its identity.

    Attributes:
        config: the options.
        folder: the run folder.
        sources: the inputs from outside the run.
        graph: the cells.
        ids: cell -> identity.
    """

    config: RunConfig
    folder: Path
    sources: Sources
    graph: Graph
    ids: Mapping[str, str]

    @property
    def store(self) -> CellStore:
        """The folder of the cells."""
        return CellStore(self.folder)

    def part(self, names: Iterable[str]) -> RunPlan:
        """The same run with these cells alone, and with all that they read."""
        needed, waiting = set[str](), list(names)
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting += self.graph[name].inputs.values()
        graph = Graph(cell for cell in self.graph if cell.name in needed)
        return replace(self, graph=graph, ids={name: self.ids[name] for name in needed})

    @property
    def seeds(self) -> list[str]:
        """The names of tasks and seeds, such as `acceptability-seed1`."""
        facts = self.sources.facts
        return [f"{facts[t].name}-seed{s}" for t in self.config.tasks for s in self.config.seeds]

    @property
    def configuration(self) -> str:
        """A digest of the options, see `configuration_of`."""
        return configuration_of(self.config)


def configuration_of(config: RunConfig) -> str:
    """A digest of the options of a run, without those that affect only how it is computed."""
    plain = config.plain()
    plain.pop("workers")
    for name in ("checkpoint_steps", "checkpoint_minutes"):
        plain["recipe"].pop(name)
    for name in ("cache", "cache_limit"):
        plain["probe"].pop(name)
    return digest(plain)


def recorded_plan(config: RunConfig, folder: Path) -> RunPlan | None:
    """The recorded plan of a run, if none of its inputs has changed since."""
    held = run_facts(folder).get(SOURCES)
    if not isinstance(held, dict) or held.get("configuration") != configuration_of(config):
        return None
    sources = Sources.parse(held)
    if sources is None or set(sources.facts) != set(config.tasks) or not sources.current():
        return None
    return planned(config, folder, sources)


def read_plan(config: RunConfig, folder: Path, progress: Progress) -> tuple[RunPlan, Prepared]:
    """The plan of a run; all of its inputs are read and checked.

    Raises:
        InputError: for what cannot be read, or does not fit together.
    """
    from .preparing import check_pairs, prepare

    options_of(config.probe)
    prepared = prepare(config, progress)
    check_pairs(prepared)
    return planned(config, folder, read_sources(prepared)), prepared


def planned(config: RunConfig, folder: Path, sources: Sources) -> RunPlan:
    """The plan of a run whose sources are known."""
    graph = plan(config, sources.facts)
    return RunPlan(config, folder, sources, graph, graph.ids(VERSIONS, sources.digests))
