"""Every path that is written is checked before any work."""

import os
from pathlib import Path

import pytest
import subprobe
from subprobe.data.errors import ConfigError
from subprobe.data.files.atomic import write_text
from subprobe.data.output.folders import atomic_folder
from subprobe.data.output.outputs import (
    MASKS,
    ONNX,
    PAGES,
    TABLES,
    prepare_out,
    user_path,
    user_text,
)
from subprobe.data.output.ownership import GENERATOR
from subprobe.data.output.tables import rows_frame, write_csv, write_parquet


@pytest.mark.parametrize(
    ("name", "files", "said"),
    [
        ("x.csv", (), "name a folder, such as .*x"),
        ("x.XLSX", (), "name a folder"),
        ("good.safetensors", (), "name a folder, such as .*good"),
        ("x.tar.gz", (), "name a folder"),
        (
            "out.xlsx",
            TABLES,
            r"\.xlsx is not a supported output format; name a \.csv or \.parquet file, or a folder",
        ),
        ("out.json", TABLES, r"name a \.csv or \.parquet file, or a folder"),
    ],
)
def test_a_file_is_never_a_folder(tmp_path, name, files, said):
    with pytest.raises(ConfigError, match=said):
        prepare_out(tmp_path / name, files=files, folder="probe")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "files", "said"),
    [
        ("g2.pt", MASKS, r"\.pt is not a supported output format; name a \.safetensors file$"),
        ("g2", MASKS, r"the name has no suffix; name a \.safetensors file$"),
        (
            "scores.tsv",
            TABLES,
            r"\.tsv is not a supported output format; name a \.csv or \.parquet file$",
        ),
        ("page.pdf", PAGES, r"name a \.html file"),
        ("model.bin", ONNX, r"name a \.onnx file"),
        ("v1.5", TABLES, r"\.5 is not a supported output format"),
    ],
)
def test_another_form_of_file_is_refused(tmp_path, name, files, said):
    with pytest.raises(ConfigError, match=said):
        prepare_out(tmp_path / name, files=files)


@pytest.mark.parametrize("name", ["run", "v1.5", "bert-base.2", "runs/a/b", "."])
def test_other_names_are_folders(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert prepare_out(name, folder="tables").resolve() == (tmp_path / name).resolve()
    assert not list(tmp_path.iterdir())


def test_home_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert prepare_out("~/x", folder="tables") == tmp_path / "x"
    assert user_path("~/x.csv") == tmp_path / "x.csv"
    assert (user_text("~/x.txt"), user_text("natural")) == (str(tmp_path / "x.txt"), "natural")
    for wrong in ("~nobody-of-this-name/x", ""):
        with pytest.raises(ConfigError):
            user_path(wrong)


@pytest.mark.parametrize(
    "place",
    [
        "file.txt/out",
        "file.txt/a/b/out",
        "/proc/out",
        "/dev/null/out",
        "x" * 300,
        "a/\0/b",
        "loop/o",
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, place):
    (tmp_path / "file.txt").write_text("mine")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ConfigError):
        prepare_out(tmp_path / place, folder="tables")
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    # the tests may run as root, whom no permission stops
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ConfigError, match="no permission"):
        prepare_out(tmp_path / "out", folder="tables")


def test_a_file_of_the_users_is_replaced_on_demand_alone(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("text,label\nmine,1\n")
    with pytest.raises(ConfigError, match=r"did not write.*`overwrite`"):
        prepare_out(path, files=TABLES)
    assert prepare_out(path, files=TABLES, overwrite=True) == path
    for other in (tmp_path / "dir.csv", tmp_path / "pipe.csv"):
        other.mkdir() if other.stem == "dir" else os.mkfifo(other)
        with pytest.raises(ConfigError, match=r"is a folder|not an ordinary file"):
            prepare_out(other, files=TABLES, overwrite=True)


def test_files_of_ours_are_replaced(tmp_path):
    rows = rows_frame([{"probe": "performance", "value": 0.5}])
    write_csv(rows, tmp_path / "a.csv")
    write_parquet(rows, tmp_path / "a.parquet")
    write_text(tmp_path / "a.html", '<head><meta name="generator" content="subprobe">')
    (tmp_path / "empty.csv").touch()
    for name in ("a.csv", "a.parquet", "a.html", "empty.csv"):
        prepare_out(tmp_path / name, files=(*TABLES, *PAGES))
    for name in ("b.html", "b.parquet", "b.safetensors", "b.onnx"):
        write_text(tmp_path / name, "not ours")
        with pytest.raises(ConfigError, match="did not write"):
            prepare_out(tmp_path / name, files=(*TABLES, *PAGES, *MASKS, *ONNX))


def test_every_page_says_who_wrote_it():
    templates = sorted((Path(subprobe.__file__).parent / "analysis").rglob("*.html.j2"))
    assert len(templates) == 3
    for template in templates:
        assert GENERATOR in template.read_text("utf-8")[:300]


def test_a_part_of_another_output_is_not_replaced(tmp_path):
    with atomic_folder(tmp_path / "run", "run") as folder:
        write_csv(rows_frame([{"value": 1.0}]), folder / "rows.csv")
    with pytest.raises(ConfigError, match="was written by `run` as part of this folder"):
        prepare_out(tmp_path / "run" / "rows.csv", files=TABLES)
    prepare_out(tmp_path / "run" / "rows.csv", files=TABLES, again="run")


def test_what_is_read_is_not_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    with pytest.raises(ConfigError, match="is an input of the command"):
        prepare_out("a/../model", folder="model", reads=["./model"])
    # a bare name is no folder
    prepare_out("embedded", folder="model", reads=["embedded", None])


def test_a_link_is_what_it_stands_for(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert prepare_out(tmp_path / "link" / "x", folder="t") == tmp_path / "real" / "x"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["t.csv", "t", "t/deep", "t/x.csv"])
def test_a_link_that_leads_nowhere_is_refused(tmp_path, name, overwrite):
    (tmp_path / name.split("/")[0]).symlink_to(tmp_path / "away" / "target.csv")
    with pytest.raises(ConfigError, match="is a broken link"):
        prepare_out(tmp_path / name, files=TABLES, folder="t", overwrite=overwrite)
    assert not (tmp_path / "away").exists()


def test_a_file_is_not_written_through_a_link_out_of_its_folder(tmp_path):
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "real.csv").write_text("")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "out.csv").symlink_to(tmp_path / "away" / "real.csv")
    with pytest.raises(ConfigError, match="leads out of its folder; name the file itself"):
        prepare_out(tmp_path / "here" / "out.csv", files=TABLES, overwrite=True)
    (tmp_path / "near.csv").write_text("")
    (tmp_path / "alias.csv").symlink_to("near.csv")
    found = prepare_out(tmp_path / "alias.csv", files=TABLES)
    assert found == (tmp_path / "near.csv").resolve()
    # a folder may well be a link to another disk
    (tmp_path / "runs").symlink_to(tmp_path / "away")
    assert prepare_out(tmp_path / "runs", folder="t", overwrite=True) == tmp_path / "away"
