"""The dictionary describes the tables of `subprobe same-score`."""

import pytest
from subprobe.analysis.run_folder.dictionary import describe
from subprobe.analysis.run_folder.spread_columns import OVER_MASKS
from subprobe.analysis.run_folder.table_lines import NOT_TIDY
from subprobe.analysis.same_score.columns import TABLES

KINDS = {"string": "text", "Int64": "integer", "Float64": "number", "boolean": "boolean"}


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_a_meaning_and_its_type(table):
    assert "same-score" in NOT_TIDY[table]
    for name, kind in TABLES[table].items():
        column = describe(table, name)
        assert column.meaning, name
        assert column.type == KINDS[kind], name


def test_only_columns_of_the_tables_are_described():
    assert set(OVER_MASKS) == set(TABLES)
    for table, columns in OVER_MASKS.items():
        assert set(columns) <= set(TABLES[table])
