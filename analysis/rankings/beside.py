"""Analyses that are computed together with a task probe on the same model and examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...data.errors import UnknownNameError
from ...data.sentences.sentence import Example
from ...probes.forward.base import Context, ProbeResult
from ...probes.registry import find_probe
from ..configuration.asked_probes import options_of
from ..configuration.config import ProbeOptions
from .compared import beside_importances

Say = Callable[[str], None] | None


def with_what_is_beside(
    result: ProbeResult,
    context: Context,
    examples: Sequence[Example],
    options: ProbeOptions,
    say: Say = None,
) -> ProbeResult:
    """Add the analysis that a probe's entry asks for to its result.

    Args:
        result: of a probe of the task.
        context: the model and its mask.
        examples: those that the probe was given.
        options: of all probes.
        say: receives messages about what was not computed, and why.

    Raises:
        UnknownNameError: if there is no analysis of that name.
    """
    name = find_probe(result.probe).beside
    if name not in BESIDE:
        raise UnknownNameError("computation beside a probe", name, filter(None, BESIDE))
    return BESIDE[name](result, context, examples, options, say)


def _importances(
    result: ProbeResult,
    context: Context,
    examples: Sequence[Example],
    options: ProbeOptions,
    say: Say,
) -> ProbeResult:
    typed = options_of(options)[result.probe]
    asked = typed.model_dump(include={"importances", "keep", "draws", "seed"})
    return beside_importances(result, context, examples, say=say, **asked)


BESIDE: Mapping[str, Callable[..., ProbeResult]] = {
    "": lambda result, *_: result,
    "importances": _importances,
}
"""Name in an entry -> what makes a result fuller."""
