"""Items as frames of bounded size: one item per text, head and metric would not fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from ..files.atomic import atomic_path
from ..files.parquet_files import WRITING, row_groups
from .tables import items_frame

ITEMS_AT_ONCE = 2**17
"""Number of items that a probe produces at a time."""

Made: TypeAlias = pd.DataFrame | Iterable[pd.DataFrame]


@dataclass(frozen=True)
class ItemParts:
    """Items in a fixed order, recomputed each time that they are read.

    Attributes:
        make: returns all items in one frame, or yields frames of them.
    """

    make: Callable[[], Made]

    @classmethod
    def of(cls, items: pd.DataFrame | ItemParts) -> ItemParts:
        """Wrap items that exist already, or that are produced in parts already."""
        return items if isinstance(items, ItemParts) else cls(lambda: items)

    @classmethod
    def joined(cls, several: Iterable[ItemParts]) -> ItemParts:
        """The concatenated items of several sources."""
        kept = tuple(several)
        return cls(lambda: (part for one in kept for part in one))

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Non-empty frames that follow the schema."""
        made = self.make()
        for part in (made,) if isinstance(made, pd.DataFrame) else made:
            if len(part):
                yield items_frame(part)

    def mapped(self, change: Callable[[pd.DataFrame], pd.DataFrame]) -> ItemParts:
        """The items with a change to each item, applied when they are read."""
        return ItemParts(lambda: (change(part) for part in self))

    def frame(self) -> pd.DataFrame:
        """All items as one frame."""
        parts = list(self)
        if len(parts) == 1:
            return parts[0].reset_index(drop=True)
        return pd.concat([items_frame([]), *parts], ignore_index=True)

    def count(self) -> int:
        """Number of items."""
        return sum(len(part) for part in self)


def write_items(items: ItemParts, target: Path) -> int:
    """Write items to a Parquet file part by part, atomically; return their number."""
    import pyarrow as pa
    import pyarrow.parquet

    schema = pa.Table.from_pandas(items_frame([]), preserve_index=False).schema
    parts = (pa.Table.from_pandas(part, schema, preserve_index=False) for part in items)
    n_items = 0
    with (
        atomic_path(target) as temporary,
        pyarrow.parquet.ParquetWriter(temporary, schema, **WRITING) as writer,
    ):
        for group in row_groups(parts, schema):
            writer.write_table(group)
            n_items += group.num_rows
    return n_items


def text_blocks(n_texts: int, items_a_text: int) -> Iterator[slice]:
    """Texts of a corpus in blocks of about `ITEMS_AT_ONCE` items, with at least one text each."""
    step = max(1, ITEMS_AT_ONCE // max(1, items_a_text))
    for start in range(0, n_texts, step):
        yield slice(start, min(start + step, n_texts))
