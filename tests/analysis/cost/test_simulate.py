"""The simulated schedule is the one that a plain clock gives, and no better than can be."""

import itertools
import math
import random

import pytest
from subprobe.analysis.cost.simulate import critical_path, simulate
from subprobe.analysis.plan.graph import Cell, Graph


def random_graph(seed, count=6):
    """Cells that read some of those before them, and how many seconds each takes."""
    dice = random.Random(seed)
    names = [f"c{number}" for number in range(count)]
    cells = []
    for place, name in enumerate(names):
        read = dice.sample(names[:place], dice.randint(0, min(2, place)))
        cells.append(Cell(name, "mask", {f"r{i}": one for i, one in enumerate(read)}))
    return Graph(cells), {name: dice.randint(1, 5) for name in names}


def chain(graph, seconds, name):
    """Seconds of the longest chain from a cell on, by going through all of them."""
    after = [chain(graph, seconds, one.name) for one in graph if name in one.inputs.values()]
    return seconds[name] + max(after, default=0)


def by_the_clock(graph, seconds, workers, left):
    """A second oracle: time goes on by one, and free workers take the longest chain."""
    left_seconds = {name: seconds[name] if name in left else 0 for name in graph.cells}
    rank = {name: chain(graph, left_seconds, name) for name in left}
    place = {name: number for number, name in enumerate(graph.order)}
    done = {name for name in graph.cells if name not in left}
    running, clock = {}, 0
    while len(done) < len(graph):
        for name in [one for one, end in running.items() if end == clock]:
            del running[name]
            done.add(name)
        ready = [
            name for name in left
            if name not in done and name not in running
            and all(one in done for one in graph[name].inputs.values())
        ]  # fmt: skip
        for name in sorted(ready, key=lambda one: (-rank[one], place[one])):
            if len(running) < workers:
                running[name] = clock + seconds[name]
        if len(done) < len(graph):
            clock += 1
    return clock


def shortest(graph, seconds, workers):
    """The best that any order gives: all of them are tried."""
    best = math.inf
    for order in itertools.permutations(graph.cells):
        ends, free = {}, [0] * workers
        for name in order:
            if not all(one in ends for one in graph[name].inputs.values()):
                break
            ready = max((ends[one] for one in graph[name].inputs.values()), default=0)
            # the worker that is free last before the cell can begin, else the first to be free
            early = [at for at in free if at <= ready]
            worker = free.index(max(early) if early else min(free))
            ends[name] = free[worker] = max(ready, free[worker]) + seconds[name]
        else:
            best = min(best, max(ends.values()))
    return best


@pytest.mark.parametrize("seed", range(40))
def test_it_is_what_the_clock_gives(seed):
    graph, seconds = random_graph(seed, count=9)
    left = [name for name in graph.cells if random.Random(seed).random() < 0.8]
    for workers in (1, 2, 3):
        found = simulate(graph, seconds, workers, left)
        assert found.makespan == by_the_clock(graph, seconds, workers, left)


@pytest.mark.parametrize("seed", range(12))
def test_no_order_beats_the_bound_and_the_schedule_is_near_the_best(seed):
    graph, seconds = random_graph(seed)
    for workers in (2, 3):
        found, best = simulate(graph, seconds, workers), shortest(graph, seconds, workers)
        assert found.bound <= best <= found.makespan
        assert found.makespan <= (2 - 1 / workers) * best  # Graham (1969)


def test_one_worker_takes_all_of_the_work_and_many_the_longest_chain():
    graph, seconds = random_graph(3, count=20)
    alone, crowd = simulate(graph, seconds, 1), simulate(graph, seconds, 20)
    assert alone.makespan == alone.work == sum(seconds.values())
    assert crowd.makespan == crowd.critical == crowd.bound


def test_what_is_finished_takes_nothing():
    graph, seconds = random_graph(5)
    assert simulate(graph, seconds, 2, []).makespan == 0
    last = graph.order[-1]
    assert simulate(graph, seconds, 2, [last]).makespan == seconds[last]


def test_the_critical_path_is_a_chain_of_its_length():
    for seed in range(20):
        graph, seconds = random_graph(seed, count=12)
        path = critical_path(graph, seconds, graph.cells)
        for one, other in itertools.pairwise(path):
            assert one in graph[other].inputs.values()
        assert sum(seconds[name] for name in path) == simulate(graph, seconds, 1).critical


def test_a_run_needs_a_worker():
    graph, seconds = random_graph(1)
    with pytest.raises(ValueError, match="workers must be >= 1, got 0"):
        simulate(graph, seconds, 0)
