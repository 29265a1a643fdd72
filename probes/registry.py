"""The probes by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..data.errors import UnknownNameError
from ..data.output.tables import rows_frame
from ..data.sentences.sentence import Example
from .attention.attention_change import AttentionChange
from .attention.attention_stats import AttentionStats
from .attention.head_distances import HeadDistances
from .attribution.attributions import run_attributions
from .context_mixing.contributions import Alti, ValueZeroing
from .context_mixing.effective_attention import EffectiveAttention
from .context_mixing.hidden_attribution import run_hidden_attribution
from .context_mixing.norms import Norms
from .context_mixing.rollout import Flow, Rollout
from .forward.base import Context, Probe, ProbeResult
from .forward.needs import (
    Layer,
    LeftOut,
    check_annotated,
    check_some_readable,
    sentences_of,
    split_readable,
)
from .forward.shared_pass import Progress, run_probes
from .patterns.attention_patterns import AttentionPatterns
from .representations.identifiability import run_token_identifiability
from .syntax.attention_trees import AttentionTrees
from .syntax.dependency_heads import DependencyHeads


@dataclass(frozen=True)
class ProbeEntry:
    """What a name stands for.

    Attributes:
        name: as the user writes it.
        help: one line.
        needs_task: whether it reads examples of the model's task rather than any sentences.
        needs: layers of annotation that an example needs to be read at all.
        uses: further layers, without which an example is in some of the rows alone.
        counts_arcs: whether its rows count arcs rather than examples.
        build: makes an accumulator for the shared pass; None for a probe with its own pass.
        run: the whole probe, for one with its own pass.
    """

    name: str
    help: str
    needs_task: bool
    needs: tuple[Layer, ...] = ()
    uses: tuple[Layer, ...] = ()
    counts_arcs: bool = False
    build: Callable[..., Probe] | None = None
    run: Callable[..., ProbeResult] | None = None


PROBES: Mapping[str, ProbeEntry] = {
    entry.name: entry
    for entry in (
        ProbeEntry(
            "attention-stats",
            "attention of each head to special, previous, next and self tokens, and its entropy",
            needs_task=False,
            build=AttentionStats,
        ),
        ProbeEntry(
            "head-distances",
            "Jensen-Shannon divergence between all heads, with a map and clusters of them",
            needs_task=False,
            build=HeadDistances,
        ),
        ProbeEntry(
            "attention-change",
            "likeness of each head's maps to those of a reference model, and attention to kinds of "
            "word in both",
            needs_task=False,
            needs=("deprels", "upos"),
            build=AttentionChange,
        ),
        ProbeEntry(
            "attention-patterns",
            "vertical, diagonal, block and other patterns of raw and norm-weighted maps",
            needs_task=False,
            build=AttentionPatterns,
        ),
        ProbeEntry(
            "dependency-heads",
            "which head finds which dependency relation, beside the best fixed offset",
            needs_task=False,
            needs=("heads",),
            uses=("deprels",),
            counts_arcs=True,
            build=DependencyHeads,
        ),
        ProbeEntry(
            "norms",
            "norms of attention-weighted vectors by kind of token, and mixing ratios",
            needs_task=False,
            build=Norms,
        ),
        ProbeEntry(
            "effective-attention",
            "attention without the part that its values cannot show, and how much that is",
            needs_task=False,
            build=EffectiveAttention,
        ),
        ProbeEntry(
            "token-identifiability",
            "share of tokens that can be found from each hidden state, by no map, linear, MLP",
            needs_task=False,
            run=run_token_identifiability,
        ),
        ProbeEntry(
            "hidden-token-attribution",
            "how much each input token moves each hidden state, from Jacobians",
            needs_task=False,
            run=run_hidden_attribution,
        ),
        ProbeEntry(
            "rollout",
            "where each layer's states come from, multiplying attention through the layers",
            needs_task=False,
            build=Rollout,
        ),
        ProbeEntry(
            "flow",
            "where the last layer's states come from, as the largest flow through attention",
            needs_task=False,
            build=Flow,
        ),
        ProbeEntry(
            "alti",
            "what each token contributes to each block, by its vector's nearness to the sum",
            needs_task=False,
            build=Alti,
        ),
        ProbeEntry(
            "value-zeroing",
            "what each token contributes to each block, by zeroing its values",
            needs_task=False,
            build=ValueZeroing,
        ),
        ProbeEntry(
            "attention-trees",
            "syntax trees decoded from each head and from means of heads, beside trees of no model",
            needs_task=False,
            needs=("heads",),
            uses=("upos",),
            counts_arcs=True,
            build=AttentionTrees,
        ),
        ProbeEntry(
            "attributions",
            "share of integrated gradients on subject, verb, object and negation",
            needs_task=True,
            needs=("deprels", "upos"),
            run=run_attributions,
        ),
    )
}


def list_probes() -> list[ProbeEntry]:
    """All probes, by name."""
    return [PROBES[name] for name in sorted(PROBES)]


def find_probe(name: str) -> ProbeEntry:
    """The probe of that name.

    Raises:
        UnknownNameError: listing the names that exist.
    """
    if name not in PROBES:
        raise UnknownNameError("probe", name, PROBES)
    return PROBES[name]


def run_named_probes(
    context: Context,
    examples: Sequence[Example],
    names: Sequence[str],
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> list[ProbeResult]:
    """Run several probes on one corpus: a shared pass, then those with a pass of their own.

    A probe reads the examples that have the layers of annotation it needs; the others are counted
    in its rows (`n_dropped`) and its notes. Probes that read the same examples share a pass.

    Args:
        context: the model with its mask.
        examples: the corpus.
        names: probes, each once.
        options: name -> keyword options of that probe.
        batch_size: examples a forward pass of the shared pass.
        progress: called with (examples done, N), from 0 again for each pass.

    Returns:
        results in the order of `names`.

    Raises:
        UnknownNameError: if a name is no probe.
        AnnotationError: if a probe can read no example, or gold and silver ones are mixed.
    """
    entries, options = [find_probe(name) for name in names], options or {}
    for entry in entries:
        check_some_readable(entry.name, examples, entry.needs)
    read = {entry.name: split_readable(examples, entry.needs) for entry in entries}
    for kept, _ in read.values():
        check_annotated((one for example in kept for one in sentences_of(example)), ())
    passes: dict[tuple[int, ...], list[ProbeEntry]] = {}
    for entry in entries:
        if entry.build is not None:
            same = tuple(id(example) for example in read[entry.name][0])
            passes.setdefault(same, []).append(entry)
    results: dict[str, ProbeResult] = {}
    for sharing in passes.values():
        probes = [one.build(context, **options.get(one.name, {})) for one in sharing if one.build]
        kept = read[sharing[0].name][0]
        streamed = run_probes(context, kept, probes, batch_size=batch_size, progress=progress)
        results |= {one.name: found for one, found in zip(sharing, streamed, strict=True)}
    for entry in entries:
        if entry.run is not None:
            own, kept = options.get(entry.name, {}), read[entry.name][0]
            results[entry.name] = entry.run(context, kept, progress=progress, **own)
    return [_counted(entry, results[entry.name], read[entry.name][1]) for entry in entries]


def _counted(entry: ProbeEntry, found: ProbeResult, left: LeftOut) -> ProbeResult:
    """A probe's result with the examples that it could not read among what its rows lost."""
    if not left.n_examples:
        return found
    lost = left.n_arcs if entry.counts_arcs else left.n_examples
    rows = found.rows.assign(n_dropped=found.rows["n_dropped"].fillna(0) + lost)
    counts = {f"{entry.name}_n_without_{layer}": n for layer, n in left.by_layer.items()}
    return replace(found, rows=rows_frame(rows), notes={**found.notes, **counts})
