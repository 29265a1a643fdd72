"""The wheel, not only the checkout, holds every room and works from an empty folder."""

import email
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import subprobe
from tiny_run import save_tiny_encoder

pytestmark = pytest.mark.slow

ROOT = Path(subprobe.__file__).parent
ROOMS = ("data/", "models/", "pruning/", "probes/", "analysis/", "commands/")


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the tracked files alone."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        source = ROOT / name
        if source.is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, tree / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q"]
    subprocess.run([*command, "-w", str(out), str(tree)], check=True)
    return next(out.glob("*.whl"))


def test_wheel_holds_the_rooms_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {n.removeprefix("subprobe/") for n in archive.namelist() if "dist-info" not in n}
    expected = {n for n in tracked() if n.startswith(ROOMS) and (ROOT / n).is_file()}
    assert packed == expected | {"__init__.py", "cli.py", "py.typed"}


def test_wheel_names_the_version_of_the_package_and_what_it_runs_on(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("dist-info/METADATA"))
        said = email.message_from_bytes(archive.read(name))
    assert said["Version"] == subprobe.__version__
    assert (said["License-Expression"], said["Requires-Python"]) == ("Apache-2.0", ">=3.11")
    assert not [one for one in said.get_all("Classifier", []) if one.startswith("License")]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_wheel_runs_the_main_job_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    save_tiny_encoder(empty / "encoder")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (empty / "tiny.toml").write_text(
        'model = "./encoder"\nseeds = [3]\nexamples = [96, 32, 32]\n[recipe]\nepochs = 1\n'
        "[controls]\ndraws = 2\nuntrained = false\nretrained_draws = 1\n"
        '[probe]\nsentences = 8\nexamples = 2\nsubsets = 50\nstates = ["pruned"]\n'
        "[probe.options.attributions]\nn_steps = 4\n"
    )
    code = "from subprobe.cli import main; import subprobe; print(subprobe.__file__); main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--config", "tiny.toml", "--out", "run"],
        cwd=empty,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[0].startswith(str(site))
    produced = {path.name for path in (empty / "run").iterdir()}
    assert {"report.html", "manifest.json", "rows.parquet", "tests.csv", "masks"} <= produced
    assert {path.name for path in empty.iterdir()} == {"encoder", "tiny.toml", "run"}
    masks = sorted(path.name for path in (empty / "run" / "masks").iterdir())
    assert masks == [
        f"acceptability-seed3-{kind}.safetensors" for kind in ("bad", "good", "random")
    ]
