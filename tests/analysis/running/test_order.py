"""Of the cells that may begin, the one goes first that begins the longest chain."""

from subprobe.analysis.cells.work import Done
from subprobe.analysis.cost.simulate import simulate
from subprobe.analysis.plan.graph import Cell, Graph
from subprobe.analysis.plan.registry import VERSIONS
from subprobe.analysis.running.execute import State, execute
from subprobe.analysis.steps.progress import Silent
from subprobe.analysis.storage.certificate import Certificate, FileMark
from subprobe.analysis.storage.store import CellStore


class Told:
    """Computes nothing: the cells that are submitted end by the clock, each after its seconds."""

    def __init__(self, slots, seconds):
        self.slots, self._seconds = slots, seconds
        self.names, self.clock, self._running = [], 0.0, []

    def submit(self, order):
        self.names.append(order.cell.name)
        self._running.append((self.clock + self._seconds[order.cell.name], order))

    def wait(self):
        self._running.sort(key=lambda one: one[0])
        self.clock, order = self._running.pop(0)
        proof = Certificate(order.id, order.cell.name, {}, (FileMark("cells/x", 0, 0, ""),))
        return [Done(order.cell.name, "done", proof=proof)]

    def close(self):
        pass


def computed(graph, seconds, folder, *, slots=1, given=True):
    """The names in the order in which they are begun, and the clock at the end."""
    engine, state = Told(slots, seconds), State(todo=dict.fromkeys(graph.cells, "missing"))
    execute(
        graph, graph.ids(VERSIONS, {}), CellStore(folder), engine, state, Silent(),
        seconds=seconds if given else None,
    )  # fmt: skip
    assert state.whole
    return engine.names, engine.clock


def two_trainings():
    cells = [Cell(f"{name}/train", "finetune") for name in ("short", "long")]
    cells += [
        Cell(f"{name}/score", "evaluate", {"model": f"{name}/train"}) for name in ("short", "long")
    ]
    return Graph(cells)


def test_longer_chains_go_first(tmp_path):
    graph = two_trainings()
    seconds = {"short/train": 1, "long/train": 50, "short/score": 1, "long/score": 1}
    names, _ = computed(graph, seconds, tmp_path)
    assert names == ["long/train", "short/train", "short/score", "long/score"]
    # without expected seconds, steps of one kind go as they stand
    names, _ = computed(graph, seconds, tmp_path, given=False)
    assert names[0] == "short/train"


def test_a_simulated_run_takes_as_long_as_the_run_itself(tmp_path):
    cells, seconds = [], {}
    for number in range(12):
        inputs = {"a": f"c{number // 2 - 1}"} if number > 1 else {}
        cells.append(Cell(f"c{number}", "finetune", inputs))
        seconds[f"c{number}"] = 1 + number * 7 % 5
    graph = Graph(cells)
    for slots in (1, 2, 3):
        _, clock = computed(graph, seconds, tmp_path, slots=slots)
        assert clock == simulate(graph, seconds, slots).makespan
