"""A Dask cluster of processes: workers that die, data that changes, and the same bytes."""

import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path

import dask
import pytest
from distributed import Client, Security
from few_cells import rows_alone
from on_cluster import LOOPBACK, Told, certificates, die_once, order, processes, results, spread
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.plan.whole_run import read_plan
from subprobe.analysis.running.cluster.connection import computing_on
from subprobe.analysis.running.cluster.spread import Cluster
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError
from tiny_run import tiny_config, write_toy_task
from worker_jobs import die, write_name

pytestmark = [
    pytest.mark.slow,
    pytest.mark.enable_socket,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
SMALL = {
    "controls": {"draws": 1, "retrained_draws": 1},
    "probe": {"names": ["attention-stats"], "draws": 1, "sentences": 8, "states": ["pruned"]},
    "threads": 1,
    "workers": 0,
}
"""Options of a run with every kind of cell, and few of each."""


@pytest.fixture
def no_tables():
    """Runs of the test write their rows alone."""
    with rows_alone():
        yield


@pytest.fixture(scope="module")
def cluster():
    with processes(2) as found:
        yield found


@pytest.fixture
def client(cluster):
    with Client(cluster, set_as_default=False) as found:
        found.wait_for_workers(2)
        yield found


def digests(folder):
    """What a run's files hold, but for when and how fast they were computed."""
    from subprobe.analysis.storage.certificate import Certificate

    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".json" and path.parent.name == "cells":
            proof = Certificate.load(path)
            found[name] = (proof.name, proof.inputs, proof.digest)
        elif path.suffix in {".csv", ".parquet", ".safetensors"}:
            found[name] = path.read_bytes()
    return found


def test_a_cell_whose_worker_dies_is_computed_by_another(client, tmp_path):
    told = Told()
    engine = spread(client, tmp_path, die_once, told)
    (tmp_path / "b-died").touch()
    (tmp_path / "c-died").touch()
    found = results(engine, map(order, "abc"))
    assert {done.state for done in found.values()} == {"done"}
    assert told.lines.count("a: its worker on 127.0.0.1 died; another one computes it") == 1
    assert not [line for line in told.lines if line.startswith(("b:", "c:"))]
    assert told.open == []


def test_a_cell_that_kills_its_workers_fails_alone(client, tmp_path):
    told = Told()
    died = count()
    client.subscribe_topic("all", lambda event: _count_deaths(event, died))
    found = results(spread(client, tmp_path, die, told), map(order, ["killer", *"abcde"]))
    assert {found[name].state for name in "abcde"} == {"done"}
    assert found["killer"].state == "failed"
    assert "2 workers died while they computed it" in found["killer"].why
    assert "perhaps because they ran out of memory" in found["killer"].why
    assert next(died) == 2
    # and the next run finds workers
    client.wait_for_workers(2)
    again = results(spread(client, tmp_path, write_name, Told()), map(order, "fg"))
    assert {done.state for done in again.values()} == {"done"}


def _count_deaths(event, died):
    if event[1].get("action") == "remove-worker" and not event[1].get("expected"):
        next(died)


@pytest.mark.usefixtures("no_tables")
@pytest.mark.timeout(1200)
def test_the_same_bytes_by_one_process_a_pool_and_clusters(cluster, client, tiny_encoder, tmp_path):
    """Of every cell and mask and the rows, whatever computes them and in whatever order."""
    inline, pool = tmp_path / "inline", tmp_path / "pool"
    few = {**SMALL, "seeds": [1]}
    run_experiment(tiny_config(tiny_encoder, **{**few, "workers": 1}), inline)
    run_experiment(tiny_config(tiny_encoder, **{**few, "workers": 2}), pool)
    expected = digests(inline)
    assert len(expected) > 30
    assert digests(pool) == expected
    for workers in (1, 2, 4):
        cluster.scale(max(workers, 2))
        client.wait_for_workers(workers)
        config = tiny_config(tiny_encoder, **{**few, "workers": workers})
        out, told = tmp_path / f"dask{workers}", Told()
        with computing_on(cluster.scheduler_address) as engine:
            finished = run_experiment(config, out, told, engine=engine)
        assert finished.missing == ()
        assert digests(out) == expected
        hosts = {cell["threads"] for cell in finished.manifest["cells"]}
        assert hosts == {1}
        assert any(stage.endswith(" on 127.0.0.1") for stage in told.seen)
        assert [path.name for path in (out / ".locks").glob("workers-*")] == []
    cluster.scale(2)


@pytest.mark.usefixtures("no_tables")
def test_workers_read_anew_what_has_changed(cluster, client, tiny_encoder, tmp_path, monkeypatch):
    """They live longer than a run; relative paths are those of where the run was started."""
    own = {
        **SMALL, "tasks": ["toy"], "seeds": [1], "examples": [], "data_dir": "toy",
        "columns": {"first": "text", "label": "side"}, "probe": {"names": []},
        "controls": {"draws": 1, "retrained_draws": 0},
    }  # fmt: skip
    folder = write_toy_task(tmp_path / "toy")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_encoder, tmp_path / "encoder")
    config = tiny_config(Path("encoder"), model="./encoder", **own)
    for name in ("first", "second"):
        with computing_on(cluster.scheduler_address) as engine:
            run_experiment(config, tmp_path / name, engine=engine)
        run_experiment(config.model_copy(update={"workers": 1}), tmp_path / f"{name}-here")
        assert digests(tmp_path / name) == digests(tmp_path / f"{name}-here")
        text = (folder / "train.csv").read_text("utf-8")
        (folder / "train.csv").write_text(text.replace("saw", "heard"), encoding="utf-8")
    assert digests(tmp_path / "first") != digests(tmp_path / "second")


def test_a_worker_that_reads_something_else_gets_no_cell(client, tiny_encoder, tmp_path):
    told = Told()
    config = tiny_config(tiny_encoder, **{**SMALL, "seeds": [1]})
    plan, _ = read_plan(config, tmp_path, Silent())
    changed = replace(plan.sources, digests={**plan.sources.digests, "model": "another"})
    plan = replace(plan, sources=changed)
    engine = Cluster(client, plan, 1, told)
    first = plan.graph["acceptability/seed1/finetune"]
    from subprobe.analysis.cells.work import Order

    with pytest.raises(ConfigError, match="reads a version of model that differs from the one"):
        results(engine, [Order(first, plan.ids[first.name], {})])
    assert len([line for line in told.lines if "is left out" in line]) == 2
    assert not (tmp_path / "cells").exists()


def test_a_run_by_the_command_line_over_tls(tiny_encoder, tmp_path, subprobe_command):
    """Certificates are named by Dask's configuration; without them nobody is let in."""
    import tomlkit
    from distributed import LocalCluster
    from tiny_run import tiny_options

    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")
    files = certificates(tmp_path)
    config = tmp_path / "small.toml"
    options = tiny_options(tiny_encoder, **{**SMALL, "seeds": [1]})
    config.write_text(tomlkit.dumps(options), encoding="utf-8")
    with dask.config.set(files):
        security = Security(require_encryption=True)
    with LocalCluster(
        n_workers=1, threads_per_worker=1, protocol="tls", security=security, silence_logs=60,
        **LOOPBACK,
    ) as cluster:  # fmt: skip
        address = cluster.scheduler_address
        assert address.startswith("tls://")
        run = ["run", "--config", config, "--scheduler", address, "--out", tmp_path / "out"]
        code, _, err = subprobe_command(*run)
        assert (code, len(err.strip().splitlines())) == (2, 1), err
        assert "TLS needs certificate files" in err
        with dask.config.set(files):
            code, _, err = subprobe_command(*run)
    assert code == 0, err
    assert "is not encrypted" not in err
    assert (tmp_path / "out" / "report.html").is_file()
