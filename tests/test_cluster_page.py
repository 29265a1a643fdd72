"""What docs/cluster.md tells to type: its options exist, and its scripts send the jobs they say."""

import json
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import dask
import pytest
import subprobe
import yaml
from distributed.cli.dask_scheduler import main as dask_scheduler
from distributed.cli.dask_worker import main as dask_worker
from on_cluster import certificates, workers_here
from subprobe.cli import root_command

PAGE = (Path(subprobe.__file__).parent / "docs" / "cluster.md").read_text("utf-8")
DASK = {"worker": dask_worker, "scheduler": dask_scheduler}
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def script(name):
    return next(text for text in blocks("py") if text.startswith(f"# {name}"))


def typed():
    """The words of each shown line, without where it runs, its environment and its `&`."""
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(line.removesuffix("&"))
        words = words[2:] if words[0] == "ssh" else words
        yield words[1:] if words[0].startswith("CUDA_") else words


def test_the_commands_have_the_options_that_the_page_gives_them():
    seen = set()
    whole: Any = root_command()
    run = whole.commands["run"]
    for words in typed():
        if words[0] == "dask":
            DASK[words[1]].make_context(words[1], words[2:])
        elif words[0] == "subprobe":
            run.make_context("run", words[2:])
        seen.add(" ".join(words[:2]))
    assert {"dask worker", "dask scheduler", "subprobe run"} <= seen
    workers = [words for words in typed() if words[:2] == ["dask", "worker"]]
    # one Dask thread each, and no page with its state
    assert all({"--nthreads", "--no-dashboard"} <= set(words) for words in workers)


@needs_openssl
def test_the_configuration_names_what_dask_reads(tmp_path):
    def names(held, above=""):
        for name, value in held.items():
            path = f"{above}.{name}".strip(".")
            yield from names(value, path) if isinstance(value, dict) else [path]

    (shown,) = blocks("yaml")
    wanted = {"distributed.comm.require-encryption", *certificates(tmp_path)}
    assert set(names(yaml.safe_load(shown))) == wanted


@needs_openssl
@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("name", "command", "asked"),
    [
        ("slurm.py", "sbatch", ["#SBATCH --gres=gpu:1", "#SBATCH --cpus-per-task=4"]),
        ("pbs.py", "qsub", ["#PBS -l select=1:ncpus=4:mem=32GB:ngpus=1"]),
    ],
)
def test_a_script_sends_its_jobs_and_starts_the_run(tmp_path, monkeypatch, name, command, asked):
    programs, sent = tmp_path / "programs", tmp_path / "sent"
    programs.mkdir(), sent.mkdir()
    fakes = {
        command: f'cp "$1" {sent}/job-$$\necho "Submitted batch job $$"',
        "scancel": "true",
        "qdel": "true",
        "subprobe": f'echo "$@" > {tmp_path}/run',
    }
    for one, lines in fakes.items():
        (programs / one).write_text(f"#!/bin/sh\n{lines}\n")
        (programs / one).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(programs), os.environ["PATH"]]))
    monkeypatch.chdir(tmp_path)
    text = script(name).replace('"ib0"', '"lo"').replace("jobs=64", "jobs=2")
    with dask.config.set(certificates(tmp_path)):
        exec(compile(text, name, "exec"), {"__name__": "__main__"})
    run = (tmp_path / "run").read_text().split()
    assert run[:5] == ["run", "--config", "study.toml", "--out", "/shared/runs/study"]
    assert re.fullmatch(r"tls://127\.0\.0\.1:\d+", run[-1])
    jobs = [path.read_text() for path in sent.iterdir()]
    assert len(jobs) == 2
    for job in jobs:
        for line in asked:
            assert line in job.splitlines()
        started = shlex.split(job.strip().splitlines()[-1])
        assert started[1:4] == ["-m", "distributed.cli.dask_worker", run[-1]]
        given = dask_worker.make_context("worker", started[3:]).params
        assert given["nthreads"] == 1
        assert given["resources"] == "GPU=1"
        assert given["memory_limit"] == "0"
        assert given["tls_ca_file"] == str(tmp_path / "ca.pem")


@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_snippet_runs_on_the_cluster(tmp_path, monkeypatch):
    from subprobe.analysis import experiment
    from subprobe.analysis.running.cluster.spread import Cluster

    called = []
    monkeypatch.setattr(
        experiment, "run_experiment", lambda *given, engine: called.append((given, engine))
    )
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text("seeds = [1]\n")
    with workers_here({}) as client:
        Path("dask.json").write_text(json.dumps({"address": client.scheduler.addr}))
        exec(blocks("py")[-1].replace("/shared/dask.json", "dask.json"), {})
    (((config, out), engine),) = called
    assert (config.seeds, out) == ((1,), "/shared/runs/study")
    assert engine.func is Cluster
