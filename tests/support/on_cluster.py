"""Dask clusters on this machine, and what their workers do with a cell in tests."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster, Scheduler, SpecCluster, Worker, get_worker
from subprobe.analysis.cells.work import Done, Order
from subprobe.analysis.configuration.config import RunConfig
from subprobe.analysis.plan.graph import Cell, Graph, Needs
from subprobe.analysis.plan.sources import Sources
from subprobe.analysis.plan.whole_run import RunPlan
from subprobe.analysis.running.cluster.spread import Cluster
from subprobe.analysis.running.engine import Engine
from subprobe.analysis.steps.progress import Progress, Silent

LOOPBACK = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}


@contextmanager
def processes(count: int) -> Iterator[LocalCluster]:
    """A cluster of so many processes, each started again when it dies."""
    with LocalCluster(
        n_workers=count, threads_per_worker=1, processes=True, memory_limit=0,
        silence_logs=60, **LOOPBACK,
    ) as cluster:  # fmt: skip
        yield cluster


@contextmanager
def workers_here(*workers: Mapping[str, Any]) -> Iterator[Client]:
    """The client of a cluster inside this process, a worker by its options each."""
    specs = {
        number: {
            "cls": Worker,
            "options": {
                "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "nthreads": 1,
                "memory_limit": 0, **own,
            },
        }
        for number, own in enumerate(workers)
    }  # fmt: skip
    scheduler = {"cls": Scheduler, "options": {**LOOPBACK, "port": 0}}
    with (
        SpecCluster(specs, scheduler, silence_logs=60) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        if workers:
            client.wait_for_workers(len(workers))
        yield client


def order(name: str, *, needs: Needs | None = None) -> Order:
    """A cell without inputs."""
    return Order(Cell(name, "words", needs=needs or Needs(accelerator=False)), f"words-{name}", {})


def some_plan(folder: Path, **options: Any) -> RunPlan:
    """A plan of no cells."""
    return RunPlan(RunConfig(**options), folder, Sources({}, {}), Graph([]), {})


def spread(
    client: Client, folder: Path, job: Any, progress: Progress, *, threads: int = 1, **options: Any
) -> Cluster:
    """An engine whose workers do `job` with a cell."""
    return Cluster(client, some_plan(folder, **options), threads, progress, job)


def results(engine: Engine, orders: Iterable[Order], seconds: float = 100) -> dict[str, Done]:
    """What became of cells by name; the engine is closed."""
    found: dict[str, Done] = {}
    waiting, running, until = list(orders), 0, time.monotonic() + seconds
    try:
        while waiting or running:
            assert time.monotonic() < until, f"after {seconds} s only {sorted(found)} came back"
            while waiting and running < engine.slots:
                engine.submit(waiting.pop(0))
                running += 1
            for done in engine.wait():
                assert done.name not in found
                found[done.name] = done
                running -= 1
    finally:
        engine.close()
    return found


def die_once(order: Order, config: RunConfig, folder: Path, progress: Progress) -> Done:
    """Kill the worker the first time; then leave a file that says which process this is."""
    first = folder / f"{order.cell.name}-died"
    if not first.exists():
        first.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return tell_worker(order, config, folder, progress)


def tell_worker(order: Order, config: RunConfig, folder: Path, progress: Progress) -> Done:
    """Leave a file with the address of the worker."""
    (folder / order.cell.name).write_text(str(get_worker().address))
    return Done(order.cell.name, "done")


def advance_on(order: Order, config: RunConfig, folder: Path, progress: Progress) -> Done:
    """Advance for ever; leave a file when stopped."""
    try:
        with progress.stage(order.cell.name) as advance:
            while True:
                (folder / f"{order.cell.name}-begun").touch()
                advance(1, 2)
                time.sleep(0.02)
    finally:
        (folder / f"{order.cell.name}-stopped").touch()


def threads_seen(order: Order, config: RunConfig, folder: Path, progress: Progress) -> Done:
    """Say how many threads every library would take, and where relative paths begin."""
    import torch
    from threadpoolctl import threadpool_info

    found = {torch.get_num_threads(), *(one["num_threads"] for one in threadpool_info())}
    return Done(order.cell.name, "done", why=f"{sorted(found)} in {os.getcwd()}")


class Told(Silent):
    """Progress that remembers the lines that it is told, and the stages that are open."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.open: list[str] = []
        self.seen: list[str] = []
        self.done: list[tuple[int, int | None]] = []

    @contextmanager
    def stage(self, title: str) -> Iterator[Any]:
        """Remember that it is open, and what is done of it."""
        self.open.append(title)
        self.seen.append(title)
        yield lambda done, total: self.done.append((done, total))
        self.open.remove(title)

    def say(self, line: str) -> None:
        """Remember a line."""
        self.lines.append(line)


def certificates(folder: Path) -> dict[str, str]:
    """Make an authority and a certificate that it signed; what Dask's configuration says of them.

    They are made as docs/cluster.md shows.
    """
    new = ["-nodes", "-newkey", "rsa:2048", "-subj"]
    for command in (
        ["req", "-x509", *new, "/CN=authority", "-days", "2", "-keyout", "ca.key",
         "-out", "ca.pem"],
        ["req", *new, "/CN=us", "-keyout", "own.key", "-out", "own.csr"],
        ["x509", "-req", "-in", "own.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
         "-days", "2", "-out", "own.pem"],
    ):  # fmt: skip
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    tls = "distributed.comm.tls"
    found = {f"{tls}.ca-file": str(folder / "ca.pem")}
    for who in ("client", "worker", "scheduler"):
        found[f"{tls}.{who}.cert"] = str(folder / "own.pem")
        found[f"{tls}.{who}.key"] = str(folder / "own.key")
    return found
