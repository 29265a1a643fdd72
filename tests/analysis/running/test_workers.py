"""Processes that compute parts: how many, what they tell, and what they raise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import subprobe
import torch
from subprobe.analysis.configuration.config import RunConfig
from subprobe.analysis.running.workers import compute_apart, worker_count
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError, SubprobeError
from worker_jobs import die, refuse, write_seed


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


def parts(*seeds):
    return [RunConfig(seeds=(seed,)) for seed in seeds]


@pytest.mark.parametrize(
    ("wanted", "jobs", "cores", "count"), [(0, 2, 8, 2), (0, 9, 2, 2), (1, 5, 8, 1), (3, 2, 1, 2)]
)
def test_worker_count(monkeypatch, wanted, jobs, cores, count):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert worker_count(wanted, jobs) == count


def test_an_accelerator_serves_one_process(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert worker_count(0, 4) == 1
    assert worker_count(0, 4, "cpu") == min(4, os.cpu_count() or 1)


@pytest.mark.timeout(60)
def test_every_part_is_computed_and_heard(tmp_path):
    heard = Heard()
    compute_apart(write_seed, parts(3, 4, 5), tmp_path, 2, heard)
    assert {path.name for path in tmp_path.iterdir()} == {"3", "4", "5"}
    assert sorted(heard.lines) == sorted(
        [*(f"end seed {n}" for n in (3, 4, 5)), *(f"said {n}" for n in (3, 4, 5))]
    )
    assert heard.open == []
    assert sorted(heard.done) == [(1, 2)] * 3


@pytest.mark.timeout(60)
def test_what_a_process_raises_is_raised_here(tmp_path):
    with pytest.raises(ConfigError, match="seed 7 is refused") as caught:
        compute_apart(refuse, parts(7), tmp_path, 1, Heard())
    assert caught.value.exit_code == 2


@pytest.mark.timeout(60)
def test_a_killed_process_is_a_clear_error(tmp_path):
    heard = Heard()
    with pytest.raises(SubprobeError, match="was killed"):
        compute_apart(die, parts(1, 2), tmp_path, 1, heard)
    assert heard.open == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("stdin", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_a_script_needs_no_main_guard(tmp_path, stdin):
    """It is not run again in the processes, nor looked for where it came from stdin."""
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from worker_jobs import write_seed\n"
        "from subprobe.analysis.configuration.config import RunConfig\n"
        "from subprobe.analysis.steps.progress import Silent\n"
        "from subprobe.analysis.running.workers import compute_apart\n"
        "print('once')\n"
        f"out = Path({str(tmp_path / 'out')!r})\n"
        "out.mkdir()\n"
        "compute_apart(write_seed, [RunConfig(seeds=(3,))], out, 1, Silent())\n"
    )
    support = str(Path(subprobe.__file__).parent / "tests" / "support")
    paths = os.pathsep.join([support, os.environ["PYTHONPATH"]])
    with script.open() as stream:
        done = subprocess.run(
            [sys.executable, *([] if stdin else [script])], stdin=stream if stdin else None,
            capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "once\n"), done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["3"]


def test_a_process_that_may_start_none_computes_alone(monkeypatch):
    import multiprocessing

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "daemon", True)
    assert worker_count(4, 4) == 1
