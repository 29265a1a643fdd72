"""Options are checked, frozen, and come back from the TOML that lists them."""

import tomllib
from pathlib import Path

import pytest
from subprobe.analysis.configuration.config import RunConfig, parse_config, read_config
from subprobe.analysis.configuration.config_toml import config_toml
from subprobe.data.errors import ConfigError


def test_defaults_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(config_toml(RunConfig()))
    assert read_config(path) == RunConfig()


def test_every_option_is_written_and_explained() -> None:
    text = config_toml(RunConfig())
    written = tomllib.loads(text)
    plain = RunConfig().plain()
    assert written.keys() == plain.keys()
    for name, value in plain.items():
        if isinstance(value, dict):
            assert written[name].keys() == value.keys()
    assert (
        "# attributions.n_steps = 16  # steps of integrated-gradients and layer-conductance" in text
    )
    assert '# attention-stats.queries = "all"' in text
    options = [line for line in text.splitlines() if " = " in line.split("#")[0]]
    assert all("#" in line for line in options)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sedes = [1]", "sedes"),
        ("[prune]\nthreshold = 1.5", "prune.threshold"),
        ("[prune]\nrule = 'most'", "prune.rule"),
        ("seeds = []", "seeds"),
        ("seeds = [1, 1]", "seeds"),
        ("[controls]\ndraws = 0", "controls.draws"),
        ("seeds = [1", "not valid TOML"),
    ],
)
def test_bad_options_are_named_with_their_file(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert named in str(caught.value)
    assert "bad.toml" in str(caught.value)
    assert "\n" not in str(caught.value).strip()


def test_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        read_config("absent.toml")


def test_options_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().seeds = (3,)  # type: ignore[misc]


def test_overrides_meet_the_same_checks() -> None:
    with pytest.raises(ConfigError, match="command line"):
        parse_config({"tasks": []}, where="command line")


def test_options_of_probes_are_written_and_read_back(tmp_path):
    given = {"attention-trees": {"root": "free", "renormalise": True}}
    config = parse_config({"probe": {"options": given, "correction": "fdr_bh"}}, where="here")
    path = tmp_path / "run.toml"
    path.write_text(config_toml(config), encoding="utf-8")
    assert read_config(path) == config
    path.write_text('[probe.options.attention-trees]\nroot = "free"\n', encoding="utf-8")
    assert read_config(path).probe.options == {"attention-trees": {"root": "free"}}
    with pytest.raises(ConfigError, match=r"probe\.correction"):
        parse_config({"probe": {"correction": "none"}}, where="here")
