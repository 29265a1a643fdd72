"""What a cell gives is one whole file, compressed, sealed and read back to the last digit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from subprobe.analysis.cell_output import CellOutput
from subprobe.data.errors import DataFileError
from subprobe.data.files.atomic import digest
from subprobe.data.files.parquet_files import read_table, sealed_text, write_sealed
from subprobe.data.files.unpacking import SMALL
from subprobe.data.output.tables import items_frame, rows_frame


def output() -> CellOutput:
    rows = rows_frame([{"probe": "performance", "metric": "accuracy", "value": 1 / 3, "n": 7}])
    items = pd.DataFrame([{"item_id": "a", "score": 0.1 + 0.2}, {"item_id": "b", "score": None}])
    return CellOutput(rows, items, {"counts": np.array([[1.0, np.nan], [0.1, 2e-9]])}, {"n": 3})


def test_output_survives_the_file(tmp_path: Path) -> None:
    output().save(tmp_path / "one.parquet")
    back = CellOutput.load(tmp_path / "one.parquet")
    pd.testing.assert_frame_equal(back.rows, output().rows, check_exact=True)
    assert back.items["score"].tolist()[0] == 0.1 + 0.2
    assert back.items["score"].isna().tolist() == [False, True]
    np.testing.assert_array_equal(back.arrays["counts"], output().arrays["counts"])
    assert back.notes == {"n": 3}


def probed(texts: int = 60) -> CellOutput:
    """Items of every head of some texts, as probes write them: real sums, and counts."""
    rng = np.random.default_rng(0)
    text, head = (axis.ravel() for axis in np.indices((texts, 72)))
    about = {
        "probe": "attention-stats",
        "item_id": [f"text-{number:03}" for number in text],
        "sentence_id": [f"text-{number:03}" for number in text],
        "layer": head // 12,
        "head": head % 12,
    }
    sums = {
        "attention_to_next": rng.random(len(text)).astype(np.float32),
        "dependency_accuracy": rng.integers(0, 4, len(text)),
    }
    items = [
        pd.DataFrame({**about, "metric": metric, "numerator": values, "denominator": 14.0})
        for metric, values in sums.items()
    ]
    means = {"layer": head[:72] // 12, "head": head[:72] % 12, "value": rng.random(72)}
    rows = pd.DataFrame({"probe": "attention-stats", "metric": "attention_to_next", **means})
    return CellOutput(rows_frame(rows), items_frame(pd.concat(items)), {}, {})


def test_a_cell_is_written_compressed_and_once(tmp_path: Path) -> None:
    path, given = tmp_path / "one.parquet", probed()
    given.save(path)
    back = CellOutput.load(path)
    pd.testing.assert_frame_equal(back.items, given.items.reset_index(drop=True), check_exact=True)
    with pq.ParquetFile(path) as file:
        metadata, schema = file.metadata, file.schema_arrow
    # Arrow's copy of the schema would hold the rows a second time
    assert set(metadata.metadata) == {b"subprobe-zstd", b"subprobe-check"}
    assert {str(field.type) for field in schema} == {"string", "int64", "double"}
    columns = {
        chunk.path_in_schema: chunk
        for group in range(metadata.num_row_groups)
        for place in range(metadata.num_columns)
        for chunk in (metadata.row_group(group).column(place),)
    }
    assert {chunk.compression for chunk in columns.values()} == {"ZSTD"}
    assert "BYTE_STREAM_SPLIT" in columns["numerator"].encodings
    for name in ("probe", "item_id", "metric", "layer", "head", "denominator"):
        assert "RLE_DICTIONARY" in columns[name].encodings, name
    # three bytes of each real sum cannot be compressed
    given.items.to_parquet(tmp_path / "plain.parquet", index=False)
    assert path.stat().st_size < 0.6 * (tmp_path / "plain.parquet").stat().st_size


def test_a_cell_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """Its rows stood as plain records in Arrow's metadata."""
    given = probed(4)
    rows = json.loads(given.rows.dropna(axis=1, how="all").to_json(orient="records"))
    text = json.dumps({"rows": rows, "arrays": {}, "notes": {"n": 3}})
    table = pa.Table.from_pandas(given.items.reset_index(drop=True), preserve_index=False)
    columns = [[field.name, str(field.type)] for field in table.schema]
    seal = digest([text, columns, table.num_rows]).encode()
    own = table.schema.metadata
    table = table.replace_schema_metadata({**own, b"subprobe": text, b"subprobe-check": seal})
    pq.write_table(table, tmp_path / "old.parquet", write_page_checksum=True)
    back = CellOutput.load(tmp_path / "old.parquet")
    assert back.notes == {"n": 3}
    pd.testing.assert_frame_equal(back.items, given.items.reset_index(drop=True), check_exact=True)
    pd.testing.assert_frame_equal(back.rows, given.rows, rtol=1e-9)


def test_a_text_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cell.parquet"
    write_sealed(pa.table({"item_id": pa.array(["a"])}), "0" * (SMALL + 1), path)
    assert path.stat().st_size < 20_000
    with pytest.raises(DataFileError, match=r"cell\.parquet: decompresses to more than 16 MB"):
        sealed_text(read_table(path, seal=True), path)


def test_same_output_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        output().save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_killed_writer_leaves_no_cell(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from subprobe.data.files.atomic import atomic_path\n"
        "with atomic_path(sys.argv[1]) as path:\n"
        "    path.write_text('half')\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
    )
    target = tmp_path / "cell.parquet"
    command = [sys.executable, "-c", code, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        os.kill(writer.pid, signal.SIGKILL)
    time.sleep(0.05)
    assert not target.exists()
