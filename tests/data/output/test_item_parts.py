"""Items in parts are the same items, and the same bytes, as all of them at once."""

import numpy as np
import pandas as pd
import pytest
from subprobe.data.files import parquet_files
from subprobe.data.output import item_parts
from subprobe.data.output.item_parts import ItemParts, text_blocks, write_items
from subprobe.data.output.tables import items_frame, write_parquet


def items(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    return items_frame(
        pd.DataFrame(
            {
                "item_id": [f"text-{k // 7}" for k in range(n)],
                "head": rng.integers(0, 12, n),
                "metric": rng.choice(["one", "two"], n),
                "numerator": rng.random(n),
            }
        )
    )


def cut(frame, size):
    return ItemParts(lambda: (frame[k : k + size] for k in range(0, len(frame), size)))


@pytest.mark.parametrize("size", [1, 7, 99, 100])
def test_parts_are_the_whole(size):
    whole = items(100)
    parts = cut(whole, size)
    for _ in range(2):  # they are made again
        pd.testing.assert_frame_equal(parts.frame(), whole)
    assert parts.count() == 100
    doubled = parts.mapped(lambda part: part.assign(numerator=2 * part["numerator"]))
    pd.testing.assert_frame_equal(doubled.frame(), whole.assign(numerator=2 * whole["numerator"]))
    joined = ItemParts.joined([parts, ItemParts.of(items(5, seed=1))]).frame()
    pd.testing.assert_frame_equal(joined, pd.concat([whole, items(5, seed=1)], ignore_index=True))


def test_no_items_have_every_column():
    none = ItemParts(lambda: iter(())).frame()
    pd.testing.assert_frame_equal(none, items_frame([]))
    pd.testing.assert_frame_equal(ItemParts.of(pd.DataFrame()).frame(), items_frame([]))


@pytest.mark.parametrize("size", [5, 64, 65, 400])
def test_a_file_does_not_say_how_its_items_came(tmp_path, monkeypatch, size):
    whole = items(400)
    write_parquet(whole, tmp_path / "at-once.parquet")
    assert write_items(cut(whole, size), tmp_path / "parts.parquet") == 400
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "at-once.parquet").read_bytes()
    monkeypatch.setattr(parquet_files, "ROWS_A_GROUP", 64)
    for name, parts in (("one", cut(whole, size)), ("two", ItemParts.of(whole))):
        write_items(parts, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    pd.testing.assert_frame_equal(items_frame(pd.read_parquet(tmp_path / "one")), whole)


def test_an_error_in_the_middle_leaves_no_file(tmp_path):
    def failing():
        yield items(10)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_items(ItemParts(failing), tmp_path / "items.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("texts", "each"), [(0, 5), (10, 0), (10, 3), (10, 1000), (7, 50)])
def test_blocks_of_texts_are_small_and_complete(monkeypatch, texts, each):
    monkeypatch.setattr(item_parts, "ITEMS_AT_ONCE", 100)
    blocks = [range(texts)[block] for block in text_blocks(texts, each)]
    assert [text for block in blocks for text in block] == list(range(texts))
    assert all(len(block) == 1 or len(block) * each <= 100 for block in blocks)
