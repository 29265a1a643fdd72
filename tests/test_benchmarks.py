"""The benchmarks run and give every line; what they measure is not tested, since times vary."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import subprobe


@pytest.mark.slow
@pytest.mark.timeout(480)
def test_every_benchmark_gives_a_line():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json"],
        cwd=Path(subprobe.__file__).parent, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    lines = json.loads(done.stdout.splitlines()[-1])
    assert len(lines) == 47
    for line in lines:
        assert math.isfinite(line["value"])
        # seconds of a start are those above a bare interpreter: where there are few, noise is more
        assert line["value"] > 0 or line["unit"] == "s"
        assert line["low"] <= line["value"] <= line["high"]
