"""The workers of a Dask cluster inside this process: who gets a cell, and what is refused."""

import asyncio
import json
import time

import dask
import pytest
from on_cluster import (
    Told,
    advance_on,
    order,
    results,
    spread,
    tell_worker,
    threads_seen,
    workers_here,
)
from subprobe.analysis.plan.graph import Needs
from subprobe.analysis.running.cluster import visit as visiting
from subprobe.analysis.running.cluster import workers as workers_module
from subprobe.analysis.running.cluster.connection import address_of, computing_on, is_open
from subprobe.analysis.running.cluster.workers import patience_s
from subprobe.analysis.running.manifest import versions
from subprobe.data.errors import ConfigError, DataFileError, SubprobeError
from worker_jobs import refuse, write_name

pytestmark = [
    pytest.mark.slow,
    pytest.mark.enable_socket,
    # clients and clusters that end beside each other
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def test_every_cell_is_computed_and_heard(tmp_path):
    told = Told()
    with workers_here({}, {}) as client:
        engine = spread(client, tmp_path, write_name, told)
        assert engine.slots == 2
        found = results(engine, map(order, "abcde"))
    assert {name: done.state for name, done in found.items()} == dict.fromkeys("abcde", "done")
    assert {path.name for path in tmp_path.iterdir()} == {*"abcde", ".locks"}
    assert list((tmp_path / ".locks").iterdir()) == []  # no marker is left
    assert sorted(told.lines) == [f"said {name}" for name in "abcde"]
    assert sorted(told.seen) == [f"{name} on 127.0.0.1" for name in "abcde"]
    assert told.open == []
    assert set(told.done) <= {(1, 2)}


def test_an_error_arrives_as_it_was_raised(tmp_path):
    with workers_here({}) as client:
        (done,) = results(spread(client, tmp_path, refuse, Told()), [order("x")]).values()
    assert (done.state, done.why) == ("failed", "test: x is refused; none")
    assert isinstance(done.error, ConfigError)


def test_cells_compute_with_the_threads_and_in_the_folder_of_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with workers_here({}) as client:
        for threads in (1, 2):
            engine = spread(client, tmp_path, threads_seen, Told(), threads=threads)
            assert results(engine, [order("a")])["a"].why == f"[{threads}] in {tmp_path}"


def test_cells_that_need_an_accelerator_go_to_workers_with_the_resource(tmp_path):
    gpu = Needs(accelerator=True)
    with workers_here({"resources": {"GPU": 1}}, {}, {}) as client:
        held = client.scheduler_info(n_workers=-1)["workers"]
        (with_gpu,) = (address for address, one in held.items() if one["resources"])
        engine = spread(client, tmp_path, tell_worker, Told())
        # the cells that wait for it keep nobody else from work
        assert engine.slots == 6
        orders = [order(f"gpu{n}", needs=gpu) for n in range(4)] + [order("a"), order("b")]
        found = results(engine, orders)
    assert {done.state for done in found.values()} == {"done"}
    where = {name: (tmp_path / name).read_text() for name in found}
    assert {where[f"gpu{n}"] for n in range(4)} == {with_gpu}
    assert with_gpu not in {where["a"], where["b"]}


def test_without_the_resource_every_worker_takes_every_cell(tmp_path):
    with workers_here({}, {}) as client:
        orders = [order(name, needs=Needs(accelerator=True)) for name in "abcd"]
        found = results(spread(client, tmp_path, tell_worker, Told()), orders)
    assert len({(tmp_path / name).read_text() for name in found}) == 2


def test_a_resource_that_no_worker_has_is_refused_before_anything_is_sent(tmp_path):
    with (
        workers_here({}) as client,
        pytest.raises(ConfigError, match="no worker declares the resource GPU") as caught,
    ):
        spread(client, tmp_path, write_name, Told(), device="cuda")
    assert "with the resource GPU=1" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [".locks"]


def test_a_cell_that_needs_more_memory_than_any_worker_may_take_fails_at_once(tmp_path):
    large = order("large", needs=Needs(accelerator=False, memory_mb=90_000))
    with workers_here({"memory_limit": 2**31}) as client:
        engine = spread(client, tmp_path, write_name, Told())
        found = results(engine, [large, order("a")])
    assert found["a"].state == "done"
    assert found["large"].state == "failed"
    assert found["large"].why == "needs about 90,000 MB, and no worker has more than 2,048 MB"


def test_a_worker_with_more_threads_computes_one_cell_at_a_time(tmp_path):
    told = Told()
    with workers_here({"nthreads": 3}) as client:
        engine = spread(client, tmp_path, write_name, told)
        assert engine.slots == 1
        results(engine, map(order, "ab"))
    assert any(
        "has 3 Dask threads, but it computes one cell at a time" in line for line in told.lines
    )


def test_at_most_so_many_cells_as_asked_for(tmp_path):
    with workers_here({}, {}) as client:
        engine = spread(client, tmp_path, write_name, Told(), workers=1)
        assert engine.slots == 1
        assert len(results(engine, map(order, "ab"))) == 2


def test_a_scheduler_without_workers_is_refused_after_a_while(tmp_path):
    told = Told()
    with (
        workers_here() as client,
        dask.config.set({"subprobe.wait-for-workers": "300 ms"}),
        pytest.raises(ConfigError, match="the scheduler has no worker"),
    ):
        spread(client, tmp_path, write_name, told)
    assert len([line for line in told.lines if "waiting for the first worker" in line]) == 1


@pytest.mark.parametrize("span", ["soon", "-1 s", "3 apples", 3.5e400])
def test_a_wait_is_a_time(span):
    with (
        dask.config.set({"subprobe.wait-for-workers": span}),
        pytest.raises(ConfigError, match="must be a time such as 5 minutes"),
    ):
        patience_s()


def test_workers_of_other_versions_are_refused(tmp_path, monkeypatch):
    ours = {**versions(), "torch": "0.1"}
    monkeypatch.setattr(workers_module, "versions", lambda: ours)
    with (
        workers_here({}) as client,
        pytest.raises(ConfigError, match=r"worker tcp:\S+ has torch \S+ instead of 0\.1"),
    ):
        spread(client, tmp_path, write_name, Told())


def test_workers_that_do_not_see_the_folder_are_refused(tmp_path, monkeypatch):
    async def elsewhere(marker, *arguments):
        return await visiting.visit(marker.replace(str(tmp_path), "/elsewhere"), *arguments)

    monkeypatch.setattr(workers_module, "visit", elsewhere)
    monkeypatch.setattr(visiting, "_PATIENCE_S", 0.1)
    with (
        workers_here({}) as client,
        pytest.raises(ConfigError, match="does not see the run folder /elsewhere") as caught,
    ):
        spread(client, tmp_path, write_name, Told())
    assert "at the same paths" in str(caught.value)
    assert list((tmp_path / ".locks").iterdir()) == []


def test_a_worker_sees_the_very_folder_and_where_the_run_was_started(tmp_path, monkeypatch):
    monkeypatch.setattr(visiting, "_PATIENCE_S", 0.1)
    locks = tmp_path / ".locks"
    locks.mkdir()
    marker = locks / "workers-1.lock"
    marker.write_text("of another folder")
    same = versions()

    def answer(token, here=tmp_path, versions=same):
        return asyncio.run(visiting.visit(str(marker), token, str(here), versions))

    assert answer("mine") == f"does not see the run folder {tmp_path}"
    assert answer("of another folder") == ""
    assert answer("of another folder", tmp_path / "gone").startswith("does not see")
    assert "has subprobe" in answer("of another folder", versions={"subprobe": "0"})
    assert [path.name for path in locks.iterdir()] == ["workers-1.lock"]


def test_a_worker_that_comes_later_takes_part_and_one_that_goes_is_missed(tmp_path):
    told = Told()
    with workers_here({}) as client, dask.config.set({"subprobe.wait-for-workers": "500 ms"}):
        cluster = client.cluster
        engine = spread(client, tmp_path, tell_worker, told)
        cluster.worker_spec[1] = dict(cluster.worker_spec[0])
        cluster.sync(cluster._correct_state)
        until = time.monotonic() + 20
        while engine.slots < 2 and time.monotonic() < until:
            engine.wait()
        assert engine.slots == 2
        cluster.worker_spec.clear()
        cluster.sync(cluster._correct_state)
        while engine._workers.fit and time.monotonic() < until:
            engine.wait()
        found = results(engine, [order("a")])
    assert found["a"].why == "no worker is left that could compute it"
    assert told.lines == ["no worker is left; waiting cells: 1"]


def test_closing_ends_what_computes(tmp_path):
    with workers_here({}) as client:
        engine = spread(client, tmp_path, advance_on, Told())
        engine.submit(order("a"))
        until = time.monotonic() + 20
        while not (tmp_path / "a-begun").exists():
            engine.wait()
            assert time.monotonic() < until
        engine.close()
        while not (tmp_path / "a-stopped").exists():
            time.sleep(0.02)
            assert time.monotonic() < until
        # and the worker is free for the next run
        found = results(spread(client, tmp_path, write_name, Told()), [order("b")])
    assert found["b"].state == "done"


def test_a_scheduler_that_ends_ends_the_run_in_one_line(tmp_path):
    with workers_here({}) as client:
        engine = spread(client, tmp_path, write_name, Told())
        client.cluster.close()
        with pytest.raises(SubprobeError, match=r"^tcp:\S+: the scheduler is gone.*finished cells"):
            results(engine, [order("a"), order("b")])


def test_files_and_addresses_of_schedulers(tmp_path):
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": "tls://10.0.0.1:8786", "workers": {}}))
    assert address_of(str(file)) == "tls://10.0.0.1:8786"
    for address in ("tcp://host:8786", "host:8786", "tls://[::1]:8786"):
        assert address_of(address) == address
    for wrong in ("", "host", "nothing.json", "tcp://host", "tcp://host:port", "a b:1"):
        with pytest.raises(ConfigError, match="is neither a file nor an address"):
            address_of(wrong)
    for content in ("{}", '{"address": 3}', '{"address": "x"}', "[]", "{", "\x00"):
        file.write_text(content)
        with pytest.raises(DataFileError):
            address_of(str(file))


def test_open_addresses():
    for address in ("tcp://10.0.0.1:8786", "host:8786", "tcp://[fe80::1]:8786", "0.0.0.0:1"):
        assert is_open(address)
    for address in ("tls://10.0.0.1:8786", "tcp://127.0.0.1:1", "localhost:1", "tcp://[::1]:8786"):
        assert not is_open(address)


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("tcp://127.0.0.1:9", "no Dask scheduler answers; start one"),
        ("tls://127.0.0.1:9", "TLS needs certificate files"),
        ("foo://127.0.0.1:9", "connection failed"),
    ],
)
def test_what_is_no_scheduler_is_one_line(address, match):
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "500 ms"}),
        pytest.raises(ConfigError, match=match) as caught,
        computing_on(address),
    ):
        pass
    assert "\n" not in str(caught.value)
