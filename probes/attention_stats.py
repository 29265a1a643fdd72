"""Where each head looks: special tokens, neighbours, itself, and how widely.

The statistics of Clark et al. 2019 ("What Does BERT Look At?"), section 3, over the real subword
tokens of each text, with the same figure for a uniform row beside each.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ..data.errors import ConfigError
from ..data.tables import items_frame, rows_frame
from .base import BatchView, Context, ProbeResult, in_corpus_order

METRICS = (
    "attention_to_first",
    "attention_to_separator",
    "attention_to_special",
    "attention_to_previous",
    "attention_to_next",
    "attention_to_self",
    "attention_entropy",
)
"""Shares of attention mass in [0, 1]; entropy in nats.

`first` is the first token where it is special ([CLS], <s>), `separator` every other special token,
`special` both together.
"""


class AttentionStats:
    """Mean attention mass to six kinds of token, and mean entropy, of every head.

    Each text gives one sum over its query rows (numerator) and the number of those rows
    (denominator); a head's value is the ratio of the sums over all texts. A row whose neighbour
    does not exist counts as 0 attention to it, as in Clark et al., and so it does in the baseline.
    Dead heads have no value.

    Args:
        context: the model that will be read.
        queries: `all` real tokens as query rows, or `words`, without the rows of special tokens.

    Raises:
        ConfigError: if `queries` is neither.
    """

    name = "attention-stats"
    needs_attention = True
    needs_hidden = False

    def __init__(self, context: Context, *, queries: Literal["all", "words"] = "all"):
        if queries not in ("all", "words"):
            raise ConfigError(f"queries is {queries!r}", remedy="choose all or words")
        self._context, self._queries = context, queries
        self._ids: list[tuple[str, str]] = []
        self._positions: list[npt.NDArray[np.int64]] = []
        self._sums: list[npt.NDArray[np.float64]] = []
        self._uniform: list[npt.NDArray[np.float64]] = []
        self._rows: list[npt.NDArray[np.float64]] = []

    def begin(self, batch: BatchView) -> None:
        """Prepare the masks that all layers share."""
        query = batch.real if self._queries == "all" else batch.real & ~batch.special
        first = batch.special.clone()
        first[:, 1:] = False
        columns = torch.stack([first, batch.special & ~first, batch.special], dim=-1)
        self._query = query.to(batch.source.dtype)
        self._columns = columns.to(batch.source.dtype)
        B, (L, H) = len(batch.examples), self._context.alive.shape
        self._sums.append(np.zeros((B, L, H, len(METRICS))))
        self._uniform.append(_uniform_sums(batch.real, query, columns))
        self._rows.append(query.sum(1).cpu().numpy().astype(np.float64))
        self._positions.append(batch.position)
        self._ids += [(example.id, example.first.id) for example in batch.examples]

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Add up one layer's maps [B, H, S, S]."""
        query = self._query[:, None, :]  # [B, 1, S]
        received = torch.einsum("bi,bhij->bhj", self._query, attention)
        kinds = received @ self._columns  # [B, H, 3]
        previous = (attention.diagonal(-1, 2, 3) * query[..., 1:]).sum(-1)
        following = (attention.diagonal(1, 2, 3) * query[..., :-1]).sum(-1)
        itself = (attention.diagonal(0, 2, 3) * query).sum(-1)
        # Faster than torch.special.entr; the floor only matters where the factor in front is 0.
        floor = torch.finfo(attention.dtype).tiny
        per_row = attention.clamp_min(floor).log_().mul_(attention).sum(-1)  # [B, H, S]
        entropy = -(per_row * query).sum(-1)
        neighbours = torch.stack([previous, following, itself, entropy], dim=-1)
        sums = torch.cat([kinds, neighbours], dim=-1)
        self._sums[-1][:, layer] = sums.to("cpu", torch.float64).numpy()

    def hidden(self, layer: int, states: torch.Tensor) -> None:
        """Not asked for."""

    def end(self) -> None:
        """Nothing is left of the batch but its sums."""
        del self._query, self._columns

    def result(self) -> ProbeResult:
        """One row for each head and metric; one item for each text, living head and metric."""
        order = np.argsort(np.concatenate(self._positions), kind="stable")
        ids = [self._ids[i] for i in order]
        sums = in_corpus_order(self._sums, self._positions)
        uniform = in_corpus_order(self._uniform, self._positions)
        queries = in_corpus_order(self._rows, self._positions)
        alive, variant = self._context.alive, f"queries={self._queries}"
        rows = _rows(sums, uniform, queries, alive)
        return ProbeResult(
            probe=self.name,
            rows=rows_frame(rows.assign(probe=self.name, variant=variant, unit="head")),
            make_items=lambda: _items(self.name, ids, sums, queries, alive),
            notes={"n_texts": len(ids), "n_query_rows": int(queries.sum())},
        )


def _uniform_sums(
    real: torch.Tensor, query: torch.Tensor, columns: torch.Tensor
) -> npt.NDArray[np.float64]:
    """What rows that attend to all n real tokens alike would sum to [B, M].

    Args:
        real: real tokens [B, S].
        query: query rows [B, S].
        columns: first, separator and special tokens [B, S, 3].
    """
    n = real.sum(1).double()
    rows = query.sum(1).double()
    with_previous = query[:, 1:].sum(1).double()
    with_next = (query[:, :-1] & real[:, 1:]).sum(1).double()
    counts = [columns.sum(1).double() * rows[:, None]]
    counts.append(torch.stack([with_previous, with_next, rows], dim=1))
    shares = torch.cat(counts, dim=1) / n[:, None]
    entropy = (rows * n.log())[:, None]
    return torch.cat([shares, entropy], dim=1).cpu().numpy()


def _rows(
    sums: npt.NDArray[np.float64],
    uniform: npt.NDArray[np.float64],
    queries: npt.NDArray[np.float64],
    alive: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """Ratios of sums: sums [N, L, H, M], uniform [N, M], queries [N], alive [L, H]."""
    L, H = alive.shape
    with np.errstate(invalid="ignore"):  # 0 / 0 where no text has a query row: no value
        value = sums.sum(0) / queries.sum()
        baseline = uniform.sum(0) / queries.sum()
    value[~alive] = np.nan
    layer, head, metric = (axis.ravel() for axis in np.indices((L, H, len(METRICS))))
    living = alive[layer, head]
    return pd.DataFrame(
        {
            "layer": layer,
            "head": head,
            "metric": np.array(METRICS)[metric],
            "value": value.ravel(),
            "n": np.where(living, np.count_nonzero(queries), 0),
            "baseline": "uniform",
            "baseline_value": baseline[metric],
            "flag": [None if lives else "dead" for lives in living],
        }
    )


def _items(
    probe: str,
    ids: list[tuple[str, str]],
    sums: npt.NDArray[np.float64],
    queries: npt.NDArray[np.float64],
    alive: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    layer, head = np.nonzero(alive)
    numerator = sums[:, layer, head]  # [N, living heads, M]
    text, unit, metric = (axis.ravel() for axis in np.indices(numerator.shape))
    names = np.array(ids, dtype=object).reshape(-1, 2)
    return items_frame(
        pd.DataFrame(
            {
                "probe": probe,
                "item_id": names[text, 0],
                "sentence_id": names[text, 1],
                "layer": layer[unit],
                "head": head[unit],
                "metric": np.array(METRICS)[metric],
                "numerator": numerator.ravel(),
                "denominator": queries[text],
            }
        )
    )
