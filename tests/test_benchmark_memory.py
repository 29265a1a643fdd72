"""The memory benchmark sees what a process holds, and planted faults break its limits."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import subprobe
from benchmark_code import load

ROOT = Path(subprobe.__file__).parent


def test_the_peak_is_what_was_held_at_once():
    with load("anonymous_memory").PeakMemory() as memory:
        # written to, since pages that nobody touched are not resident
        held = np.ones(64 << 17)
        assert held.nbytes == 64 << 20
        time.sleep(0.2)
        del held
    assert 60 << 20 <= memory.above <= 80 << 20


def test_a_large_parent_does_not_hide_what_a_child_holds():
    """A child inherits `ru_maxrss` from its parent; the peak that is measured here it does not."""
    code = (
        "import sys; sys.path.insert(0, 'benchmarks')\n"
        "from anonymous_memory import PeakMemory\n"
        "with PeakMemory() as memory:\n"
        "    held = bytearray(b'x') * (20 << 20)\n"
        "print(memory.above)"
    )
    parent = np.ones(200 << 17)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert parent.nbytes == 200 << 20
    assert 19 << 20 <= int(done.stdout) <= 45 << 20


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_planted_faults_break_every_limit():
    code = (
        "import json; from benchmarks.memory import memory\n"
        "found = memory(rounds=1, together='hoarding', items='items-as-objects')\n"
        "print(json.dumps([[one.name, one.value, one.within] for one in found]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = json.loads(done.stdout.splitlines()[-1])
    assert len(lines) == 3
    assert not any(within for _, _, within in lines), lines
