"""The probes by name: those of subprobe and those that other packages add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..data.plugins import Plugins
from .attack.entries import ENTRIES as ATTACK
from .attention.entries import ENTRIES as ATTENTION
from .attention_diagnostics.entries import ENTRIES as ATTENTION_DIAGNOSTICS
from .attention_explanation.entries import ENTRIES as ATTENTION_EXPLANATION
from .attention_probe.entries import ENTRIES as ATTENTION_PROBE
from .attribution.entries import ENTRIES as ATTRIBUTION
from .behaviour.entries import ENTRIES as BEHAVIOUR
from .behaviour.word_entries import ENTRIES as WORDS
from .challenge.entries import ENTRIES as CHALLENGE
from .choices.entries import ENTRIES as CHOICES
from .context_mixing.entries import ENTRIES as CONTEXT_MIXING
from .description_length.entries import ENTRIES as DESCRIPTION_LENGTH
from .diagnostics.entries import ENTRIES as DIAGNOSTICS
from .edges.entries import ENTRIES as EDGES
from .entry import ProbeEntry
from .erasure.entries import ENTRIES as ERASURE
from .faithfulness.entries import ENTRIES as FAITHFULNESS
from .from_scores import FROM_SCORES
from .head_ablation.entries import ENTRIES as HEAD_ABLATION
from .head_attributions.entries import ENTRIES as HEAD_ATTRIBUTIONS
from .holmes.entries import ENTRIES as HOLMES
from .patterns.entries import ENTRIES as PATTERNS
from .representations.entries import ENTRIES as REPRESENTATIONS
from .structural.entries import ENTRIES as STRUCTURAL
from .syntax.entries import ENTRIES as SYNTAX
from .tokens.entries import ENTRIES as TOKENS
from .transfer.entries import ENTRIES as TRANSFER

_ROOMS = (
    ATTENTION, PATTERNS, SYNTAX, CONTEXT_MIXING, REPRESENTATIONS, ATTRIBUTION, HEAD_ATTRIBUTIONS,
    STRUCTURAL, TOKENS, EDGES, DESCRIPTION_LENGTH, ERASURE, ATTENTION_PROBE,
    HEAD_ABLATION, HOLMES, FAITHFULNESS, ATTENTION_EXPLANATION, ATTENTION_DIAGNOSTICS,
    BEHAVIOUR, WORDS, TRANSFER, DIAGNOSTICS, CHOICES, CHALLENGE, ATTACK,
)  # fmt: skip

PROBES: Mapping[str, ProbeEntry] = {entry.name: entry for room in _ROOMS for entry in room}
"""Those of subprobe, by name."""

OTHER_ROWS = (
    "performance", "mask", "survivors", "pattern-survivors", "latency", "pattern-check", "labels",
    "calibration", "partial-input", "groups", *(entry.name for entry in FROM_SCORES),
)  # fmt: skip
"""Values of the column `probe` for rows that no probe wrote."""


def _problem(entry: ProbeEntry) -> str:
    """Why a probe of another package cannot be used; empty if it can."""
    if entry.name in OTHER_ROWS:
        return "the name is reserved for rows that subprobe writes"
    if entry.reads == "suite" and isinstance(entry.code, type):
        return "a probe of a suite must be a function: the shared pass has no texts for it"
    return ""


PLUGINS = Plugins("subprobe.probes", "probe", ProbeEntry, PROBES, _problem)
"""Those of other packages."""


def list_probes() -> list[ProbeEntry]:
    """All probes, by name."""
    every = {**PROBES, **PLUGINS.all()}
    return [every[name] for name in sorted(every)]


def entries_of(names: Iterable[str]) -> list[ProbeEntry]:
    """The entries of the named probes that are known: those of subprobe first, in their order.

    Names of rows that are derived from scores (`FROM_SCORES`) are known, too.
    """
    wanted = set(names)
    own = [entry for name, entry in PROBES.items() if name in wanted]
    own += [entry for entry in FROM_SCORES if entry.name in wanted]
    others = (PLUGINS.get(name) for name in sorted(wanted.difference(PROBES)))
    return own + [entry for entry in others if entry is not None]


def declaring(names: Iterable[str], **declared: str) -> list[ProbeEntry]:
    """Those of the named probes whose entries say this, such as `survivors="patterns"`."""
    return [
        entry
        for entry in entries_of(names)
        if all(getattr(entry, field) == value for field, value in declared.items())
    ]


def find_probe(name: str) -> ProbeEntry:
    """The probe of that name.

    Raises:
        UnknownNameError: listing the names that exist.
    """
    entry = PROBES.get(name) or PLUGINS.get(name)
    if entry is None:
        raise PLUGINS.unknown(name)
    return entry
