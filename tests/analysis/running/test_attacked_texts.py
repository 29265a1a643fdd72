"""The texts of attacks are a table of the run, and stand in its report."""

import html

import pandas as pd
import pytest
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.run_folder.written_tables import written_tables
from subprobe.analysis.running.attacked_texts import COLUMNS, FILE, read_attacked
from subprobe.data.errors import DataFileError
from subprobe.data.output.tables import read_rows, write_csv
from tiny_run import tiny_config

LINE = {
    **dict.fromkeys(COLUMNS, "x"), "seed": 1, "draw": None, "original": "=good one",
    "adversarial": "a, \"b\"\n<c>", "gold": 0, "prediction": 1,
}  # fmt: skip


def test_a_table_is_read_as_it_was_written(tmp_path):
    assert read_attacked(tmp_path) == {}
    write_csv(pd.DataFrame([LINE], columns=COLUMNS), tmp_path / FILE)
    [(name, table)] = read_attacked(tmp_path).items()
    assert name == "adversarial_texts"
    assert table.columns.tolist() == COLUMNS
    assert table.loc[0, ["original", "adversarial"]].tolist() == [
        LINE["original"], LINE["adversarial"]
    ]  # fmt: skip
    assert (table["gold"] != table["prediction"]).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [("model,task\nx,y\n", "has no column 'method'"), ("model,gold\nx,y\n", "not a table of")],
)
def test_a_damaged_table_is_one_line(tmp_path, text, said):
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match=said):
        read_attacked(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_keeps_and_shows_the_texts(tiny_encoder, tmp_path):
    options = {"attack": {"encoder": str(tiny_encoder), "max_examples": 6, "count": 5}}
    config = tiny_config(
        tiny_encoder, seeds=[1], controls={"draws": 1},
        probe={"names": ["attack"], "examples": 6, "options": options, "states": ["pruned"]},
    )  # fmt: skip
    folder = tmp_path / "run"
    run_experiment(config, folder)
    rows = read_rows(folder / "rows.parquet")
    rows = rows[rows["probe"] == "attack"]
    assert set(rows["kind"]) >= {"full", "good", "random", "bad"}
    before, after = (
        rows[rows["metric"] == f"accuracy_{when}"].set_index("kind")["value"]
        for when in ("before", "after")
    )
    assert (after <= before).all()
    exchanged = rows[rows["metric"].str.contains("attacks")]
    assert set(exchanged["kind"]) == set(rows["kind"]) - {"full"}
    [table] = read_attacked(folder).values()
    assert (table["original"] != table["adversarial"]).all()
    assert FILE in {path.name for path in written_tables(folder).values()}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert html.escape(table["adversarial"].iloc[0], quote=False) in page.replace("&#39;", "'")
