"""Cells, their order and identities; and that these depend on what decides an output alone."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.configuration.config import RunConfig, parse_config
from subprobe.analysis.plan.graph import Cell, Graph
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.plan.registry import STEPS, VERSIONS, find_step
from subprobe.analysis.plan.seed_plan import TaskFacts
from subprobe.data.errors import UnknownNameError
from subprobe.models.training.recipes import Recipe

SOURCES = {"a": "1", "b": "2"}


def chain(**changed):
    first = Cell("first", "evaluate", sources=("a",), options=changed)
    return Graph([first, Cell("second", "probe", {"model": "first"})])


def test_identities_change_with_version_sources_options_and_what_is_upstream():
    usual = chain().ids(VERSIONS, SOURCES)
    for other in (
        chain(length=9).ids(VERSIONS, SOURCES),
        chain().ids({**VERSIONS, "evaluate": 99}, SOURCES),
        chain().ids(VERSIONS, {**SOURCES, "a": "3"}),
    ):
        assert set(other.values()).isdisjoint(usual.values())
    later = chain().ids({**VERSIONS, "probe": 99}, {**SOURCES, "b": "9"})
    assert later["first"] == usual["first"]
    assert later["second"] != usual["second"]


def test_a_graph_of_unsound_cells_is_refused():
    with pytest.raises(ValueError, match="two cells are called x"):
        Graph([Cell("x", "words"), Cell("x", "words")])
    with pytest.raises(ValueError, match="x reads y, which is not a cell"):
        Graph([Cell("x", "words", {"model": "y"})])
    with pytest.raises(ValueError, match="depend on each other in a circle"):
        _ = Graph([Cell("x", "words", {"i": "y"}), Cell("y", "words", {"i": "x"})]).order


@st.composite
def graphs(draw):
    """Random graphs whose cells stand in any order."""
    count = draw(st.integers(1, 9))
    cells = [
        Cell(str(n), "words", {str(o): str(o) for o in range(n) if draw(st.booleans())})
        for n in range(count)
    ]
    return Graph(draw(st.permutations(cells)))


@given(graphs())
def test_order_and_reach_agree_with_a_search_by_hand(graph):
    place = {name: number for number, name in enumerate(graph.order)}
    assert set(place) == set(graph.cells)
    for cell in graph:
        assert all(place[other] < place[cell.name] for other in cell.inputs.values())

    def reaches(one, other):
        return any(middle == one or reaches(one, middle) for middle in graph[other].inputs.values())

    for name in graph.cells:
        expected = {other for other in graph.cells if reaches(name, other)}
        assert graph.downstream([name]) == expected


@given(graphs(), st.randoms(use_true_random=False))
def test_the_longest_chain_is_the_longest_of_all_chains(graph, random):
    seconds = {name: random.uniform(0, 5) for name in graph.cells}

    def chains(name):
        yield (name,)
        for reader in graph.readers[name]:
            for rest in chains(reader):
                yield (name, *rest)

    for name, found in graph.longest(seconds).items():
        assert found == pytest.approx(max(sum(seconds[n] for n in one) for one in chains(name)))


# -- the graph of a run --------------------------------------------------------------------

FACTS = TaskFacts("acceptability", Recipe(1e-4, 3.0), (), 128)


def planned(**changed):
    options = {"seeds": [1], "controls": {"draws": 2}, **changed}
    return plan(parse_config(options, where="test"), {"acceptability": FACTS})


def ids(graph):
    sources = {source: source for cell in graph for source in cell.sources}
    return graph.ids(VERSIONS, sources)


def test_every_step_of_a_run_is_registered_and_can_be_loaded():
    everything = planned(
        seeds=[1, 2],
        prune={"methods": ["structured", "magnitude", "imp"]},
        controls={"draws": 2, "across_seeds": True, "artefacts": True, "untrained_search": True},
        probe={"names": ["attention-stats", "dependency-heads", "attention-change"]},
    )
    by_encoder = planned(controls={"draws": 1, "artefacts": True, "artefacts_by": "encoder"})
    curves = planned(seeds=[1, 2], curve={"shares": [0.5]})
    alike = planned(same_score={"masks": 2}, probe={"names": ["attention-stats"]})
    steps = [{cell.step for cell in graph} for graph in (everything, by_encoder, curves, alike)]
    of_curves = {"curve", "curvesuper", "curvetables"}
    of_masks = {"samemask", "samescore", "sameprobe", "samecore", "sametables"}
    assert steps[0] == set(STEPS) - {"partialencoder"} - of_curves - of_masks
    assert of_curves <= steps[2]
    assert of_masks <= steps[3]
    assert "partialencoder" in steps[1]
    assert "partial" not in steps[1]
    for step in STEPS.values():
        assert callable(step.load())
    with pytest.raises(UnknownNameError, match="step"):
        find_step("none")
    names = list(everything.cells)
    # super, anti and middle of two seeds stand behind both
    later = names[names.index("acceptability/across/structured/super") :]
    shared = ("across", "/super/", "/anti/", "/middle/")
    assert all(any(word in name for word in shared) for name in later)


@pytest.mark.parametrize(
    ("changed", "steps"),
    [
        ({"probe": {"sentences": 5}}, {"probe", "survivors"}),
        ({"probe": {"subsets": 7}}, {"survivors"}),
        ({"probe": {"examples": 3}}, {"probe", "readings"}),
        ({"probe": {"names": ["attention-stats"]}}, {"readings"}),
        ({"controls": {"draws": 9}}, {"evaluate", "probe", "survivors"}),
        ({"prune": {"methods": ["structured", "magnitude"]}}, None),
    ],
)
def test_an_option_changes_the_cells_that_read_it(changed, steps):
    before, after = ids(planned()), ids(planned(**changed))
    new = set(after.values()) - set(before.values())
    if steps is None:  # another method adds cells and changes none
        assert set(before.values()) <= set(after.values())
    else:
        assert {cell.rsplit("-", 1)[0] for cell in new} <= steps


def test_a_probe_more_trains_and_scores_nothing_again():
    before = ids(planned(probe={"names": ["attention-stats"]}))
    after = ids(planned(probe={"names": ["attention-stats", "attention-trees"]}))
    assert set(before.values()) <= set(after.values())
    assert {cell.split("-")[0] for cell in set(after.values()) - set(before.values())} == {"probe"}


def test_identities_are_unique():
    graph = planned(seeds=[1, 2], controls={"draws": 3, "across_seeds": True})
    found = ids(graph)
    assert len(set(found.values())) == len(graph)


def test_where_workers_and_threads_are_is_no_part_of_a_cell():
    alone: list[dict[str, Any]] = [
        {},
        {"workers": 3},
        {"threads": 2},
        {"device": "cpu"},
        {"deterministic": True},
    ]
    for one, other in itertools.combinations(alone, 2):
        assert ids(planned(**one)) == ids(planned(**other))
    assert RunConfig().workers == 0
