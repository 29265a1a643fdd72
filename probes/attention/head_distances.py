"""Jensen-Shannon divergence between the attention of all pairs of heads.

Clark et al. 2019 ("What Does BERT Look At?"), section 6: the sum over tokens of JS(row of head a,
row of head b). Here the mean over tokens by default, so that the value does not grow with the
corpus; `smoothing=clark` gives the sum over smoothed rows that their code computes.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.errors import ConfigError
from ...data.output.tables import items_frame, rows_frame
from ..forward.base import BatchView, Context, Probe, ProbeResult

_BLOCK = 2**21  # numbers of the largest intermediate


class HeadDistances(Probe):
    """Jensen-Shannon divergence in nats between the rows of every two kept heads.

    All real tokens are query rows. The maps of one batch are held until its last layer; what is
    kept is one number per pair. There are (L H)^2 / 2 pairs: the probe costs about as much as the
    forward pass, and has no items, as one for each text and pair would be larger than the maps.

    Args:
        context: the model that will be read.
        smoothing: `none`: mean over all rows of the corpus. `clark`: rows are .999 a + .001 / n
            first, and their divergences are summed over the corpus, as published.

    Raises:
        ConfigError: if `smoothing` is neither.
    """

    name = "head-distances"
    needs_attention = True

    def __init__(self, context: Context, *, smoothing: Literal["none", "clark"] = "none"):
        if smoothing not in ("none", "clark"):
            raise ConfigError(f"smoothing is {smoothing!r}", remedy="choose none or clark")
        self._context, self._clark = context, smoothing == "clark"
        self._heads = np.flatnonzero(context.alive.ravel())
        self._sums: list[tuple[int, npt.NDArray[np.float64]]] = []
        self._n_rows = 0

    def begin(self, batch: BatchView) -> None:
        """Remember which cells are real."""
        self._position, self._real = batch.position, batch.real
        self._maps: list[torch.Tensor] = []

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Keep the rows of the kept heads until the batch ends."""
        living = torch.from_numpy(np.flatnonzero(self._context.alive[layer]))
        self._maps.append(attention[:, living.to(attention.device)])

    def end(self) -> None:
        """Compare all heads, text by text, and release the maps."""
        maps = torch.cat(self._maps, dim=1)
        for row, position in enumerate(self._position.tolist()):
            n = int(self._real[row].sum())
            self._n_rows += n
            places = self._real[row].nonzero()[:, 0]
            cells = maps[row][:, places][:, :, places].double().flatten(1)  # [heads, n * n]
            if self._clark:
                cells = 0.999 * cells + 0.001 / n
            self._sums.append((position, _divergences(cells).cpu().numpy()))
        del self._maps, self._real

    def result(self) -> ProbeResult:
        """One row for each pair of kept heads; the matrix [L * H, L * H] as an array."""
        L, H = self._context.alive.shape
        # added up in the order of the corpus: same bytes whatever the batches
        ordered = [found for _, found in sorted(self._sums, key=lambda one: one[0])]
        total = np.sum(ordered, axis=0) / (1 if self._clark else self._n_rows)
        matrix = np.full((L * H, L * H), np.nan)
        matrix[np.ix_(self._heads, self._heads)] = total
        a, b = np.triu_indices(len(self._heads), 1)
        first, second = self._heads[a], self._heads[b]
        rows = pd.DataFrame(
            {
                "probe": self.name,
                "variant": "smoothing=clark;sum" if self._clark else "smoothing=none;mean",
                "unit": "head",
                "layer": first // H,
                "head": first % H,
                "layer_b": second // H,
                "head_b": second % H,
                "metric": "js_divergence",
                "value": total[a, b],
                "n": len(ordered),
            }
        )
        return ProbeResult(
            probe=self.name,
            rows=rows_frame(rows),
            make_items=lambda: items_frame([]),
            arrays={"js_divergence": matrix},
            notes={"head_distance_n_rows": self._n_rows, "head_distance_n_layers": L},
        )


def _divergences(cells: torch.Tensor) -> torch.Tensor:
    """Sum over rows of JS(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2, between heads.

    Args:
        cells: the rows of one text, below each other [heads, cells].
    """
    K = len(cells)
    own = torch.special.entr(cells).sum(1)
    found = cells.new_zeros(K, K)
    step = max(1, _BLOCK // cells[0].numel())
    for a in range(K):
        for start in range(a + 1, K, step):
            some = slice(start, start + step)
            middle = (cells[some] + cells[a]).mul_(0.5)
            floor = torch.finfo(middle.dtype).tiny
            mixed = -middle.clamp_min(floor).log_().mul_(middle).sum(1)
            found[a, some] = mixed - (own[some] + own[a]) / 2
    return (found + found.T).clamp_min(0)
