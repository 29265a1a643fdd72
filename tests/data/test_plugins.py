"""What other packages declare is found by name, and what does not work is said and left out."""

import logging
import sys
from dataclasses import dataclass

import pytest
from plugin_site import declare
from subprobe.data.errors import ConfigError
from subprobe.data.plugins import Plugins

GROUP = "subprobe.things"


@dataclass(frozen=True)
class Thing:
    name: str


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path with a module of things; nothing of it is left behind."""
    code = "from plugin_things import Thing\nONE, TWO, ODD = map(Thing, ('one', 'two', 'odd'))\n"
    (tmp_path / "plugin_made.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "plugin_things", sys.modules[__name__])
    yield tmp_path
    sys.modules.pop("plugin_made", None)


def things(problem=lambda _: ""):
    return Plugins(GROUP, "thing", Thing, ("built-in",), problem)


def test_plugins_are_found_by_name_and_loaded_once(site):
    declare(site, "made", f"[{GROUP}]\none = plugin_made:ONE\ntwo = plugin_made:TWO\n")
    found = things()
    assert found.names() == ["one", "two"]
    assert "plugin_made" not in sys.modules  # names alone load nothing
    assert found.get("one") == Thing("one")
    assert found.get("three") is None
    assert list(found.all()) == ["one", "two"]
    assert found.distribution("one") == "made 1.0"
    assert found.distribution("built-in") == ""
    assert str(found.unknown("on")).startswith("unknown thing 'on'; did you mean 'one'?")
    assert "built-in, one, two" in str(found.unknown("on"))


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ("built-in = plugin_made:ONE", "subprobe already has a thing of that name"),
        ("other = plugin_made:ONE", "ValueError: plugin_made:ONE has the name 'one'"),
        ("one = plugin_made:ABSENT", "AttributeError: module 'plugin_made' has no attribute"),
        ("one = no_such_place:ONE", "ModuleNotFoundError: No module named 'no_such_place'"),
        ("one = plugin_made", "TypeError: plugin_made is not a Thing"),
        ("odd = plugin_made:ODD", "ValueError: is odd"),
    ],
)
def test_what_does_not_work_is_left_out_with_one_line(site, caplog, points, said):
    declare(site, "bad", f"[{GROUP}]\n{points}\n")
    declare(site, "made", f"[{GROUP}]\ntwo = plugin_made:TWO\n")
    found = things(lambda thing: "is odd" if thing.name == "odd" else "")
    with caplog.at_level(logging.WARNING, "subprobe"):
        for _ in range(2):
            assert dict(found.all()) == {"two": Thing("two")}
    (record,) = caplog.records
    line = record.getMessage()
    assert line.startswith(f"warning: the thing {points.split(' ')[0]!r} of bad 1.0 is left out: ")
    assert said in line
    assert "\n" not in line


def test_a_name_that_two_packages_declare_is_the_first_ones(site, caplog):
    declare(site, "a-first", f"[{GROUP}]\none = plugin_made:ONE\n")
    declare(site, "b-second", f"[{GROUP}]\none = plugin_made:TWO\n")
    found = things()
    with caplog.at_level(logging.WARNING, "subprobe"):
        assert found.get("one") == Thing("one")
    (record,) = caplog.records
    assert (
        "'one' of b-second 1.0 is left out: a-first 1.0 already has a thing" in record.getMessage()
    )


def test_an_error_of_subprobe_says_itself_and_an_interrupt_passes(site, caplog, monkeypatch):
    declare(site, "made", f"[{GROUP}]\none = plugin_made:ONE\n")

    def raising(error):
        def problem(_thing):
            raise error

        return problem

    with caplog.at_level(logging.WARNING, "subprobe"):
        assert things(raising(ConfigError("is no good", where="one"))).get("one") is None
    assert caplog.records[0].getMessage().endswith("is left out: one: is no good")
    with pytest.raises(KeyboardInterrupt):
        things(raising(KeyboardInterrupt())).get("one")
    with pytest.raises(MemoryError):
        things(raising(MemoryError())).get("one")
