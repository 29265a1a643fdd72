"""Items as frames of bounded size: one a text, head and metric, they are too many for memory."""

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
"""Items that a probe makes at a time."""

Made: TypeAlias = pd.DataFrame | Iterable[pd.DataFrame]


@dataclass(frozen=True)
class ItemParts:
    """Items in their order, made again each time that they are read.

    Attributes:
        make: gives them all in a frame, or frames of them one after the other.
    """

    make: Callable[[], Made]

    @classmethod
    def of(cls, items: pd.DataFrame | ItemParts) -> ItemParts:
        """Items that are there, or are made already in parts."""
        return items if isinstance(items, ItemParts) else cls(lambda: items)

    @classmethod
    def joined(cls, several: Iterable[ItemParts]) -> ItemParts:
        """The items of several below each other."""
        kept = tuple(several)
        return cls(lambda: (part for one in kept for part in one))

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Frames of the schema, those without an item left out."""
        made = self.make()
        for part in (made,) if isinstance(made, pd.DataFrame) else made:
            if len(part):
                yield items_frame(part)

    def mapped(self, change: Callable[[pd.DataFrame], pd.DataFrame]) -> ItemParts:
        """The same with a change that looks at one item alone, made when they are read."""
        return ItemParts(lambda: (change(part) for part in self))

    def frame(self) -> pd.DataFrame:
        """All of them at once."""
        parts = list(self)
        if len(parts) == 1:
            return parts[0].reset_index(drop=True)
        return pd.concat([items_frame([]), *parts], ignore_index=True)

    def count(self) -> int:
        """How many there are."""
        return sum(len(part) for part in self)


def write_items(items: ItemParts, target: Path) -> int:
    """Write items as Parquet part by part, whole or not at all, and say how many there are."""
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
    """Texts of a corpus in blocks that give about `ITEMS_AT_ONCE` items, at least one text each."""
    step = max(1, ITEMS_AT_ONCE // max(1, items_a_text))
    for start in range(0, n_texts, step):
        yield slice(start, min(start + step, n_texts))
