"""Seeds of the initialisation crossed with seeds of the order of examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.plan.seed_plan import TaskFacts
from subprobe.analysis.running.earlier import settled
from subprobe.data.errors import ConfigError
from subprobe.data.output.folders import write_record
from subprobe.data.output.ownership import RUN, Record
from subprobe.data.output.run_record import CONFIGURATION
from subprobe.data.seeds import seed_of, seeds_of
from subprobe.models.training.recipes import EMBEDDED

GRID = {"seeds_init": [1, 2], "seeds_order": [1, 3]}
seeds = st.integers(1, 999)


@given(seeds, seeds)
def test_one_seed_stands_for_one_pair(init, order):
    assert seeds_of(seed_of(init, order), crossed=True) == (init, order)


@given(st.lists(st.tuples(seeds, seeds), unique=True, max_size=30))
def test_two_pairs_never_share_a_seed(pairs):
    assert len({seed_of(*pair) for pair in pairs}) == len(pairs)


def test_without_crossing_a_seed_stands_for_itself():
    assert seeds_of(4012, crossed=False) == (4012, 4012)


def test_the_lists_are_every_pair_and_the_record_reads_back():
    config = parse_config(GRID, where="test")
    assert config.seeds == (1, 1003, 2001, 2003)
    again = parse_config(config.plain(), where="test")
    assert (again.seeds, again.plain()) == (config.seeds, config.plain())
    assert [config.split_seed(seed) for seed in config.seeds] == [1, 1, 1, 1]
    alone = parse_config({"seeds": [5, 6]}, where="test")
    assert [alone.split_seed(seed) for seed in alone.seeds] == [5, 6]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seeds_init": [1, 2]}, "one of them is missing"),
        ({"seeds_order": [1, 2]}, "give `seeds_init` too"),
        ({**GRID, "seeds": [1, 2]}, "which replace it"),
        ({**GRID, "seeds_init": [0, 1]}, "seeds_init"),
        ({**GRID, "seeds_order": [1000]}, "seeds_order"),
        ({**GRID, "seeds_init": [1, 1]}, "contains duplicates: 1"),
        ({**GRID, "seeds_init": "1"}, "seeds_init"),
    ],
)
def test_lists_that_make_no_grid_are_refused(values, words):
    with pytest.raises(ConfigError) as refused:
        parse_config(values, where="test")
    assert words in str(refused.value)


def test_cells_name_both_seeds_where_they_differ():
    config = parse_config({**GRID, "controls": {"draws": 1}}, where="test")
    graph = plan(config, {"acceptability": TaskFacts("acceptability", EMBEDDED)})
    trained = {cell.options["seed"]: cell.options for cell in graph if cell.step == "finetune"}
    assert {seed: options.get("init_order") for seed, options in trained.items()} == {
        1: None, 1003: [1, 3], 2001: [2, 1], 2003: [2, 3]
    }  # fmt: skip


def recorded(folder, values):
    plain = parse_config(values, where="test").plain()
    write_record(folder, Record({RUN: {CONFIGURATION: plain}}, {}))


@pytest.mark.parametrize("existing", ["refuse", "add"])
def test_the_same_grid_in_another_order_is_the_same_run(tmp_path, existing):
    recorded(tmp_path, GRID)
    turned = parse_config({"seeds_init": [2, 1], "seeds_order": [3, 1]}, where="test")
    again = settled(turned, tmp_path, existing, pytest.fail)
    assert again.split_seed(1003) == 1
    assert sorted(again.seeds) == [1, 1003, 2001, 2003]
    assert settled(turned, tmp_path, "new", pytest.fail).split_seed(1003) == 2


def test_a_grid_grows_but_only_a_grid(tmp_path):
    recorded(tmp_path, GRID)
    more = parse_config({**GRID, "seeds_order": [4]}, where="test")
    grown = settled(more, tmp_path, "add", lambda line: None)
    assert (grown.seeds_init, grown.seeds_order) == ((1, 2), (1, 3, 4))
    assert len(grown.seeds) == 6
    with pytest.raises(ConfigError, match="must be the same in the whole run"):
        settled(parse_config({"seeds": [1, 2]}, where="test"), tmp_path, "add", lambda line: None)
