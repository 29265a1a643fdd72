"""The dictionary describes the tables of `subprobe spread`."""

import pytest
from subprobe.analysis.run_folder.dictionary import describe
from subprobe.analysis.run_folder.spread_columns import OVER_SEEDS
from subprobe.analysis.spread.columns import BEST, PARTS, PLANS, RUNS, SPREAD

TABLES = {
    "spread": SPREAD, "spread_runs": RUNS, "spread_variance": PARTS, "expected_best": BEST,
    "early_stopping": PLANS,
}  # fmt: skip
KINDS = {"string": "text", "Int64": "integer", "Float64": "number", "boolean": "boolean"}


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_a_meaning_and_its_type(table):
    for name, kind in TABLES[table].items():
        column = describe(table, name)
        assert column.meaning, name
        assert column.type == KINDS[kind], name


def test_only_columns_of_the_tables_are_described():
    assert set(OVER_SEEDS) == set(TABLES)
    for table, columns in OVER_SEEDS.items():
        assert set(columns) <= set(TABLES[table])
