"""The notebook of the docs runs from top to bottom, and is committed without outputs."""

from pathlib import Path

import nbformat
import pytest
import subprobe
from nbclient import NotebookClient
from traitlets.config import Config

PAGE = Path(subprobe.__file__).parent / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def notebook():
    read = nbformat.read(PAGE, as_version=4)
    nbformat.validate(read)
    return read


def test_outputs_are_not_committed(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    for cell in cells:
        assert cell.outputs == []
        assert cell.execution_count is None


def shown(cell):
    """The kinds of output of a cell, as a notebook shows them."""
    return {kind for output in cell.outputs for kind in output.get("data", {})}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_notebook_runs(notebook, tmp_path):
    # no port is opened: the kernel talks through files
    files = Config({"ConnectionFileMixin": {"transport": "ipc", "ip": str(tmp_path / "k")}})
    client = NotebookClient(
        notebook, config=files, timeout=500, resources={"metadata": {"path": str(tmp_path)}}
    )
    run = client.execute()
    assert list(tmp_path.glob("k-*")) == []  # and has taken them away
    cells = {cell.source.splitlines()[-1]: cell for cell in run.cells if cell.cell_type == "code"}
    assert "text/html" in shown(cells["good"])
    grid = cells["good"].outputs[-1]["data"]["text/html"]
    assert grid.count("<tr>") == 1 + 6  # a line of head numbers, six layers
    charts = [cell for last, cell in cells.items() if ".plot(" in last]
    assert len(charts) == 4
    for cell in charts:
        drawn = cell.outputs[-1]["data"]
        assert "vega" in "".join(map(str, [*drawn, *drawn.values()])), cell.source
