from __future__ import annotations

import pytest
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.probes.options import check_options, parse_options, probe_options


def test_options_are_read_as_toml_or_words():
    found = parse_options(
        ["attention-trees.root=free", "attention-trees.renormalise=true",
         "dependency-heads.min_count=5", 'attention-trees.directions=["head->dependent"]']
    )  # fmt: skip
    assert found == {
        "attention-trees": {
            "root": "free", "renormalise": True, "directions": ["head->dependent"],
        },
        "dependency-heads": {"min_count": 5},
    }  # fmt: skip
    check_options(found, list(found))


def test_known_options_are_the_keywords_of_the_probe():
    known = probe_options("attention-trees")
    assert set(known) == {"decoder", "root", "scores", "directions", "renormalise"}
    assert known["decoder"] == "max"


@pytest.mark.parametrize("text", ["root=free", "attention-trees=free", "attention-trees.root", ""])
def test_other_texts_are_refused(text):
    with pytest.raises(ConfigError, match=r"PROBE\.OPTION=VALUE"):
        parse_options([text])


def test_an_option_given_twice_is_refused():
    with pytest.raises(ConfigError, match="twice"):
        parse_options(["norms.x=1", "norms.x=2"])


def test_options_that_do_not_fit_are_refused():
    run = ["attention-trees"]
    with pytest.raises(UnknownNameError, match="decoder, directions, renormalise, root, scores"):
        check_options({"attention-trees": {"roots": "free"}}, run)
    with pytest.raises(ConfigError, match="like its default, False"):
        check_options({"attention-trees": {"renormalise": "yes"}}, run)
    with pytest.raises(ConfigError, match="norms, which is not run"):
        check_options({"norms": {}}, run)
    with pytest.raises(UnknownNameError, match="attention-trees"):
        check_options({"attention-tree": {}}, run)
