"""Configurations that come with the package are known by their names, after the user's files."""

import pytest
from subprobe.analysis.configuration.config import read_config
from subprobe.analysis.configuration.config_toml import config_toml
from subprobe.analysis.configuration.shipped import described, found_file, shipped, shipped_file
from subprobe.data.errors import ConfigError, UnknownNameError


def test_the_study_is_shipped_and_reads_back_equal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "study" in shipped()
    study = read_config("study")
    assert study.model == "bert-base-uncased"
    (tmp_path / "all.toml").write_text(config_toml(study), encoding="utf-8")
    assert read_config(tmp_path / "all.toml") == study


def test_a_file_of_the_user_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").write_text("seeds = [9]\n", encoding="utf-8")
    assert read_config("study").seeds == (9,)
    assert read_config(tmp_path / "study").seeds == (9,)


def test_a_path_is_no_name(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_config(tmp_path / "study")
    assert found_file(tmp_path / "study") == tmp_path / "study"


def test_each_says_what_it_is():
    for record in described():
        assert len(record["what"]) > 40
        assert shipped_file(record["config"]).is_file()
    with pytest.raises(UnknownNameError, match="did you mean 'study'"):
        shipped_file("stud")
