"""The picture of a graph: well-formed, every cell in it, its state by colour."""

from xml.etree import ElementTree

import pytest
from subprobe.analysis.figures.cell_graph import (
    MOST_CELLS,
    STATE_COLOURS,
    columns_of,
    graph_spec,
    graph_svg,
)
from subprobe.analysis.plan.graph import Cell, Graph

SVG = "{http://www.w3.org/2000/svg}"


def small(seeds=(1, 2)):
    cells = []
    for seed in seeds:
        at = f"a<&>/seed{seed}"
        cells += [
            Cell(f"{at}/finetune", "finetune"),
            Cell(f"{at}/full/score", "evaluate", {"model": f"{at}/finetune"}),
            Cell(f"{at}/search", "prune", {"model": f"{at}/finetune"}),
            Cell(f"{at}/good/score", "evaluate",
                 {"model": f"{at}/finetune", "good": f"{at}/search"}),
        ]  # fmt: skip
    return Graph(cells)


def test_every_cell_is_drawn_in_the_colour_of_its_state():
    graph = small()
    states = dict(zip(graph.cells, [*STATE_COLOURS, *STATE_COLOURS], strict=True))
    root = ElementTree.fromstring(graph_svg(graph, states))
    squares = {
        one.get("aria-label"): one.get("fill")
        for one in root.iter(f"{SVG}path")
        if (one.get("aria-label") or "").startswith("a<&>/")
    }
    assert squares == {f"{name}: {state}": STATE_COLOURS[state] for name, state in states.items()}
    words = {one.text for one in root.iter(f"{SVG}text")}
    assert {"finetune", "prune", "evaluate", "a<&>/seed1", "a<&>/seed2"} <= words
    assert "2 of 8 cells are done" in words


def test_what_is_read_stands_before_what_reads_it():
    columns = columns_of(small())
    assert columns["finetune"] < columns["prune"] < columns["evaluate"]
    assert sorted(columns.values()) == [0, 1, 2]


def test_the_lines_are_what_cells_read():
    graph = small(seeds=(1,))
    spec = graph_spec(graph, dict.fromkeys(graph.cells, "missing"))
    name = spec["layer"][0]["data"]["name"]
    assert len(spec["datasets"][name]) == 4


def test_of_a_large_graph_the_steps_are_drawn_as_far_as_they_are_done():
    graph = small(seeds=range(MOST_CELLS))
    states = dict.fromkeys(graph.cells, "missing")
    for name in list(graph.cells)[: len(graph) // 2]:
        states[name] = "done"
    text = graph_svg(graph, states)
    root = ElementTree.fromstring(text)
    words = {one.text for one in root.iter(f"{SVG}text")}
    count = MOST_CELLS
    assert {f"{count // 2:,} of {count:,}", f"{count:,} of {2 * count:,}"} <= words
    assert len(text) < 40_000
    # half of each bar is done
    spec = graph_spec(graph, states)
    parts = spec["datasets"][spec["layer"][1]["data"]["name"]]
    for state in ("done", "missing"):
        widths = [one["x2"] - one["x"] for one in parts if one["state"] == state]
        assert widths == pytest.approx([0.4] * 3)


def test_a_graph_without_lines_is_drawn():
    graph = Graph([Cell("a/seed1/readings", "readings")])
    ElementTree.fromstring(graph_svg(graph, {"a/seed1/readings": "done"}))
    many = Graph(Cell(f"a/seed{n}/readings", "readings") for n in range(MOST_CELLS + 1))
    ElementTree.fromstring(graph_svg(many, dict.fromkeys(many.cells, "done")))
