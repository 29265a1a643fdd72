"""Processes that compute cells: what they tell, and what becomes of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import subprobe
import torch
from subprobe.analysis.cells.work import Order
from subprobe.analysis.configuration.config import RunConfig
from subprobe.analysis.plan.graph import Cell
from subprobe.analysis.running.pool import Pool
from subprobe.analysis.running.resources import threads_of, workers_of
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError
from worker_jobs import mixed, rest

pytestmark = pytest.mark.slow


class Heard(Silent):
    """Progress that remembers what it is told."""

    def __init__(self):
        self.lines: list[str] = []
        self.open: list[str] = []
        self.done: list[tuple[int, int]] = []

    def stage(self, title):
        heard = self

        class Stage:
            def __enter__(self):
                heard.open.append(title)
                return lambda done, total: heard.done.append((done, total))

            def __exit__(self, *_):
                heard.open.remove(title)
                heard.lines.append(f"end {title}")

        return Stage()

    def say(self, line):
        self.lines.append(line)


def order(name):
    return Order(Cell(name, "words"), f"words-{name}", {})


def results(names, out, heard, slots=2):
    """What became of cells by name, given to so many processes, and the longest wait for one."""
    found, waiting, running, longest = {}, list(names), 0, 0.0
    pool = Pool(RunConfig(), out, slots, 1, heard, mixed)
    try:
        while waiting or running:
            while waiting and running < slots:
                pool.submit(order(waiting.pop(0)))
                running += 1
            began = time.monotonic()
            for done in pool.wait():
                found[done.name] = done
                running -= 1
            longest = max(longest, time.monotonic() - began)
    finally:
        pool.close()
    return found, longest


LONG_S = 90.0


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """Five cells in two processes, one of them killed: what became of them, and what they said.

    Whoever waits for them looks by itself only after `LONG_S` seconds.
    """
    out, heard = tmp_path_factory.mktemp("pool"), Heard()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("subprobe.analysis.running.pool._POLL_S", LONG_S)
        found, longest = results(["killer", "a", "b", "c", "refused"], out, heard)
    return found, heard, out, longest


@pytest.mark.timeout(120)
def test_every_cell_is_computed_and_heard(computed):
    found, heard, out, _ = computed
    assert {found[name].state for name in "abc"} == {"done"}
    assert {path.name for path in out.iterdir()} == set("abc")
    assert sorted(heard.lines) == sorted(
        [
            "end dying",
            *(f"end cell {name}" for name in "abc"),
            *(f"said {name}" for name in "abc"),
        ]
    )
    assert heard.open == []
    assert heard.done == [(1, 2)] * 3


def test_a_killed_process_takes_its_own_cell_along_and_no_other(computed):
    found, *_ = computed
    assert found["killer"].state == "failed"
    assert "was killed, perhaps because memory ran out" in found["killer"].why
    assert {name for name, done in found.items() if done.state != "done"} == {"killer", "refused"}


def test_an_error_arrives_as_it_was_raised(computed):
    done = computed[0]["refused"]
    assert isinstance(done.error, ConfigError)
    assert done.error.exit_code == 2
    assert done.why == "test: refused is refused; none"


def test_who_waits_is_woken_by_the_end_of_a_cell_or_of_its_process(computed):
    assert computed[-1] < LONG_S


@pytest.mark.timeout(120)
@pytest.mark.parametrize("stdin", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_script_needs_no_main_guard_and_workers_end_with_it(tmp_path, stdin):
    """It is not run again in the processes, nor looked for where it came from stdin."""
    script, out = tmp_path / "script.py", tmp_path / "out"
    script.write_text(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from worker_jobs import rest\n"
        "from subprobe.analysis.configuration.config import RunConfig\n"
        "from subprobe.analysis.steps.progress import Silent\n"
        "from subprobe.analysis.plan.graph import Cell\n"
        "from subprobe.analysis.running.pool import Pool\n"
        "from subprobe.analysis.cells.work import Order\n"
        "print('once', flush=True)\n"
        f"out = Path({str(out)!r})\n"
        "out.mkdir()\n"
        "pool = Pool(RunConfig(), out, 1, 1, Silent(), rest)\n"
        "pool.submit(Order(Cell('a', 'words'), 'words-a', {}))\n"
        "while not (out / 'a').exists():\n"
        "    pool.wait()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    support = str(Path(subprobe.__file__).parent / "tests" / "support")
    paths = os.pathsep.join([support, os.environ["PYTHONPATH"]])
    with script.open() as stream:
        done = subprocess.run(
            [sys.executable, *([] if stdin else [script])], stdin=stream if stdin else None,
            capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (-9, "once\n"), done.stderr
    worker = int((out / "a").read_text())
    until = time.monotonic() + 20
    while psutil.pid_exists(worker) and time.monotonic() < until:
        time.sleep(0.05)
    assert not psutil.pid_exists(worker)


@pytest.mark.timeout(120)
def test_closing_a_pool_ends_what_computes(tmp_path):
    pool = Pool(RunConfig(), tmp_path, 1, 1, Heard(), rest)
    pool.submit(order("a"))
    while not (tmp_path / "a").exists() or not (tmp_path / "a").read_text():
        pool.wait()
    worker = int((tmp_path / "a").read_text())
    pool.close()
    assert not psutil.pid_exists(worker)


@pytest.mark.parametrize(
    ("wanted", "cells", "cores", "threads", "count"),
    [(0, 2, 8, 1, 2), (0, 9, 2, 1, 2), (0, 9, 8, 4, 2), (1, 5, 8, 1, 1), (3, 2, 1, 1, 2)],
)
def test_workers(monkeypatch, wanted, cells, cores, threads, count):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert workers_of(RunConfig(workers=wanted), threads, cells) == count


def test_an_accelerator_serves_one_process(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert workers_of(RunConfig(), 1, 4) == 1
    assert workers_of(RunConfig(device="cpu"), 1, 4) == min(4, os.cpu_count() or 1)


def test_a_process_that_may_start_none_computes_alone(monkeypatch):
    import multiprocessing

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "daemon", True)
    assert workers_of(RunConfig(workers=4), 1, 4) == 1


def test_threads_do_not_depend_on_the_number_of_workers(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for workers in (0, 1, 4):
        assert threads_of(RunConfig(seeds=(1, 2), workers=workers), tmp_path) == 4
    assert threads_of(RunConfig(threads=3), tmp_path) == 3
    assert threads_of(RunConfig(seeds=tuple(range(20))), tmp_path) == 1


@pytest.mark.timeout(120)
def test_an_interrupt_while_it_closes_leaves_no_process(tmp_path, monkeypatch):
    """The next one would wait for work for ever, and the run for it."""
    pool = Pool(RunConfig(), tmp_path, 2, 1, Silent(), rest)
    for name in "ab":
        pool.submit(order(name))
    workers = [
        one for one in psutil.Process().children() if "spawn_main" in " ".join(one.cmdline())
    ]
    assert len(workers) >= 2
    leave, interrupts = pool._workers[0]._leave_stage, [signal.SIGINT]

    def interrupted():
        leave()
        if interrupts:
            signal.raise_signal(interrupts.pop())

    monkeypatch.setattr(pool._workers[0], "_leave_stage", interrupted)
    # who runs tests in the background may have switched Ctrl-C off
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            pool.close()
    finally:
        signal.signal(signal.SIGINT, before)
    assert [one for one in workers if one.is_running()] == []
