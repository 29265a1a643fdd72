"""Which model a name means."""

from itertools import product

import pytest
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]
from subprobe.data.errors import CheckpointError
from subprobe.models.folder import sources
from subprobe.models.folder.sources import resolve_model


def test_embedded_is_the_wheels_encoder():
    source = resolve_model("embedded")
    assert (source.kind, source.name) == ("embedded", "embedded")
    assert source.location.endswith("model")


def test_a_path_is_a_path_only_when_written_as_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("bert-base-uncased", "embedded", "owner"):
        (tmp_path / name).mkdir()
    assert resolve_model("./bert-base-uncased").kind == "folder"
    assert resolve_model("./embedded").kind == "folder"
    assert resolve_model(str(tmp_path / "owner")).kind == "folder"
    assert resolve_model("bert-base-uncased").kind == "hub"
    assert resolve_model("owner/name").kind == "hub"
    assert resolve_model("embedded").kind == "embedded"


def test_home_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    assert resolve_model("~/model").location == str(tmp_path / "model")


@pytest.mark.parametrize("name", ["./nowhere", "../nowhere/else", "/no/such/folder"])
def test_a_missing_folder_is_named(name):
    with pytest.raises(CheckpointError, match=name):
        resolve_model(name)


@pytest.mark.parametrize("name", ["", "a/b/c", "models\\bert"])
def test_what_is_nothing_is_refused_with_the_way_out(name):
    with pytest.raises(CheckpointError, match=r"\./folder"):
        resolve_model(name)


def test_a_changed_embedded_encoder_is_refused(monkeypatch):
    monkeypatch.setattr(sources, "EMBEDDED_SHA256", "0" * 64)
    sources._embedded_folder.cache_clear()
    try:
        with pytest.raises(CheckpointError, match="differ from the released ones"):
            resolve_model("embedded")
    finally:
        sources._embedded_folder.cache_clear()


def test_ids_that_are_taken_without_asking_the_library_are_valid_for_it():
    letters, taken = "a_-./g", 0
    names = ["".join(one) for n in range(1, 6) for one in product(letters, repeat=n)]
    names += ["a" * 96, "a" * 97, "b/" + "a" * 97, "bert.git", "owner/bert.git", "owner.git/bert"]
    for name in names:
        if sources._USUAL_ID.fullmatch(name):
            validate_repo_id(name)
            taken += 1
    assert taken > 1000
    assert all(map(sources._USUAL_ID.fullmatch, ("bert-base-uncased", "owner/name_2.1-b")))
