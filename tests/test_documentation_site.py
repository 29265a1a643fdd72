"""`make docs`: every page and every public name is there, and a broken link is an error."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import subprobe
import subprobe.data.errors as error_module

ROOT = Path(subprobe.__file__).parent
DOCS = ROOT / "docs"


def build(source, out):
    """Build as the Makefile does; the exit code and what was said."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    words = re.search(r"^docs:.*\n\t\$\(BIN\)/python (.+) docs build/docs$", makefile, re.M)[1]
    command = [sys.executable, *words.split(), str(source), str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stderr


def test_every_page_is_in_the_contents():
    index = (DOCS / "index.md").read_text("utf-8")
    listed = [
        path
        for block in re.findall(r"^```{toctree}\n(.*?)^```", index, re.M | re.S)
        for line in block.splitlines()
        if line and not line.startswith(":")
        for path in sorted(DOCS.glob(f"{line}.md"))
    ]
    assert len(listed) == len(set(listed))
    # a page that is missing here needs a line in docs/index.md
    assert {path.name for path in listed} == {path.name for path in DOCS.glob("*.md")} - {
        "index.md"
    }


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_site_has_every_public_name(tmp_path):
    from sphinx.util.inventory import InventoryFile

    code, said = build(DOCS, tmp_path / "site")
    assert (code, said) == (0, "")
    inventory = InventoryFile.loads((tmp_path / "site" / "objects.inv").read_bytes(), uri="")
    named = {name for kind, names in inventory.data.items() if kind.startswith("py:")
             for name in names}  # fmt: skip
    public = {name for name in subprobe.__all__ if not name.startswith("__")}
    assert {f"subprobe.{name}" for name in public} <= named
    errors = {name for name, one in vars(error_module).items()
              if isinstance(one, type) and issubclass(one, subprobe.SubprobeError)}  # fmt: skip
    assert {f"subprobe.data.errors.{name}" for name in errors} <= named
    shown = (tmp_path / "site" / "api.html").read_text("utf-8")
    assert "kept heads, bool [L, H]" in shown  # attributes of the docstrings come along
    # a clause before a colon is text, no type
    assert "The type of unit in which its size is counted: the finest one that it masks." in shown
    assert (tmp_path / "site" / "_images" / "report.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[a page](no-page.md)", "no-page"),
        ("[a heading](own-data.md#no-heading)", "no-heading"),
        ("[a heading of this page](#no-heading)", "no-heading"),
        ("{py:class}`subprobe.NoName`", "NoName"),
        ("[fine](own-data.md#class-names), {py:exc}`subprobe.data.errors.MaskError`", ""),
    ],
)
def test_a_broken_link_is_an_error(line, fault, tmp_path):
    source = tmp_path / "docs"
    source.mkdir()
    for name in ("conf.py", "own-data.md", "errors.md"):
        shutil.copy(DOCS / name, source)
    # the only links of these pages that lead elsewhere
    page = (source / "own-data.md").read_text("utf-8")
    page = re.sub(r"\]\((?!http)[^)#]+\.md[^)]*\)", "]", page)
    (source / "own-data.md").write_text(page, encoding="utf-8")
    (source / "index.md").write_text(
        f"# Page\n\n{line}\n\n```{{toctree}}\nown-data\nerrors\n```\n", encoding="utf-8"
    )
    code, said = build(source, tmp_path / "site")
    assert (code != 0) == bool(fault), said
    assert fault in said
