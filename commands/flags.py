"""Names of options on the command line: earlier names, and the names in the library.

The library does not know flags: its messages name options in backticks, as in Python and TOML
(`data_dir`). Here they are replaced by the flags of the running command (--data-dir).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import typer.core

from ..data.errors import ConfigError, SubprobeError
from .stopped import begin

COMMAND_LINE = "command line"
"""The name of the source of options that come from no file."""

RENAMED: Mapping[str, Mapping[str, str]] = {
    "finetune": {"--model": "the first argument: subprobe finetune MODEL"},
    "data": {"--model": "the first argument: subprobe data MODEL"},
    "view": {"--model": "the first argument: subprobe view MODEL SENTENCE"},
    "probe": {
        "--sentences": "--limit",
        "--examples": "--limit",
        "--patterns": "--option attention-patterns.weights=FILE",
        "--selection": "--head-selection",
    },
    "latency": {"--batch": "--batch-size"},
    "stability": {"--draws": "--permutations"},
    "survival": {"--draws": "--permutations"},
    "patterns export": {"--sentences": "--limit"},
    "patterns check": {"--sentences": "--limit"},
}
"""Command -> earlier name -> present name; earlier names are refused."""

_LIBRARY = {
    "batches": "batch_size",
    "columns": "column",
    "draws": "permutations",
    "lengths": "length",
    "names": "probe",
    "probe.attribution_examples": "limit",
    "probe.names": "probe",
    "probe.options": "option",
    "probe.selection": "head_selection",
    "probe.sentences": "limit",
    "prune.methods": "method",
    "recipe.evaluate_every": "evaluate_every",
    "recipe.head": "keep_head",
    "recipe.max_length": "max_length",
    "recipe.memory_gb": "memory_gb",
    "recipe.micro_batch": "micro_batch",
    "recipe.patience": "patience",
    "seeds": "seed",
    "tasks": "task",
    "text": "sentence",
}
"""Name of an option in the library, if it differs from the name of the parameter."""

_NAME = re.compile(r"`([a-z][a-z_.]*)`")
_CHECKED = re.compile(r"\boption '([a-z][a-z_.]*)'")
_FLAGS: ContextVar[Mapping[str, str]] = ContextVar("flags", default=MappingProxyType({}))
_GIVEN: ContextVar[frozenset[str]] = ContextVar("given", default=frozenset())


class Command(typer.core.TyperCommand):
    """A command whose errors explain renamed options and name its own flags."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments of the command line.

        Raises:
            ConfigError: for invalid arguments, or a name that the command had in earlier versions.
        """
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if not hasattr(error, "format_message"):
                raise
            old = getattr(error, "option_name", "")
            if new := RENAMED.get(" ".join(_path(ctx)), {}).get(old):
                raise ConfigError(f"{old} is now {new}") from None
            problem = " ".join(error.format_message().split()).rstrip(".")
            raise ConfigError(problem, remedy=_see(ctx)) from None

    def invoke(self, ctx: Any) -> Any:
        """Call the command; messages of the library name options by their flags."""
        token = _FLAGS.set(_flags_of(self.params))
        given = _GIVEN.set(_given(self.params, ctx))
        begin(_path(ctx), ctx.params)
        try:
            return super().invoke(ctx)
        except SubprobeError as error:
            if error.where == COMMAND_LINE:
                self._reword_checked(error, ctx)
            else:
                error.remedy = error.remedy and _reachable(error.remedy)
                error.reword(as_flags)
            raise
        finally:
            _FLAGS.reset(token)
            _GIVEN.reset(given)

    def _reword_checked(self, error: SubprobeError, ctx: Any) -> None:
        """Name the flag in an error of the check of all options."""
        error.reword(_checked)
        if error.problem.startswith("--"):
            error.where, error.remedy = None, _see(ctx)
            error.reword(str)


def _reachable(remedy: str) -> str:
    """The remedy without alternatives that need `other_weights`, if the command lacks it."""
    ways = remedy.split(", or ")
    there = [way for way in ways if "`other_weights`" not in way or "other_weights" in _FLAGS.get()]
    return ", or ".join(there or ways)


def as_flags(text: str) -> str:
    """Replace the options in a message of the library by flags of the running command.

    Names without a flag, such as those only in the configuration file, are kept.
    """
    return wording()(text)


def wording() -> Callable[[str], str]:
    """`as_flags` of the running command, for later calls."""
    flags = _FLAGS.get()

    def flag(found: re.Match[str]) -> str:
        return flags.get(_LIBRARY.get(found[1], found[1]), found[0])

    return lambda text: _NAME.sub(flag, text)


def refuse(names: Iterable[str], beside: str) -> None:
    """Refuse options that do not apply to the chosen use of a command.

    Args:
        names: the parameters.
        beside: the option that they cannot be combined with.

    Raises:
        ConfigError: naming the first of them.
    """
    for name in names:
        if name in _GIVEN.get():
            raise ConfigError(
                f"cannot be combined with {beside}", where=f"`{name}`", remedy="leave it out"
            )


def _given(parameters: Iterable[Any], ctx: Any) -> frozenset[str]:
    """The parameters that were set on the command line."""
    sources = {one.name: ctx.get_parameter_source(one.name) for one in parameters}
    return frozenset(name for name, at in sources.items() if at and at.name == "COMMANDLINE")


def _checked(text: str) -> str:
    """The same for errors of the option check: `option 'prune.keep'` is --keep of the command."""
    flags = _FLAGS.get()

    def flag(found: re.Match[str]) -> str:
        name = _LIBRARY.get(found[1], found[1].rpartition(".")[2])
        return flags.get(name, found[0])

    return _CHECKED.sub(flag, as_flags(text))


def _path(ctx: Any) -> tuple[str, ...]:
    """The arguments of a command after the program's name."""
    return () if ctx.parent is None else (*_path(ctx.parent), ctx.info_name)


def _see(ctx: Any) -> str:
    return f"see: {' '.join(('subprobe', *_path(ctx)))} -h"


def _flags_of(parameters: Iterable[Any]) -> dict[str, str]:
    """Parameter -> its long flag, or the name of an argument in capitals."""
    written = {}
    for one in parameters:
        flag = max(one.opts, key=len)
        written[one.name] = flag if flag.startswith("--") else one.name.upper()
    return written
