"""Damage of every kind to the files of a run: found, said, set aside, and computed again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from few_cells import Listening, few_config, without_report
from subprobe.analysis.configuration.config import RunConfig
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.storage.certificate import Certificate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tiny_encoder: Path) -> RunConfig:
    return few_config(tiny_encoder, seeds=[1, 2])


@pytest.fixture(scope="module")
def sound(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound") / "run"
    with without_report():
        run_experiment(config, folder)
    return folder


@pytest.fixture
def run(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "run"))


def content(folder: Path) -> dict[str, bytes]:
    """Every cell, mask, table and model; certificates and the manifest tell the time."""
    paths = [
        *folder.glob("*.csv"), *folder.glob("*.parquet"), *folder.glob("masks/*"),
        *(path for path in folder.glob("cells/*") if path.suffix in (".parquet", ".safetensors")),
        *(path for path in folder.glob("models/*/*") if path.suffix in (".json", ".safetensors")),
    ]  # fmt: skip
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(paths)}


def cell_of(folder: Path, name: str) -> str:
    """The identity of a cell."""
    for path in (folder / "cells").glob("*.json"):
        found = json.loads(path.read_text())
        if found["name"] == f"acceptability/{name}":
            return str(found["cell"])
    raise KeyError(name)


def flip(path: Path, *, keep_time: bool) -> None:
    before = path.stat()
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 1
    path.write_bytes(held)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap(one: Path, other: Path) -> None:
    spare = one.with_name("spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)


def to_link(path: Path, outside: Path) -> None:
    shutil.move(path, outside)
    path.symlink_to(outside)


def alter_certificate(path: Path, change: Callable[[dict], None]) -> None:
    held = json.loads(path.read_text())
    change(held)
    path.write_text(json.dumps(held))


def test_damage_of_every_kind_is_found_said_set_aside_and_computed_again(
    run: Path, sound: Path, config: RunConfig, tmp_path: Path
) -> None:
    cells = run / "cells"

    names = ("seed1/readings", "seed1/full/score", "seed1/structured/good/0/score",
             "seed1/structured/random/0/score", "seed1/structured/bad/0/score",
             "seed1/structured/good/0/mask", "seed1/structured/random/0/mask",
             "seed1/structured/bad/0/mask", "seed2/full/score", "seed2/structured/search",
             "seed2/structured/good/0/score", "seed2/structured/random/0/score",
             "seed2/finetune", "seed2/structured/good/0/mask")  # fmt: skip
    # looked up before anything is damaged
    ids = {name: cell_of(run, name) for name in (*names, "seed2/readings")}

    def file(name: str, ending: str = "parquet") -> Path:
        return cells / f"{ids[name]}.{ending}"

    size = file("seed1/readings").stat().st_size
    with file("seed1/readings").open("r+b") as stream:
        stream.truncate(size // 2)
    file("seed1/full/score").write_bytes(b"")
    flip(file("seed1/structured/good/0/score"), keep_time=True)
    flip(file("seed1/structured/random/0/score"), keep_time=False)
    shutil.copy2(file("seed2/readings"), file("seed1/structured/bad/0/score"))
    swap(file("seed1/structured/good/0/mask"), file("seed1/structured/random/0/mask"))
    flip(file("seed1/structured/bad/0/mask", "safetensors"), keep_time=True)
    file("seed2/full/score", "json").write_text('{"cell": ')
    alter_certificate(
        file("seed2/structured/search", "json"), lambda held: held["measured"].update(seconds=0.1)
    )
    shutil.copy2(
        file("seed2/readings", "json"), cells / f"{ids['seed2/structured/good/0/score']}.json"
    )
    to_link(file("seed2/structured/random/0/score"), tmp_path / "outside.parquet")
    outside = (tmp_path / "outside.parquet").read_bytes()
    flip(run / "models" / "acceptability-seed2" / "model.safetensors", keep_time=True)
    file("seed2/structured/good/0/mask", "safetensors").unlink()

    told = Listening()
    with without_report():
        finished = run_experiment(config, run, told)
    assert not finished.missing
    said = {
        line.split(" is computed again: ")[0]: line for line in told.lines if " again: " in line
    }
    assert set(said) == {f"acceptability/{name}" for name in names}
    for name, why in {
        "seed1/readings": f"has {size // 2:,} bytes instead of {size:,}",
        "seed1/full/score": "has 0 bytes",
        "seed1/structured/good/0/score": "has a different content than when it was written",
        "seed1/structured/random/0/score": "has a different content than when it was written",
        "seed1/structured/bad/0/mask": ".safetensors has a different content",
        "seed2/full/score": "is not valid JSON",
        "seed2/structured/search": "was altered",
        "seed2/structured/good/0/score": "belongs to readings-",
        "seed2/structured/random/0/score": "is a link",
        "seed2/finetune": "model.safetensors has a different content than when it was written",
        "seed2/structured/good/0/mask": "is missing",
    }.items():
        assert why in said[f"acceptability/{name}"], name

    assert content(run) == content(sound)
    aside = {path.name for path in cells.glob("*.damaged")}
    for name in names[:8]:
        kind = "safetensors" if name == "seed1/structured/bad/0/mask" else "parquet"
        assert f"{ids[name]}.{kind}.damaged" in aside, name
    assert (run / "models" / "acceptability-seed2" / "model.safetensors.damaged").is_file()
    assert not file("seed2/structured/random/0/score").is_symlink()
    assert (tmp_path / "outside.parquet").read_bytes() == outside
    second = Listening()
    with without_report():
        run_experiment(config, run, second)
    assert second.lines[-1].startswith("nothing to compute")


def unnoticed(folder: Path, path: Path, cell: str) -> None:
    """Flip a bit as a failing disk does: no size and no time tells of it."""
    flip(path, keep_time=True)
    proof = folder / "cells" / f"{cell}.json"
    held = Certificate.load(proof)
    about, name = path.stat(), path.relative_to(folder).as_posix()
    marks = [
        type(mark)(mark.path, mark.size, about.st_mtime_ns, mark.digest, about.st_ctime_ns)
        if mark.path == name else mark
        for mark in held.files
    ]  # fmt: skip
    Certificate(held.cell, held.name, held.inputs, tuple(marks), held.nothing, held.measured).save(
        proof
    )


@contextmanager
def reading_all(folder: Path) -> Iterator[None]:
    """The tables of a run are gone, so that it reads its cells again."""
    (folder / "rows.parquet").unlink()
    with without_report():
        yield


def test_what_no_time_tells_is_found_when_it_is_read(
    run: Path, sound: Path, config: RunConfig
) -> None:
    score, mask = (cell_of(run, f"seed1/structured/good/0/{last}") for last in ("score", "mask"))
    unnoticed(run, run / "cells" / f"{score}.parquet", score)
    unnoticed(run, run / "cells" / f"{mask}.safetensors", mask)
    told = Listening()
    with reading_all(run):
        run_experiment(config, run, told)
    again = [line for line in told.lines if "computed again" in line]
    assert len(again) == 2
    assert content(run) == content(sound)


def test_an_input_that_turns_out_damaged_is_computed_again_before_what_reads_it(
    run: Path, sound: Path, config: RunConfig
) -> None:
    search, tuned = cell_of(run, "seed1/structured/search"), cell_of(run, "seed2/finetune")
    unnoticed(run, run / "cells" / f"{search}.safetensors", search)
    unnoticed(run, run / "models" / "acceptability-seed2" / "model.safetensors", tuned)
    for name in ("seed1/structured/bad/0/score", "seed2/full/score"):
        cell = cell_of(run, name)
        (run / "cells" / f"{cell}.json").unlink()
    told = Listening()
    with reading_all(run):
        finished = run_experiment(config, run, told)
    assert not finished.missing
    again = {line.split(" is ")[0] for line in told.lines if "computed again" in line}
    assert again == {"acceptability/seed1/structured/search", "acceptability/seed2/finetune"}
    assert content(run) == content(sound)
