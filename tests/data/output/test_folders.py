"""A folder of output: written whole, beside what was there, and nothing lost."""

import errno
import os
import stat
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subprobe.data.errors import ConfigError
from subprobe.data.files.atomic import atomic_path, write_text
from subprobe.data.files.temporaries import remove_stale, temporary_in
from subprobe.data.output.folders import atomic_folder
from subprobe.data.output.ownership import RECORD, Record, foreign, imprint
from subprobe.data.output.tables import rows_frame, write_csv, write_parquet


def put(folder, files, writer="tables", **options):
    """Write texts by name, as a command does."""
    with atomic_folder(folder, writer, **options) as temporary:
        for name, text in files.items():
            write_text(temporary / name, text)


def held(folder):
    """Name -> text of everything in a folder but its record."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != RECORD
    }


def test_a_new_folder_is_whole_and_recorded(tmp_path):
    put(tmp_path / "a" / "b", {"x.csv": "1", "deep/y.csv": "2"})
    assert held(tmp_path / "a" / "b") == {"x.csv": "1", "deep/y.csv": "2"}
    files = Record.of(tmp_path / "a" / "b").files
    assert files == {
        "tables": {name: imprint(tmp_path / "a" / "b" / name) for name in ("deep/y.csv", "x.csv")}
    }
    assert list(foreign(tmp_path / "a" / "b")) == []


def test_the_same_writer_replaces_what_it_left_and_no_other(tmp_path):
    put(tmp_path, {"x.csv": "1", "old/z.csv": "0"})
    put(tmp_path, {"page.tex": "p"}, writer="latex")
    put(tmp_path, {"x.csv": "2", "y.csv": "3"})
    assert held(tmp_path) == {"x.csv": "2", "y.csv": "3", "page.tex": "p"}
    assert not (tmp_path / "old").exists()
    put(tmp_path, {"w.csv": "4"}, adds=True)
    assert set(held(tmp_path)) == {"x.csv", "y.csv", "page.tex", "w.csv"}


@pytest.mark.parametrize(
    "mine", ["notes.txt", "deep/thesis.tex", ".env", "x.csv", "maps.npy", "subprobe.json"]
)
def test_a_folder_with_anything_else_is_refused_and_left_alone(tmp_path, mine):
    write_text(tmp_path / mine, "mine")
    with pytest.raises(ConfigError, match=r"did not write.*`overwrite`"):
        put(tmp_path, {"x.csv": "1"})
    assert {p.relative_to(tmp_path).as_posix(): p.read_text() for p in tmp_path.rglob("*")
            if p.is_file()} == {mine: "mine"}  # fmt: skip


def test_overwrite_removes_nothing_that_is_not_ours(tmp_path):
    write_text(tmp_path / "notes.txt", "mine")
    write_text(tmp_path / "x.csv", "my table")
    put(tmp_path, {"x.csv": "1"}, overwrite=True)
    assert held(tmp_path) == {"notes.txt": "mine", "x.csv": "1", "x.csv.bak": "my table"}
    assert imprint(tmp_path / "x.csv") == Record.of(tmp_path).files["tables"]["x.csv"]
    write_text(tmp_path / "x.csv", "my second table")
    put(tmp_path, {"x.csv": "2"}, overwrite=True)
    assert held(tmp_path)["x.csv.bak1"] == "my second table"
    assert held(tmp_path)["x.csv.bak"] == "my table"


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_a_record_of_the_users_is_kept(tmp_path, kind):
    path, other = tmp_path / "out" / RECORD, tmp_path / "other.json"
    path.parent.mkdir()
    other.write_text('{"my": "settings"}')
    if kind == "link":
        path.symlink_to(other)
    elif kind == "folder":
        path.mkdir()
        other.replace(path / "x")
    else:
        other.replace(path)
    put(tmp_path / "out", {"x.csv": "1"}, overwrite=True)
    kept = path.with_name(f"{RECORD}.bak")
    assert (kept / "x" if kind == "folder" else kept).read_text() == '{"my": "settings"}'
    assert kept.is_symlink() == (kind == "link")
    assert Record.of(tmp_path / "out").files["tables"]


def test_a_file_that_the_user_changed_is_the_users(tmp_path):
    put(tmp_path, {"labels.csv": "guessed", "maps.csv": "0"})
    (tmp_path / "labels.csv").write_text("corrected by hand")
    with pytest.raises(ConfigError, match=r"labels\.csv"):
        put(tmp_path, {"labels.csv": "guessed again"})
    put(tmp_path, {"other.csv": "1"}, overwrite=True)
    assert held(tmp_path) == {"labels.csv": "corrected by hand", "other.csv": "1"}


def test_links_are_not_followed(tmp_path):
    (tmp_path / "away").mkdir()
    write_text(tmp_path / "away" / "x.csv", "far")
    out = tmp_path / "out"
    put(out, {"x.csv": "1", "deep/y.csv": "2"})
    (out / "x.csv").unlink()
    (out / "x.csv").symlink_to(tmp_path / "away" / "x.csv")
    (out / "deep" / "y.csv").unlink()
    (out / "deep").rmdir()
    (out / "deep").symlink_to(tmp_path / "away")
    with pytest.raises(ConfigError, match=r"deep, x\.csv"):
        put(out, {"x.csv": "3"})
    with pytest.raises(ConfigError, match="is a link"):
        put(out, {"deep/y.csv": "3"}, overwrite=True)
    put(out, {"x.csv": "3"}, overwrite=True)
    assert held(tmp_path / "away") == {"x.csv": "far"}
    assert (out / "x.csv").read_text() == "3"
    assert not (out / "x.csv").is_symlink()
    assert (out / "x.csv.bak").is_symlink()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_no_trace(tmp_path, error):
    def fail(folder):
        with atomic_folder(folder, "tables") as temporary:
            write_text(temporary / "x.csv", "half")
            raise error

    for folder in (tmp_path / "not" / "there", tmp_path / "there"):
        if folder.name == "there" and folder.parent == tmp_path:
            put(folder, {"x.csv": "1"})
        with pytest.raises(error):
            fail(folder)
    with pytest.raises(error), atomic_path(tmp_path / "nor" / "this.csv"):
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert held(tmp_path / "there") == {"x.csv": "1"}


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    code = (
        "import os, sys\nfrom subprobe.data.files.atomic import atomic_path\n"
        "with atomic_path(sys.argv[1]) as path:\n    path.write_text('half')\n    os._exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.csv")], check=False)
    mine = temporary_in(tmp_path, "y.csv")
    mine.mkdir()
    (tmp_path / ".x.csv.hidden").write_text("the user's")
    assert len(list(tmp_path.iterdir())) == 3
    remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".x.csv.hidden", mine.name])


def test_a_record_that_was_tampered_with_reaches_nothing_outside(tmp_path):
    (tmp_path / "precious.txt").write_text("keep")
    out = tmp_path / "out"
    put(out, {"x.csv": "1"})
    mark = imprint(tmp_path / "precious.txt")
    text = Record({}, {"tables": {"../precious.txt": mark, str(tmp_path / "precious.txt"): mark,
                                  "x.csv": imprint(out / "x.csv")}}).text()  # fmt: skip
    (out / RECORD).write_text(text)
    put(out, {"y.csv": "2"})
    assert held(tmp_path)["precious.txt"] == "keep"
    assert set(held(out)) == {"y.csv"}


@pytest.mark.parametrize(
    "text", ["", "[]", "1", '{"files": 1}', '{"files": {"tables": 3}}', "[" * 100_000, "\0", "{"]
)
def test_a_damaged_record_claims_nothing(tmp_path, text):
    put(tmp_path, {"x.csv": "1"})
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(ConfigError, match=r"x\.csv"):
        put(tmp_path, {"x.csv": "2"})
    assert held(tmp_path) == {"x.csv": "1"}


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o027, 0o002])
def test_the_umask_rules_all_files_alike(tmp_path, umask):
    import numpy as np
    from safetensors.numpy import save_file

    before = os.umask(umask)
    try:
        rows = rows_frame([{"probe": "performance", "value": 0.5}])
        write_csv(rows, tmp_path / "one" / "rows.csv")
        write_parquet(rows, tmp_path / "one" / "rows.parquet")
        with atomic_folder(tmp_path / "many", "tables") as temporary:
            save_file({"x": np.zeros(3)}, temporary / "weights.safetensors")
            os.chmod(temporary / "weights.safetensors", 0o600)
            (temporary / "deep").mkdir(0o700)
            write_parquet(rows, temporary / "deep" / "rows.parquet")
    finally:
        os.umask(before)
    for path in tmp_path.rglob("*"):
        full = 0o777 if path.is_dir() else 0o666
        assert stat.S_IMODE(path.stat().st_mode) == full & ~umask, path


@pytest.mark.parametrize("kind", ["safetensors", "parquet", "csv"])
def test_a_full_disk_is_an_error_of_the_system_and_leaves_nothing(tmp_path, kind):
    """A limit on the size of files stands for the end of the disk, in a process of its own."""
    code = f"""
import resource, sys
import numpy as np, pandas as pd
from pathlib import Path
from safetensors.numpy import save_file
from subprobe.data.output.folders import atomic_folder
write = {{
    "safetensors": lambda path: save_file({{"x": np.random.rand(9999)}}, path),
    "parquet": lambda path: pd.DataFrame({{"x": np.random.rand(9999)}}).to_parquet(path),
    "csv": lambda path: pd.DataFrame({{"x": np.random.rand(9999)}}).to_csv(path),
}}["{kind}"]
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    with atomic_folder(Path(sys.argv[1]) / "out", "tables") as folder:
        write(folder / "x.{kind}")
except OSError as error:
    print(error.errno)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{errno.EFBIG}\n", done.stderr
    assert list(tmp_path.iterdir()) == []


NAMES = st.sampled_from(["a.csv", "b.csv", "d/a.csv", "d/e/b.csv"])
TEXTS = st.sampled_from(["1", "2", "3"])


@settings(max_examples=30)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["one", "two", "user"]), st.dictionaries(NAMES, TEXTS)),
        max_size=8,
    )
)
def test_what_the_user_wrote_is_always_somewhere(tmp_path_factory, steps):
    """Whatever was written in which order: no content of the user's is ever lost."""
    folder = tmp_path_factory.mktemp("steps")
    users = []
    for number, (who, files) in enumerate(steps):
        if who == "user":
            for name, text in files.items():
                content = f"user {number} {text}"
                old = (folder / name).read_text() if (folder / name).is_file() else None
                users = [one for one in users if one != old] + [content]
                write_text(folder / name, content)
        else:
            put(folder, files, writer=who, overwrite=True)
            for name, text in files.items():
                assert (folder / name).read_text() == text
        assert set(users) <= set(held(folder).values())
