"""`.ci/prose.py`, which `make lint` runs: it reads what users read, and finds what it should."""

import importlib.util
import sys
from pathlib import Path

import pytest
import subprobe

ROOT = Path(subprobe.__file__).parent


@pytest.fixture(scope="module")
def prose():
    spec = importlib.util.spec_from_file_location("prose", ROOT / ".ci" / "prose.py")
    sys.modules["prose"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["prose"]


PAGE = """# Title

Good is held
against random, for 30 draws a seed.

```console
$ held against
```

    held against in code

A `blind guess` and a [blind guess](held-against.md).
"""
CODE = '''"""First line.

Args:
    limit: at most so many.
"""

PATTERN = "held-against"


def told(n):
    """Nothing."""
    # held against: a comment
    return f"{n} is no TOML, " "Mind: " f"{n} known seedss (task(s))"
'''


def said(prose, texts):
    found = prose.phrases(texts, prose.settings()["phrase"])
    return sorted((one.line, one.what.split("'")[1]) for one in found)


def test_phrases_are_found_in_prose_and_not_in_code(prose):
    assert said(prose, prose.of_page(PAGE, "page.md")) == [
        (3, "held against"),
        (4, "draws a seed"),
        (12, "blind guess"),
    ]


def test_phrases_are_found_in_docstrings_and_messages(prose):
    assert said(prose, prose.of_code(CODE, "code.py")) == [
        (4, "at most so many"),
        (13, "(s)"),
        (13, "Mind:"),
        (13, "is no TOML"),
        (13, "seedss"),
    ]


def test_templates_are_read_without_their_markup(prose):
    source = '<p class="rooms">{{ rooms }}\n{% if x %}The dead\nheads</p><style>rooms</style>'
    assert said(prose, prose.of_template(source, "page.j2")) == [(2, "dead heads")]


def test_spelling_and_style_are_looked_up(prose):
    texts = [
        prose.Text("a.md", 7, "\nA sentence with teh mistake.\nAnother one is very unique."),
        prose.Text("b.py", 3, "LEACE and Pinter are names; 'quotes' are straight..."),
    ]
    found = list(prose.linters(texts, prose.settings()))
    assert [(one.file, one.line, one.what.split(":")[0]) for one in found][:1] == [
        ("a.md", 8, "codespell")
    ]
    assert {(one.file, one.line) for one in found[1:]} == {("a.md", 9)}
    assert any("uncomparables" in one.what for one in found)


@pytest.mark.parametrize(
    "fine",
    [
        "29 draws per seed; a sentence that a parser read; the 1 seed",
        "class, loss, access, css, less, across, boss",
        "Compare good with random: p = .1 seeds apart",
        "kept heads and pruned heads, one sentence per line",
    ],
)
def test_plain_texts_pass(prose, fine):
    assert said(prose, [prose.Text("a", 1, fine)]) == []


def test_every_page_and_package_is_read(prose):
    files = {text.file for text in prose.texts(prose.PAGES, prose.of_page)}
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= files | {
        "docs/changelog.md",  # includes alone
        "docs/contributing.md",
        "docs/index.md",
    }
    code = {
        path.split("/")[0] for path in (one.file for one in prose.texts(prose.CODE, prose.of_code))
    }
    assert code == {"__init__.py", "cli.py", "data", "models", "pruning", "probes", "analysis",
                    "commands"}  # fmt: skip
