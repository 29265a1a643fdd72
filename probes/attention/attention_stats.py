"""Where each head attends: special tokens, neighbours, the token itself; and how broadly.

The statistics of Clark et al. 2019 ("What Does BERT Look At?"), section 3, over the real subword
tokens of each text, by head and by layer, each with the value of a uniform row as its baseline.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.errors import ConfigError
from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame, rows_frame
from ..forward.base import BatchView, Context, Probe, ProbeResult, in_corpus_order, kept_as
from ..forward.token_kinds import token_kinds

METRICS = (
    "attention_to_first",
    "attention_to_separator",
    "attention_to_special",
    "attention_to_punctuation",
    "attention_to_previous",
    "attention_to_next",
    "attention_to_self",
    "attention_distance",
    "attention_entropy",
    "attention_entropy_first",
)
"""Shares of attention mass in [0, 1]; distance in tokens; entropy in nats.

`first` is the first token where it is special ([CLS], <s>), `separator` every other special token,
`special` both together, `punctuation` the pieces of words of punctuation marks alone (Clark et al.
count `.` and `,`). The distance is the mean of |i - j| under the row's weights. `entropy_first` is
the entropy of the row of the first token alone, whatever the query rows are.
"""


class AttentionStats(Probe):
    """Mean attention mass to kinds of token, mean distance and mean entropy, by head and by layer.

    Each text gives one sum over its query rows (numerator) and the number of those rows
    (denominator); a head's value is the ratio of the sums over all texts. A row without that
    neighbour counts as 0 attention to it, as in Clark et al., in the baseline too. A layer's value
    is the mean over its kept heads. Pruned heads have no value.

    Args:
        context: the model that will be read.
        queries: `all` real tokens as query rows, or `words`, without the rows of special tokens.
        averaging: `rows` gives every query row of the corpus the same weight. `documents` takes the
            mean of each document first and then the mean of these, as Clark et al. do, so that a
            short document counts as much as a long one. A text without a document is a document of
            its own. Items are then documents.

    Raises:
        ConfigError: for an unknown value of an option.
    """

    name = "attention-stats"
    needs_attention = True

    def __init__(
        self,
        context: Context,
        *,
        queries: Literal["all", "words"] = "all",
        averaging: Literal["rows", "documents"] = "rows",
    ):
        if queries not in ("all", "words"):
            raise ConfigError(f"queries is {queries!r}", remedy="choose all or words")
        if averaging not in ("rows", "documents"):
            raise ConfigError(f"averaging is {averaging!r}", remedy="choose rows or documents")
        self._context, self._queries, self._averaging = context, queries, averaging
        self._documents: list[str] = []
        self._ids: list[tuple[str, str]] = []
        self._positions: list[npt.NDArray[np.int64]] = []
        self._sums: list[npt.NDArray[np.float64]] = []
        self._uniform: list[npt.NDArray[np.float64]] = []
        self._rows: list[npt.NDArray[np.float64]] = []

    def begin(self, batch: BatchView) -> None:
        """Prepare the masks that all layers share."""
        query = batch.real if self._queries == "all" else batch.real & ~batch.special
        first, separator, punctuation, _ = token_kinds(batch).unbind(-1)
        self._columns = torch.stack([first, separator, first + separator, punctuation], dim=-1)
        self._query = query.to(batch.source.dtype)
        self._first_row = first[:, :1]
        place = torch.arange(batch.real.shape[1], device=batch.real.device)
        distance = (place[:, None] - place).abs() * self._query[:, :, None]
        self._distance = distance.flatten(1)[..., None]
        B, (L, H) = len(batch.examples), self._context.alive.shape
        self._sums.append(np.zeros((B, L, H, len(METRICS)), kept_as(batch.source.dtype)))
        counts = [query.sum(1)] * (len(METRICS) - 1) + [self._first_row[:, 0]]
        self._rows.append(torch.stack(counts, dim=1).double().cpu().numpy())
        self._uniform.append(self._uniform_sums(batch.real))
        self._positions.append(batch.position)
        self._ids += [(example.id, example.first.id) for example in batch.examples]
        self._documents += [example.first.document for example in batch.examples]

    def _uniform_sums(self, real: torch.Tensor) -> npt.NDArray[np.float64]:
        """The sums for rows that attend to all n real tokens equally [B, M]."""
        weights = real.double()
        uniform = weights / weights.sum(1, keepdim=True)
        maps = uniform[:, None, None].expand(-1, 1, real.shape[1], -1)
        return np.asarray(self._sums_of(maps)[:, 0].cpu().numpy())

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Add up one layer's maps [B, H, S, S]."""
        self._sums[-1][:, layer] = self._sums_of(attention).to("cpu", torch.float64).numpy()

    def _sums_of(self, maps: torch.Tensor) -> torch.Tensor:
        """Sums over the query rows of maps [B, H, S, S], for each metric [B, H, M]."""
        query = self._query.to(maps.dtype)
        received = torch.einsum("bi,bhij->bhj", query, maps)
        kinds = received @ self._columns.to(maps.dtype)  # [B, H, 4]
        distance = (maps.flatten(2) @ self._distance.to(maps.dtype)).squeeze(-1)
        query = query[:, None, :]  # [B, 1, S]
        previous = (maps.diagonal(-1, 2, 3) * query[..., 1:]).sum(-1)
        following = (maps.diagonal(1, 2, 3) * query[..., :-1]).sum(-1)
        itself = (maps.diagonal(0, 2, 3) * query).sum(-1)
        # Faster than torch.special.entr; the floor only matters where the factor in front is 0.
        floor = torch.finfo(maps.dtype).tiny
        per_row = maps.clamp_min(floor).log_().mul_(maps).sum(-1)  # [B, H, S]
        entropy = -(per_row * query).sum(-1)
        of_first = -per_row[..., 0] * self._first_row.to(maps.dtype)
        others = [previous, following, itself, distance, entropy, of_first]
        return torch.cat([kinds, torch.stack(others, dim=-1)], dim=-1)

    def end(self) -> None:
        """Drop the batch; only its sums are kept."""
        del self._query, self._columns, self._first_row, self._distance

    def result(self) -> ProbeResult:
        """A row for each head, layer and metric; an item for each text, kept head and metric."""
        order = np.argsort(np.concatenate(self._positions), kind="stable")
        ids = [self._ids[i] for i in order]
        sums = in_corpus_order(self._sums, self._positions)
        uniform = in_corpus_order(self._uniform, self._positions)
        queries = in_corpus_order(self._rows, self._positions)
        notes = {"n_texts": len(ids), "n_query_rows": int(queries[:, 0].sum())}
        alive, variant = self._context.alive, f"queries={self._queries}"
        if self._averaging == "documents":
            variant += ";averaging=documents"
            ids, place = _documents(ids, [self._documents[i] for i in order])
            sums, uniform, queries = _means_of_documents(place, sums, uniform, queries)
            notes["n_documents"] = len(ids)
        rows = _rows(sums, uniform, queries, alive)
        return ProbeResult(
            probe=self.name,
            rows=rows_frame(rows.assign(probe=self.name, variant=variant)),
            make_items=lambda: _items(self.name, ids, sums, queries, alive),
            notes=notes,
        )


def _documents(
    ids: list[tuple[str, str]], names: list[str]
) -> tuple[list[tuple[str, str]], npt.NDArray[np.int64]]:
    """Ids of the documents in the order of the corpus, and which one each text is of [N]."""
    number: dict[tuple[str, ...], int] = {}
    of_text = [(name,) if name else id for id, name in zip(ids, names, strict=True)]
    place = np.array([number.setdefault(key, len(number)) for key in of_text], dtype=np.int64)
    return [(key[0], key[-1]) for key in number], place


def _means_of_documents(
    place: npt.NDArray[np.int64],
    sums: npt.NDArray[np.float64],
    uniform: npt.NDArray[np.float64],
    queries: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Means over the query rows of each document [D, L, H, M], the same of uniform rows [D, M],
    and ones where a document has such rows [D, M].
    """

    def added(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        total = np.zeros((int(place.max()) + 1, *values.shape[1:]))
        np.add.at(total, place, values)
        return total

    count = added(queries)
    some = np.maximum(count, 1)  # where there are no rows, there is nothing to divide
    return added(sums) / some[:, None, None], added(uniform) / some, (count > 0).astype(np.float64)


def _rows(
    sums: npt.NDArray[np.float64],
    uniform: npt.NDArray[np.float64],
    queries: npt.NDArray[np.float64],
    alive: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """Ratios of sums: sums [N, L, H, M], uniform [N, M], queries [N, M], alive [L, H]."""
    H = alive.shape[1]
    total, living = sums.sum(0, dtype=np.float64), alive.sum(axis=1)
    # the mean over kept heads stands behind the heads of its layer
    mean = np.where(alive[..., None], total, 0.0).sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):  # 0 / 0 where no text has a query row: no value
        total = np.concatenate([total, mean / living[:, None, None]], axis=1)
        value = total / queries.sum(0)
        baseline = uniform.sum(0) / queries.sum(0)
    lives = np.column_stack([alive, living > 0])
    value[~lives] = np.nan
    layer, head, metric = (axis.ravel() for axis in np.indices(value.shape))
    lives = lives[layer, head]
    order = np.argsort(head == H, kind="stable")
    frame = pd.DataFrame(
        {
            "unit": np.where(head < H, "head", "layer"),
            "layer": layer,
            "head": pd.array(head, dtype="Int64"),
            "metric": np.array(METRICS)[metric],
            "value": value.ravel(),
            "n": np.where(lives, np.count_nonzero(queries, axis=0)[metric], 0),
            "baseline": "uniform",
            "baseline_value": baseline[metric],
            "flag": [None if one else "dead" for one in lives],
        }
    )
    frame.loc[head == H, "head"] = pd.NA
    return frame.iloc[order].reset_index(drop=True)


def _items(
    probe: str,
    ids: list[tuple[str, str]],
    sums: npt.NDArray[np.float64],
    queries: npt.NDArray[np.float64],
    alive: npt.NDArray[np.bool_],
) -> Iterator[pd.DataFrame]:
    layer, head = np.nonzero(alive)
    names = np.array(ids, dtype=object).reshape(-1, 2)
    for block in text_blocks(len(ids), len(layer) * len(METRICS)):
        numerator, counts = sums[block, layer, head], queries[block]  # [n, kept heads, M]
        some = np.broadcast_to(counts[:, None], numerator.shape) > 0
        text, unit, metric = np.nonzero(some)
        yield items_frame(
            pd.DataFrame(
                {
                    "probe": probe,
                    "item_id": names[block][text, 0],
                    "sentence_id": names[block][text, 1],
                    "layer": layer[unit],
                    "head": head[unit],
                    "metric": np.array(METRICS)[metric],
                    "numerator": numerator[some],
                    "denominator": counts[text, metric],
                }
            )
        )
