"""A run as tables for other programs: complete, typed, described, and the same bytes each time."""

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import subprobe
from subprobe.analysis.run_folder import reading as run_folder
from subprobe.analysis.run_folder.columns import DICTIONARY, TIDY, TYPES
from subprobe.analysis.run_folder.dictionary import SEPARATOR, describe, fixed_tables, typed
from subprobe.analysis.run_folder.export import FORMATS, export_run
from subprobe.analysis.run_folder.table_lines import NOT_TIDY, TIDY_ROW, line_of
from subprobe.analysis.stability.measure import Stability
from subprobe.data.errors import UnknownNameError
from subprobe.data.output.tables import ITEM_TYPES, ROW_TYPES, rows_frame
from subprobe.models.masks.names import KINDS, METHODS
from subprobe.models.masks.subnetwork import Subnetwork

IN_DUCKDB = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}


@pytest.fixture(scope="module")
def exported(finished_run, tmp_path_factory):
    """Folder of each format, of the same run."""
    run = subprobe.load_run(finished_run)
    folders = {form: tmp_path_factory.mktemp("export") / form for form in FORMATS}
    for form, folder in folders.items():
        export_run(run, folder, form=form)
    return folders


@pytest.fixture(scope="module")
def dictionary(exported):
    return pd.read_csv(exported["csv"] / "dictionary.csv", keep_default_na=False)


def names_in(folder, form):
    return {path.stem for path in folder.glob(f"*.{form}")} - {"dictionary"}


# -- what is there ----------------------------------------------------------------------------


def test_every_table_is_there_in_both_formats(exported, finished_run):
    written = {path.stem for path in finished_run.glob("*.csv")}
    assert {"words", "heads", "answers", "comparisons", "summary_headline"} <= written
    wanted = {"rows", "items", "masks", "cells", "manifest", *written}
    for form, folder in exported.items():
        assert names_in(folder, form) == wanted
        assert (folder / "dictionary.csv").is_file()


def test_tables_that_a_run_wrote_are_read_back_as_they_were(finished_run):
    run = subprobe.load_run(finished_run)
    for name, table in run.tables.items():
        written = pd.read_csv(finished_run / f"{name}.csv")
        assert list(table) == list(written), name
        assert len(table) == len(written), name
    assert run.tables["words"]["position"].dtype == "Int64"


def test_dictionary_and_tables_have_the_same_columns(exported, dictionary):
    for form, folder in exported.items():
        for name in names_in(folder, form):
            read = pd.read_csv if form == "csv" else pd.read_parquet
            said = dictionary.loc[dictionary["table"] == name, "column"]
            assert list(read(folder / f"{name}.{form}").columns) == said.tolist(), name
    assert set(dictionary["table"]) == names_in(exported["csv"], "csv") | {"dictionary"}
    assert dictionary.loc[dictionary["table"] == "dictionary", "column"].tolist() == [*DICTIONARY]
    assert list(dictionary.columns) == [*DICTIONARY]


def test_every_column_is_described(dictionary):
    assert set(dictionary["type"]) <= set(TYPES)
    nameless = dictionary[dictionary["meaning"] == ""]
    assert nameless.empty, nameless[["table", "column"]]


def test_types_of_the_tidy_row_are_those_of_the_schema(dictionary):
    for name, columns in fixed_tables().items():
        for column in columns:
            schema = {"rows": ROW_TYPES, "items": {**ROW_TYPES, **ITEM_TYPES}}.get(name, {})
            if column in schema:
                assert TYPES[describe(name, column).type] == schema[column], (name, column)
    assert list(TIDY) == list(ROW_TYPES)
    assert set(TIDY["method"].allowed) == set(METHODS)
    assert set(TIDY["kind"].allowed) == {*KINDS, "untrained", "bag-of-words"}


def test_values_are_among_those_allowed(exported, dictionary):
    checked = 0
    for line in dictionary[dictionary["allowed"] != ""].itertuples():
        if line.table != "dictionary":
            table = pd.read_parquet(exported["parquet"] / f"{line.table}.parquet")
            found = set(table[line.column].dropna())
            assert found <= set(line.allowed.split(SEPARATOR)), (line.table, line.column)
            checked += bool(found)
    assert checked > 10


def test_rows_are_those_of_the_run(exported, finished_run):
    rows = subprobe.load_rows(finished_run)
    back = pd.read_parquet(exported["parquet"] / "rows.parquet")
    pd.testing.assert_frame_equal(back, rows.replace({"": pd.NA}))


def test_items_join_to_their_rows(exported):
    """Accuracy and dependency accuracy, computed again from the items by plain SQL."""
    folder = exported["parquet"]
    found = duckdb.sql(
        f"""
        with scored as (
            select cell_id, seed, kind, state, method, draw, avg((prediction = gold)::int) as again
            from '{folder}/items.parquet' where probe = 'performance' group by all
        )
        select r.value, s.again from '{folder}/rows.parquet' r
        join scored s using (cell_id, seed, kind, state, method, draw)
        where r.metric = 'accuracy'
        """
    ).df()
    rows = pd.read_parquet(folder / "rows.parquet")
    assert len(found) == (rows["metric"] == "accuracy").sum() > 10
    assert found["again"].tolist() == pytest.approx(found["value"].tolist())
    heads = duckdb.sql(
        f"""
        with scored as (
            select seed, kind, state, layer, head, metric,
                   sum(numerator) / sum(denominator) as again
            from '{folder}/items.parquet' where probe = 'attention-stats' group by all
        )
        select r.value, s.again from '{folder}/rows.parquet' r
        join scored s using (seed, kind, state, layer, head, metric)
        where r.probe = 'attention-stats' and r.value is not null
        """
    ).df()
    stats = (rows["probe"] == "attention-stats") & (rows["unit"] == "head")
    known = stats & rows["value"].notna()
    assert len(heads) == known.sum() > 300
    assert heads["again"].tolist() == pytest.approx(heads["value"].tolist())


def test_a_probe_is_a_table_where_it_is_named(finished_run, exported, tmp_path):
    run = subprobe.load_run(finished_run)
    counts = export_run(run, tmp_path / "out", tables=["survivors", "performance"])
    assert {path.name for path in (tmp_path / "out").glob("*.csv")} == {
        "survivors.csv", "performance.csv", "dictionary.csv",
    }  # fmt: skip
    for name in ("survivors", "performance"):
        table = pd.read_csv(tmp_path / "out" / f"{name}.csv")
        assert set(table["probe"]) == {name}
        assert list(table.columns) == list(ROW_TYPES)
        assert counts[name] == len(table) == (run.rows["probe"] == name).sum()
    described = pd.read_csv(tmp_path / "out" / "dictionary.csv")
    assert described.loc[described["table"] == "survivors", "meaning"].notna().all()
    assert not (exported["csv"] / "survivors.csv").exists()  # among `rows` there


def test_masks_are_the_files(exported, finished_run):
    table = pd.read_parquet(exported["parquet"] / "masks.parquet")
    assert table["kept"].dtype == "boolean"
    for path in (finished_run / "masks").glob("*.safetensors"):
        mask = Subnetwork.load(path)
        mine = table[table["file"] == f"masks/{path.name}"]
        heads = mine[mine["unit"] == "head"]
        assert heads["kept"].tolist() == mask.head_mask.ravel().tolist()
        assert heads["layer"].tolist() == [i for i in range(4) for _ in range(4)][: len(heads)]
        assert mine.loc[mine["unit"] == "mlp", "kept"].tolist() == mask.mlp_mask.tolist()
        assert set(mine["mask_id"]) == {mask.mask_id}
    assert table["file"].nunique() == len(list((finished_run / "masks").iterdir()))


def test_the_manifest_is_flat(exported, finished_run):
    table = pd.read_parquet(exported["parquet"] / "manifest.parquet").set_index("key")
    manifest = json.loads((finished_run / "manifest.json").read_text("utf-8"))
    assert table.loc["config.tasks.0", "value"] == manifest["config"]["tasks"][0]
    assert table.loc["runs.1.seed_init"].tolist() == ["2", "integer"]
    assert table.loc["config.controls.untrained"].tolist() == ["true", "boolean"]
    assert table.index.is_unique


@pytest.mark.slow
def test_same_run_same_bytes(exported, finished_run, tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "_ITEMS_AT_ONCE", 500)  # many small parts
    run = subprobe.load_run(finished_run)
    assert len(list(run.item_parts())) > 5
    for form, folder in exported.items():
        chosen = [] if form == "csv" else ["rows", "items", "masks"]
        export_run(run, tmp_path / form, form=form, tables=chosen)
        for path in (tmp_path / form).glob(f"*.{form}"):
            if path.name != "items.parquet":  # its row groups are the parts
                assert path.read_bytes() == (folder / path.name).read_bytes(), path.name
    parts = pd.read_parquet(tmp_path / "parquet" / "items.parquet")
    pd.testing.assert_frame_equal(parts, pd.read_parquet(exported["parquet"] / "items.parquet"))
    monkeypatch.undo()
    export_run(run, tmp_path / "again", form="parquet", tables=["items"])
    again = (tmp_path / "again" / "items.parquet").read_bytes()
    assert again == (exported["parquet"] / "items.parquet").read_bytes()
    assert {p.name for p in (tmp_path / "again").iterdir()} == {
        "items.parquet", "dictionary.csv", "subprobe.json",
    }  # fmt: skip


# -- load_run ---------------------------------------------------------------------------------


def test_load_run_gives_frames(finished_run, exported):
    run = subprobe.load_run(finished_run)
    pd.testing.assert_frame_equal(run.rows, subprobe.load_rows(finished_run))
    assert run.manifest == subprobe.load_manifest(finished_run)
    assert "items" not in vars(run)  # read when asked for
    pd.testing.assert_frame_equal(run.items, pd.read_parquet(exported["parquet"] / "items.parquet"))
    assert run.items is run.items
    pd.testing.assert_frame_equal(run.masks, pd.read_parquet(exported["parquet"] / "masks.parquet"))
    for name, table in run.summaries.items():
        assert len(table) == len(pd.read_csv(finished_run / f"{name}.csv"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(run, "rows", None)  # noqa: B010
    with pytest.raises(TypeError):
        run.summaries["new"] = None  # type: ignore[index]


@pytest.mark.slow
def test_a_run_draws_the_figures_of_its_report(finished_run):
    from subprobe.analysis.figures.figures import figures

    run = subprobe.load_run(finished_run)
    names = [figure.name for figure in figures(run.rows)]
    assert len(names) > 3
    for name in names:
        assert run.plot(name).name == name
    run.plot().spec.clear()
    assert run.plot().spec == run.plot(names[0]).spec != {}
    # a notebook gets the picture with its data
    shown = run.plot()._repr_mimebundle_()
    assert "vega-lite" in shown["text/html"]
    with pytest.raises(UnknownNameError, match=f"known figures: .*{names[0]}"):
        run.plot("performance")
    frame = run.to_frame()
    pd.testing.assert_frame_equal(frame, run.rows)
    assert frame is not run.rows


# -- other programs ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_duckdb_reads_the_tables_with_their_types(exported, dictionary, form):
    for name in names_in(exported[form], form):
        path = exported[form] / f"{name}.{form}"
        types = {line[0]: line[1] for line in duckdb.sql(f"describe from '{path}'").fetchall()}
        frame = pd.read_parquet(exported["parquet"] / f"{name}.parquet")
        said = dictionary[dictionary["table"] == name].set_index("column")["type"]
        for column in frame:
            # a CSV column without a value, or a text of digits alone, does not say what it is
            telling = frame[column].notna().any() and said[column] != "text"
            if form == "parquet" or telling:
                assert types[column] == IN_DUCKDB[said[column]], (name, column)
        filled = ", ".join(f'count("{column}")' for column in frame)
        counts = duckdb.sql(f"select {filled} from '{path}'").fetchall()[0]
        assert list(counts) == frame.notna().sum().tolist(), name
        numbers = [c for c in frame if said[c] == "number" and frame[c].notna().any()]
        if numbers:
            sums = ", ".join(f'sum("{column}")' for column in numbers)
            totals = duckdb.sql(f"select {sums} from '{path}'").fetchall()[0]
            assert list(totals) == pytest.approx([frame[c].sum() for c in numbers]), name


def test_r_reads_the_tables(exported):
    if not shutil.which("Rscript"):
        pytest.skip("no Rscript: Debian's r-base-core has it")
    script = """
        folder <- commandArgs(trailingOnly = TRUE)[1]
        for (name in c("rows", "items", "masks", "summary_performance")) {
          frame <- read.csv(file.path(folder, paste0(name, ".csv")))
          for (column in names(frame)) {
            values <- frame[[column]]
            sum <- if (is.character(values)) NA else sum(values, na.rm = TRUE)
            cat(name, column, class(values), nrow(frame), format(sum, digits = 15), sep = "\\t")
            cat("\\n")
          }
        }
    """
    done = subprocess.run(
        ["Rscript", "--vanilla", "-e", script, str(exported["csv"])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    classes = {"integer": {"integer"}, "number": {"numeric", "integer"}, "boolean": {"logical"},
               "text": {"character"}}  # fmt: skip
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert {line[0] for line in lines} == {"rows", "items", "masks", "summary_performance"}
    for name, column, kind, count, total in lines:
        frame = pd.read_parquet(exported["parquet"] / f"{name}.parquet")
        said = describe(name, column).type
        assert int(count) == len(frame)
        if frame[column].notna().any():
            assert kind in classes[said], (name, column)
            if said != "text":
                assert float(total) == pytest.approx(float(frame[column].sum())), (name, column)


def test_formulas_are_inert_in_csv_alone(finished_run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder, ignore=shutil.ignore_patterns("models"))
    rows = subprobe.load_rows(folder)
    starts = ["=1+1", "+1", "-1", "@x", "plain", "", None]
    rows.loc[rows.index[: len(starts)], "target"] = starts
    rows_frame(rows).to_parquet(folder / "rows.parquet", index=False)
    run = subprobe.load_run(folder)
    for form in FORMATS:
        export_run(run, tmp_path / form, form=form, tables=["rows"])
    text = pd.read_csv(tmp_path / "csv" / "rows.csv", dtype=str, keep_default_na=False)["target"]
    assert text.head(7).tolist() == ["'=1+1", "'+1", "'-1", "'@x", "plain", "", ""]
    kept = pd.read_parquet(tmp_path / "parquet" / "rows.parquet")["target"].head(7)
    assert kept.head(5).tolist() == starts[:5]
    assert kept.isna().tolist() == [False] * 5 + [True, True]


# -- bad input --------------------------------------------------------------------------------


@pytest.fixture
def refused(subprobe_command, tmp_path):
    """Export something that must be refused; gives the one line that is said."""

    def call(folder, *more, out=tmp_path / "out"):
        code, said, err = subprobe_command("export", folder, "--out", out, *more)
        assert (code, said) == (2, ""), err
        assert len(err.splitlines()) == 1
        assert not list((tmp_path / "out").glob("dictionary.csv"))
        return err

    return call


@pytest.fixture
def copied(finished_run, tmp_path):
    shutil.copytree(finished_run, tmp_path / "run", ignore=shutil.ignore_patterns("models"))
    return tmp_path / "run"


def test_bad_input_is_refused(refused, copied, tmp_path):
    assert "holds no rows.parquet; name a folder that `subprobe run`" in refused(tmp_path / "none")
    assert "unknown format 'xlsx'" in refused(copied, "--format", "xlsx")
    assert "unknown table 'row'; did you mean 'rows'" in refused(copied, "--table", "row")
    (tmp_path / "file").write_text("x")
    assert "is a file" in refused(copied, out=tmp_path / "file")
    assert "own tables would be replaced" in refused(copied, out=copied)
    (copied / "manifest.json").write_text("{")
    assert "is not valid JSON" in refused(copied)
    (copied / "rows.parquet").write_text("x")
    assert "is not a complete Parquet file" in refused(copied)
    (copied / "rows.parquet").unlink()
    assert "holds no rows.parquet" in refused(copied)  # cells alone: the run is not finished


def test_lost_and_broken_cells_are_named(refused, copied, tmp_path):
    one = next((copied / "cells").glob("evaluate-*.parquet"))
    one.write_bytes(b"half")
    line = refused(copied)
    assert one.name in line
    assert "has changed since it was written" in line
    one.unlink()
    assert "is missing" in refused(copied)
    assert not (tmp_path / "out" / "items.csv").exists()
    assert not list((tmp_path / "out").glob(".*"))


def test_the_command_says_what_it_wrote(subprobe_command, finished_run, tmp_path):
    code, out, err = subprobe_command(
        "export", finished_run, "--format", "parquet", "--out", tmp_path / "x", "--table", "masks"
    )
    assert (code, out) == (0, "")
    assert err.startswith(f"2 tables in {tmp_path / 'x'}: masks 60, dictionary ")


def said_in(text):
    lines = [line.strip("| ").split(" | ", 1) for line in text.splitlines() if line[:3] == "| `"]
    return {name.strip("`"): meaning for name, meaning in lines}


def test_the_page_of_tables_says_what_the_dictionary_says():
    page = (Path(subprobe.__file__).parent / "docs" / "tables.md").read_text("utf-8")
    columns, others = page.split("## Tables that are not tidy rows")
    said = said_in(columns)
    assert list(said) == list(TIDY)
    for name, column in TIDY.items():
        listed = ", ".join(f"`{value}`" for value in column.allowed)
        assert said[name] == column.meaning + (f": {listed}" if listed else ""), name
    assert said_in(others) == NOT_TIDY


def test_every_table_of_a_run_is_tidy_or_listed_as_something_else(finished_run, dictionary):
    found = {path.stem: path for path in finished_run.glob("*.csv")}
    assert len(found) > 15
    for name, path in found.items():
        head = path.read_text("utf-8").split("\n", 1)[0].split(",")
        tidy = line_of(name) == TIDY_ROW
        assert (head == list(ROW_TYPES)) == tidy, name
    said = dict(zip(dictionary["table"], dictionary["line"], strict=True))
    assert said["rows"] == TIDY_ROW
    assert said["summary_stability"] == NOT_TIDY["summary_stability"]
    assert said == {name: line_of(name) for name in said}
    assert {field.name for field in dataclasses.fields(Stability)} <= set(NOT_TIDY)
    assert "rows" not in NOT_TIDY


def test_a_mean_of_counts_stays_what_it_is():
    found = typed("summary_layers", pd.DataFrame({"n": [1.5, None], "layer": [1.0, None]}))
    assert found["n"].iloc[0] == 1.5
    assert found["layer"].dtype == "Int64"
