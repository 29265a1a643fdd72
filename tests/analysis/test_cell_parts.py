"""A cell's items are written and read part by part: the same bytes, never all in memory."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis import cell_output
from subprobe.analysis.cell_output import CellOutput
from subprobe.data.errors import DataFileError
from subprobe.data.files import parquet_files
from subprobe.data.output.item_parts import ItemParts
from subprobe.data.output.tables import items_frame, rows_frame

GROUP = 100


def items(n=950):
    rng = np.random.default_rng(0)
    about = {"item_id": [f"t{k // 9}" for k in range(n)], "metric": rng.choice(["a", "b"], n)}
    return items_frame(pd.DataFrame({**about, "numerator": rng.random(n), "denominator": 3.0}))


def rows():
    return rows_frame([{"probe": "p", "metric": "a", "value": 0.5, "n": 7}])


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr(parquet_files, "ROWS_A_GROUP", GROUP)
    monkeypatch.setattr(cell_output, "ROWS_A_GROUP", GROUP)


class Watched:
    """Items in parts, and how many of them are alive when the next one is made."""

    def __init__(self, frame, size):
        self.frame, self.size, self.most = frame, size, 0

    def __call__(self):
        made = []
        for start in range(0, len(self.frame), self.size):
            gc.collect()
            self.most = max(self.most, sum(one() is not None for one in made))
            part = self.frame[start : start + self.size].copy()
            made.append(weakref.ref(part))
            yield part
            del part


@pytest.mark.usefixtures("frozen_garbage")
@pytest.mark.parametrize("size", [30, 100, 101, 950])
def test_the_bytes_do_not_depend_on_the_parts(tmp_path, small_groups, size):
    whole = items()
    CellOutput(rows(), whole).save(tmp_path / "whole.parquet")
    watched = Watched(whole, size)
    CellOutput(rows(), ItemParts(watched)).save(tmp_path / "parts.parquet")
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert watched.most <= 1


def test_many_items_are_read_group_by_group(tmp_path, small_groups, monkeypatch):
    path, whole = tmp_path / "one.parquet", items()
    CellOutput(rows(), whole, {"x": np.ones(2)}, {"n": 3}).save(path)
    with monkeypatch.context() as patched:
        patched.setattr(ItemParts, "frame", lambda _: pytest.fail("all items at once"))
        back = CellOutput.load(path)
        changed = back.but(notes={"n": 4})
        sizes = [len(part) for part in changed.parts]
    assert sizes == [GROUP] * 9 + [50]
    assert (back.notes, changed.notes) == ({"n": 3}, {"n": 4})
    for output in (back, changed):
        pd.testing.assert_frame_equal(output.items, whole)
        assert output.arrays["x"].tolist() == [1, 1]
    assert back.rows.equals(changed.rows)


def test_damage_anywhere_is_noticed_when_a_cell_is_read(tmp_path, small_groups):
    path = tmp_path / "one.parquet"
    CellOutput(rows(), items()).save(path)
    whole = path.read_bytes()
    # in the pages of the first, a middle and the last group
    for place in (60, len(whole) // 3, len(whole) // 2):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(bytes(damaged))
        with pytest.raises(DataFileError, match=r"one\.parquet"):
            CellOutput.load(path)


def test_items_in_a_frame_stay_that_frame():
    frame = pd.DataFrame({"item_id": ["a"]}, index=[7])
    output = CellOutput(rows(), frame)
    assert output.items is frame
    assert output.but(rows=rows()).items is frame
    assert output.parts.count() == 1
    with pytest.raises(TypeError, match="items"):
        CellOutput(rows())
