"""Runs in processes of their own, killed at a moment and begun again.

They are forked from a server that has loaded the libraries: loading takes longer than such a run.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil

LONGEST_S = 240.0
"""No such run takes that long, however busy the machine is."""

CELLS = 10
"""Cells of the run that is killed."""


@dataclass(frozen=True)
class Strike:
    """When a run is struck, and how.

    Attributes:
        cells: how many are finished by then.
        after_s: seconds to wait on.
        signal: what is sent.
        victim: the process that was begun (`main`), one that it began (`worker`), or the group.
        workers: of the run.
    """

    cells: int
    after_s: float
    signal: signal.Signals
    victim: str
    workers: int

    @classmethod
    def drawn(cls, seed: int) -> Strike:
        """One of all moments, by a seed."""
        rng = random.Random(seed)
        kinds = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
        return cls(
            rng.randrange(CELLS + 1), rng.random() * 0.3, rng.choice(kinds),
            rng.choice(("main", "worker", "both")), rng.choice((1, 2)),
        )  # fmt: skip


def begin(config: Path, out: Path, workers: int = 1, *, log: Path | None = None) -> BaseProcess:
    """Begin `subprobe run` in a process group of its own; what it says goes to `OUT.said`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["few_cells", "subprobe.cli", "subprobe.analysis.conduct"])
    process = context.Process(target=_run, args=(config, out, workers, log))
    process.start()
    return process


def said(out: Path) -> str:
    """What runs into a folder have said."""
    path = out.with_name(f"{out.name}.said")
    return path.read_text() if path.exists() else ""


def _run(config: Path, out: Path, workers: int, log: Path | None) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stream = os.open(out.with_name(f"{out.name}.said"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for number in (1, 2):
        os.dup2(stream, number)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    from few_cells import write_page
    from subprobe.analysis import conduct
    from subprobe.analysis.storage.store import CellStore
    from subprobe.cli import main

    setattr(conduct, "write_report", write_page)  # noqa: B010
    if log is not None:
        write = CellStore.write

        def told(store: CellStore, cell: str, *rest: Any) -> Any:
            with log.open("a") as lines:
                lines.write(f"{os.getpid()} {cell}\n")
            return write(store, cell, *rest)

        setattr(CellStore, "write", told)  # noqa: B010
    sys.argv = ["subprobe", "run", "-q", "--config", str(config), "--out", str(out),
                "--workers", str(workers)]  # fmt: skip
    main()


def exit_code(process: BaseProcess) -> int | None:
    """The exit code of a run that comes to its end."""
    process.join(LONGEST_S)
    return process.exitcode


def finished_cells(out: Path) -> int:
    """How many cells are finished by now."""
    return len(list((out / "cells").glob("*-????????????????.json")))


def strike(process: BaseProcess, out: Path, how: Strike) -> list[psutil.Process]:
    """Wait for the moment and send the signal; returns the processes that the run began."""
    end = time.monotonic() + LONGEST_S
    while finished_cells(out) < how.cells and process.is_alive() and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(how.after_s)
    assert process.pid is not None
    try:
        children: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    workers = [child for child in children if "spawn_main" in _words(child)]
    try:
        if how.victim == "both":
            os.killpg(process.pid, how.signal)
        elif how.victim == "worker" and workers:
            workers[0].send_signal(how.signal)
        else:
            os.kill(process.pid, how.signal)
    except (ProcessLookupError, psutil.NoSuchProcess):
        pass  # it has ended by itself
    return children


def wait_for_workers(process: BaseProcess, count: int) -> None:
    """Wait until a run has begun so many workers."""
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end and process.is_alive():
        children = psutil.Process(process.pid).children(recursive=True)
        if sum("spawn_main" in _words(child) for child in children) >= count:
            return
        time.sleep(0.02)


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def living(processes: list[psutil.Process], seconds: float) -> list[str]:
    """What still lives of these after so many seconds at most."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [_words(one) for one in alive if one.is_running()]


def results(folder: Path) -> Mapping[str, bytes]:
    """Every table, mask, cell and model; certificates and the manifest tell the time."""
    paths = [
        *folder.glob("*.csv"), *folder.glob("*.parquet"), *folder.glob("masks/*"),
        *(path for path in folder.glob("cells/*") if path.suffix in (".parquet", ".safetensors")),
        *(path for path in folder.glob("models/*/*") if path.name != "subprobe.json"),
    ]  # fmt: skip
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(paths)}


def check_resumed(config: Path, whole: Path, out: Path, how: Strike) -> None:
    """Strike a run and begin it again: nothing of it lives on, and its results are the same.

    Args:
        config: the configuration's file.
        whole: a run of it that nothing has struck.
        out: where to.
        how: when and how it is struck.
    """
    process = begin(config, out, how.workers)
    children = strike(process, out, how)
    code = exit_code(process)
    assert code is not None, f"{how}: it does not end\n{said(out)}"
    # whatever became of the run, nothing that it began outlives it
    assert living(children, 10.0) == [], how
    assert "Traceback" not in said(out), said(out)
    assert exit_code(begin(config, out, how.workers)) == 0, f"{how}\n{said(out)}"
    assert results(out) == results(whole), how
    left = [str(path) for path in out.rglob("*") if path.name.endswith((".part", ".damaged"))]
    assert left == [], how
