"""Damaged files of a run folder, and options that no run has: one line with file and place."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from paired_run import write_paired_run
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.comparison.probe_items import read_probe_items
from subprobe.analysis.comparison.run_items import _said
from subprobe.analysis.configuration.config import read_config
from subprobe.analysis.report.attribution_examples import read_word_frame
from subprobe.analysis.run_folder.reading import _cell_items, load_manifest, load_rows
from subprobe.analysis.running.attributed_words import COLUMNS, FILE
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.data.output.tables import rows_frame, write_parquet
from subprobe.probes.options import parse_options


@pytest.fixture
def cell(tmp_path):
    path = tmp_path / "evaluate-0.parquet"
    items = pd.DataFrame({"probe": "performance", "item_id": ["a", "b"], "prediction": [0.0, 1.0]})
    rows = pd.DataFrame({"probe": ["performance"], "metric": "accuracy", "value": 0.75})
    CellOutput(rows, items, {"correct": np.ones(3)}, {"n_truncated": 7}).save(path)
    return path


@pytest.mark.parametrize("part", ["text", "start of the text", "subprobe-check", "subprobe-zstd"])
def test_a_changed_byte_in_the_facts_of_a_cell_is_noticed(cell, part):
    sound = cell.read_bytes()
    assert CellOutput.load(cell).notes == {"n_truncated": 7}
    packed = pq.ParquetFile(cell).metadata.metadata[b"subprobe-zstd"]
    places = {"text": packed[20:], "start of the text": packed}
    found = places.get(part, part.encode())
    assert sound.count(found) == 1
    cell.write_bytes(sound.replace(found, b"1" + found[1:]))
    for read in (CellOutput.load, read_probe_items, _said, lambda path: list(_cell_items(path))):
        with pytest.raises(DataFileError, match="recomputes it") as caught:
            read(cell)
        assert str(cell) in str(caught.value)


def test_a_cell_that_was_computed_again_is_read_again(cell):
    assert _said(cell)[2].tolist() == [0.0, 1.0]
    items = pd.DataFrame({"probe": "performance", "item_id": ["a", "b"], "prediction": [1.0, 1.0]})
    CellOutput(rows_frame(pd.DataFrame()), items).save(cell)
    assert _said(cell)[2].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 9, None])
def test_a_cell_that_is_none(cell, content):
    if content is None:
        write_parquet(pd.DataFrame({"probe": ["performance"]}), cell)
    else:
        cell.write_bytes(content)
    with pytest.raises(DataFileError, match=r"evaluate-0\.parquet: is "):
        CellOutput.load(cell)
    with pytest.raises(DataFileError, match=r"evaluate-0\.parquet: "):
        read_probe_items(cell)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ([1], "is not a JSON object but a list"),
        ({"config": []}, "entry 'config' "),
        ({"config": {"seeds": 3}}, "entry 'config.seeds' "),
        ({"config": {"tasks": [1]}}, "entry 'config.tasks.0' "),
        ({"config": {"prune": {"threshold": "x"}}}, "entry 'config.prune.threshold' "),
        ({"corpus": {"name": "natural", "sentences": "many"}}, "entry 'corpus.sentences' "),
        ({"corpus": {"name": "natural"}}, "entry 'corpus.sentences' "),
        ({"model": {"name": 3}}, "entry 'model.name' "),
        ({"runs": [{"examples": {"train": None}}]}, "entry 'runs.0.examples.train' "),
    ],
)
def test_a_manifest_of_other_types(tmp_path, changed, said):
    (tmp_path / "manifest.json").write_text(json.dumps(changed))
    with pytest.raises(DataFileError) as caught:
        load_manifest(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'manifest.json'}: {said}")


def test_a_manifest_of_another_version_is_read(tmp_path):
    (tmp_path / "manifest.json").write_text('{"config": {"tasks": ["cola"]}, "new": [1]}')
    assert load_manifest(tmp_path)["new"] == [1]


def test_rows_that_are_none(tmp_path):
    rows = write_paired_run(tmp_path, n=8, draws=1)
    assert len(load_rows(tmp_path)) == len(rows)
    write_parquet(rows.iloc[:0], tmp_path / "rows.parquet")
    with pytest.raises(DataFileError, match=r"rows\.parquet: holds no rows"):
        load_rows(tmp_path)
    write_parquet(rows.astype({"value": "string"}).assign(value="x"), tmp_path / "rows.parquet")
    with pytest.raises(DataFileError, match=r"rows\.parquet: is not a table of rows"):
        load_rows(tmp_path)


@pytest.mark.parametrize(
    ("column", "value"),
    [("attribution", "x"), ("attribution", "inf"), ("attribution", "nan"), ("seed", "one"),
     ("position", "0.5"), ("sentence", ""), ("draw", "9" * 400)],
)  # fmt: skip
def test_attributed_words_of_other_types(tmp_path, column, value):
    line = dict.fromkeys(COLUMNS, "0") | {"word": "cats"}
    path = tmp_path / FILE
    pd.DataFrame([line]).to_csv(path, index=False)
    assert read_word_frame(tmp_path)["word"].tolist() == ["cats"]
    pd.DataFrame([line | {column: value}]).to_csv(path, index=False)
    with pytest.raises(DataFileError, match=FILE.replace(".", r"\.")):
        read_word_frame(tmp_path)
    pd.DataFrame([line]).drop(columns=column).to_csv(path, index=False)
    with pytest.raises(DataFileError, match=FILE.replace(".", r"\.")):
        read_word_frame(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seeds = [-1]", "option 'seeds.0' "),
        ("seeds = [4294967296]", "option 'seeds.0' "),
        ("workers = 0x" + "f" * 5000, "got a number with thousands of digits"),
        ("workers = " + "9" * 5000, "is not valid TOML (Exceeds the limit"),
        ("seeds = " + "[" * 3000, "is not valid TOML (nested too deeply)"),
        ("model = '\\ud83d", "is not valid TOML"),
        ("examples = [99999999999, 1, 1]", "option 'examples' must be <= 4294967295"),
        (
            "[probe.options.norms]\nx = 99999999999",
            "option 'probe.options.norms.x' must be <= 4294967295",
        ),
    ],
)
def test_a_configuration_that_no_run_has(tmp_path, text, said):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_a_value_of_an_option_that_is_no_toml_is_text():
    for text in ("[" * 3000, "9" * 5000, "'open"):
        assert parse_options([f"norms.x={text}"]) == {"norms": {"x": text}}
