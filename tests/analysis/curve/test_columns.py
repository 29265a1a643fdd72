"""The dictionary describes the tables of `subprobe curve`."""

import pytest
from subprobe.analysis.curve.columns import AREAS, MASKS, POINTS, TESTS
from subprobe.analysis.run_folder.dictionary import describe
from subprobe.analysis.run_folder.own_tables.curve_columns import CURVES

TABLES = {"curve": POINTS, "curve_areas": AREAS, "curve_tests": TESTS, "curve_masks": MASKS}
KINDS = {"string": "text", "Int64": "integer", "Float64": "number"}


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_a_meaning_and_its_type(table):
    for name, kind in TABLES[table].items():
        column = describe(table, name)
        assert column.meaning, name
        assert column.type == KINDS[kind], name


def test_only_columns_of_the_tables_are_described():
    assert set(CURVES) == set(TABLES)
    for table, columns in CURVES.items():
        assert set(columns) <= set(TABLES[table]), table
