"""Plugins of other packages: found through their entry points and loaded on demand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from .errors import SubprobeError, UnknownNameError, one_line

Kind = TypeVar("Kind")

_LOG = logging.getLogger("subprobe")


class Plugins(Generic[Kind]):
    """The plugins that installed packages declare in one group of entry points.

    A plugin is left out if it cannot be loaded, has another type or has the name of a built-in. A
    one-line warning names its distribution.

    Args:
        group: name of the group of entry points, such as `subprobe.probes`.
        kind: what a plugin is called in messages, such as `probe`.
        type: type of the object that an entry point loads; its `name` must be that of the entry
            point.
        taken: names of the built-ins.
        problem: returns what is wrong with a loaded plugin; empty if nothing is.
    """

    def __init__(
        self,
        group: str,
        kind: str,
        type: type[Kind],
        taken: Collection[str],
        problem: Callable[[Kind], str] = lambda _: "",
    ):
        self._group, self._kind, self._type, self._problem = group, kind, type, problem
        self._taken = taken
        self._points: dict[str, EntryPoint] | None = None
        self._loaded: dict[str, Kind | None] = {}

    def names(self) -> list[str]:
        """All declared names, loaded or not, without those of built-ins."""
        if self._points is None:
            self._points = {}
            for point in sorted(entry_points(group=self._group), key=_distribution):
                if point.name in self._taken:
                    self._leave_out(point, f"subprobe already has a {self._kind} of that name")
                elif point.name in self._points:
                    first = _distribution(self._points[point.name])
                    self._leave_out(point, f"{first} already has a {self._kind} of that name")
                else:
                    self._points[point.name] = point
        return sorted(self._points)

    def get(self, name: str) -> Kind | None:
        """The plugin with this name; None if there is none or it cannot be used."""
        if name not in self.names():
            return None
        if name not in self._loaded:
            assert self._points is not None  # `names` has read them
            self._loaded[name] = self._load(self._points[name])
        return self._loaded[name]

    def all(self) -> Mapping[str, Kind]:
        """All usable plugins, by name."""
        found = ((name, self.get(name)) for name in self.names())
        return {name: one for name, one in found if one is not None}

    def known(self) -> Iterator[str]:
        """Names of the built-ins and of all usable plugins."""
        yield from self._taken
        yield from self.all()

    def distribution(self, name: str) -> str:
        """The distribution that declares a name, with its version."""
        self.names()
        point = (self._points or {}).get(name)
        return _distribution(point) if point else ""

    def unknown(self, name: str, more: str = "") -> UnknownNameError:
        """The error for a name that is neither a built-in nor a plugin."""
        return UnknownNameError(self._kind, name, self.known(), more)

    def forget(self) -> None:
        """Forget all loaded plugins and search the entry points again."""
        self._points, self._loaded = None, {}

    def _load(self, point: EntryPoint) -> Kind | None:
        try:
            found = point.load()
            if not isinstance(found, self._type):
                raise TypeError(f"{point.value} is not a {self._type.__name__}")
            if getattr(found, "name", point.name) != point.name:
                raise ValueError(f"{point.value} has the name {found.name!r}")  # type: ignore[attr-defined]
            if problem := self._problem(found):
                raise ValueError(problem)
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # whatever foreign code raises, even SystemExit
            kind = "" if isinstance(error, SubprobeError) else f"{type(error).__name__}: "
            self._leave_out(point, f"{kind}{error}")
            return None
        return found

    def _leave_out(self, point: EntryPoint, why: str) -> None:
        what = f"the {self._kind} {point.name!r} of {_distribution(point)}"
        _LOG.warning("%s", one_line(f"warning: {what} is left out: {why}"))


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed distribution"
