"""Attention followed through all layers: rollout and flow (Abnar & Zuidema 2020).

A layer's map is the mean over kept heads, half of it the identity for the residual connection.
Rollout multiplies the maps of the layers; flow is the largest flow from a token of the last layer
to each input when the maps' entries are capacities.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ..forward.base import BatchView, Context, Probe, ProbeResult
from ..forward.map_statistics import MASS, MapMass
from ..forward.text_ratios import TextSums, sums_result

_UNITS = 5 * 10**8
"""Capacities are whole multiples of 1 / this; no token sends more than 1, so twice this fits."""


def mean_map(attention: torch.Tensor, alive: npt.NDArray[np.bool_]) -> torch.Tensor:
    """Half the mean over kept heads and half the identity [B, S, S], from [B, H, S, S].

    For a layer without a kept head it is the identity.
    """
    S = attention.shape[-1]
    identity = torch.eye(S, dtype=attention.dtype, device=attention.device)
    if not alive.any():
        return identity.expand(len(attention), S, S)
    living = torch.tensor(alive, device=attention.device)
    return 0.5 * attention[:, living].mean(1) + 0.5 * identity


class MapsThroughLayers:
    """What probes that multiply one map per layer share: statistics of the map and of its rollout.

    Args:
        name: the probe's name.
        context: the model that will be read.
    """

    def __init__(self, name: str, context: Context):
        self._name = name
        self._alive = context.alive
        metrics = (*(f"map_{one}" for one in MASS), *(f"rollout_{one}" for one in MASS))
        dead = np.logical_not(self._alive.any(axis=1))
        self._sums = TextSums(
            "layer", metrics, dead, dict.fromkeys(metrics, "uniform"), drop_dead=False
        )

    def begin(self, batch: BatchView) -> None:
        """Start from the identity."""
        self._mass = MapMass(batch)
        self._rolled: torch.Tensor | None = None
        self._sums.begin(batch, dict.fromkeys(self._sums.metrics, self._mass.counts))

    def put(self, layer: int, maps: torch.Tensor) -> None:
        """Multiply by one layer's maps [B, S, S] and add up their statistics.

        A layer of pruned heads has no map of its own, and its rollout is that of the layer below.
        """
        rolled = maps if self._rolled is None else maps @ self._rolled
        if not self._alive[layer].any() and self._rolled is not None:
            rolled = self._rolled
        self._rolled = rolled
        found = {f"rollout_{name}": one for name, one in self._mass.sums(rolled).items()}
        own = self._mass.sums(maps)
        if not self._alive[layer].any():
            own = {name: torch.full_like(one, torch.nan) for name, one in own.items()}
        found |= {f"map_{name}": one for name, one in own.items()}
        uniform = {
            f"{kind}_{name}": one
            for kind in ("map", "rollout")
            for name, one in self._mass.uniform.items()
        }
        self._sums.put(layer, found, uniform)

    def end(self) -> None:
        """Drop the batch; only its sums are kept."""
        del self._mass, self._rolled

    def result(self, variant: str) -> ProbeResult:
        """A row for each layer and metric; an item for each text, layer and metric."""
        return sums_result(self._name, variant, [self._sums], {})


class Rollout(Probe):
    """Attention rollout: the origin of each layer's states if only attention mixed tokens.

    Rows of maps and rollouts sum to one. A layer without a kept head is flagged `dead`: it has no
    map of its own, and rollout passes it unchanged.

    Args:
        context: the model that will be read.
    """

    name = "rollout"
    needs_attention = True

    def __init__(self, context: Context):
        self._alive = context.alive
        self._maps = MapsThroughLayers(self.name, context)

    def begin(self, batch: BatchView) -> None:
        """Start from the identity."""
        self._maps.begin(batch)

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Multiply by one layer."""
        self._maps.put(layer, mean_map(attention, self._alive[layer]))

    def end(self) -> None:
        """Drop the batch; only its sums are kept."""
        self._maps.end()

    def result(self) -> ProbeResult:
        """A row for each layer and metric; an item for each text, layer and metric."""
        return self._maps.result("residual=half;heads=mean")


class Flow(Probe):
    """Attention flow from the last layer to the inputs, rows normalised to sum to 1.

    One largest-flow problem a token of the last layer and input: n^2 for each text, or n where only
    the first token is asked for, solved text by text while the layers of one batch are held.

    Args:
        context: the model that will be read.
        first_only: read the flow of the first token alone, as the authors do.
    """

    name = "flow"
    needs_attention = True

    def __init__(self, context: Context, *, first_only: bool = False):
        self._alive, self._first_only = context.alive, first_only
        dead = np.logical_not(self._alive.any(axis=1))[-1:]
        metrics = tuple(f"flow_{name}" for name in MASS)
        if first_only:
            metrics = metrics[: MASS.index("to_previous")]
        self._sums = TextSums(
            "layer", metrics, dead, drop_dead=False, first_layer=len(self._alive) - 1
        )

    def begin(self, batch: BatchView) -> None:
        """A new batch."""
        self._batch, self._mass = batch, MapMass(batch)
        self._held: list[torch.Tensor] = []
        counts = torch.ones_like(self._mass.counts) if self._first_only else self._mass.counts
        self._sums.begin(batch, dict.fromkeys(self._sums.metrics, counts))

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Hold the mean over heads [B, S, S] until the batch ends."""
        self._held.append(mean_map(attention, self._alive[layer]))

    def end(self) -> None:
        """Solve the flows of each text."""
        maps = torch.stack(self._held, dim=1)  # [B, L, S, S]
        flows = torch.zeros_like(maps[:, 0])
        for row, n in enumerate(self._batch.real.sum(1).tolist()):
            tokens = [0] if self._first_only else list(range(n))
            grid = maps[row, :, :n, :n].double().cpu().numpy()
            found = attention_flow(grid, tokens)
            flows[row, : len(tokens), :n] = torch.tensor(found).to(flows)
        sums = self._mass.sums(flows)
        found_sums = {f"flow_{name}": one for name, one in sums.items()}
        self._sums.put(0, {name: found_sums[name] for name in self._sums.metrics})
        del self._batch, self._mass, self._held

    def result(self) -> ProbeResult:
        """A row for the last layer and each metric; an item for each text and metric."""
        variant = f"residual=half;heads=mean;tokens={'first' if self._first_only else 'all'}"
        return sums_result(self.name, variant, [self._sums], {})


def attention_flow(maps: npt.NDArray[np.float64], tokens: list[int]) -> npt.NDArray[np.float64]:
    """Largest flows from tokens of the last layer to each input [T, n], rows normalised to sum to
    1.

    Args:
        maps: of one text without padding, from the first layer to the last [L, n, n].
        tokens: T places in the last layer.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    L, n, _ = maps.shape
    nodes = np.arange((L + 1) * n).reshape(L + 1, n)
    upper = np.broadcast_to(nodes[1:, :, None], maps.shape)
    lower = np.broadcast_to(nodes[:-1, None, :], maps.shape)
    capacity = np.rint(maps * _UNITS).astype(np.int32)
    edges = (capacity.ravel(), (upper.ravel(), lower.ravel()))
    graph = csr_array(edges, shape=((L + 1) * n, (L + 1) * n))
    flows = np.array(
        [
            [maximum_flow(graph, int(nodes[L, token]), int(sink)).flow_value for sink in nodes[0]]
            for token in tokens
        ],
        dtype=np.float64,
    )
    return np.asarray(flows / flows.sum(axis=1, keepdims=True))
