"""The disk space that the rest of a run will take, estimated from the finished cells."""

from __future__ import annotations

from collections import defaultdict

from ...models.folder.sources import resolve_model
from ..configuration.asked_probes import learning
from ..cost.learning_size import learning_size
from ..cost.shape import shape_of
from ..plan.registry import STEPS
from ..plan.whole_run import RunPlan
from ..running.execute import assess

_SMALL = 2**16


def room_needed(plan: RunPlan) -> int:
    """Estimate of the bytes that the missing cells of a run will take.

    Each cell is assumed to be as large as the largest finished cell of its step; a model without
    such a cell, as large as the encoder.
    """
    state = assess(plan.graph, plan.ids, plan.store)
    sizes: dict[str, int] = defaultdict(int)
    for name, proof in state.proofs.items():
        step = plan.graph[name].step
        sizes[step] = max(sizes[step], sum(mark.size for mark in proof.files))
    models = [sizes[step] for step in STEPS if STEPS[step].trains]
    encoder = max(mark[0] for mark in plan.sources.files.values()) if plan.sources.files else 0
    found = 0
    for name in state.todo:
        step = plan.graph[name].step
        usual = max(*models, encoder) if STEPS[step].trains else _SMALL
        found += sizes[step] or usual
    return found + _hidden_states(plan)


def _hidden_states(plan: RunPlan) -> int:
    """Bytes of the hidden states of all probed models, or their limit if that is smaller."""
    probe = plan.config.probe
    if not learning(probe):
        return 0
    shape = shape_of(resolve_model(plan.config.model))
    models = len({name.partition("/probe/")[0] for name in plan.graph.cells if "/probe/" in name})
    one = learning_size(plan.config).states(shape.layers, shape.width)
    return round(min(models * one, probe.cache_limit * 2**30))
