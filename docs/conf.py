"""How the documentation is built: `make docs` writes it to build/docs and refuses broken links."""

import re
from typing import Any

import subprobe

project = "subprobe"
author = "The subprobe developers"
version = release = subprobe.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
exclude_patterns = ["conf.py"]

html_theme = "furo"
html_title = f"subprobe {release}"
html_copy_source = False

# headings are anchors of links down to this level, as on the pages that a repository shows
myst_heading_anchors = 4

# one backtick in a docstring marks code
default_role = "code"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# every name that a docstring refers to is a name of the reference; annotations also name types of
# other libraries, and types that the package does not offer by a name of its own
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!subprobe\.)\w+\..*"),
    ("py:.*", r"subprobe\.\w+\..*"),
    ("py:class", r"\w+"),
]

_CODE = re.compile(r"(`[^`]+`)(\w?)|\*\*(?=\w)")


def _described_elsewhere(app: Any, _what: str, name: str, value: Any, *_: Any) -> bool | None:
    """Leave to the page of the package what the package offers under the same name."""
    on_this_page = app.env.current_document.docname == "errors"
    same = name in subprobe.__all__ and getattr(subprobe, name) is value
    return True if on_this_page and same else None


def _plain(_app: Any, what: str, _name: str, _value: Any, _options: Any, lines: list[str]) -> None:
    """Read a docstring as it is meant: types stand in annotations, and two stars mark nothing."""
    first = [n + 1 for n, line in enumerate(lines) if line.strip() in ("Returns:", "Yields:")]
    for n in [*first, 0] if what in ("attribute", "property") else first:
        # an empty type: what stands before a later colon is text
        indent = len(lines[n]) - len(lines[n].lstrip())
        lines[n] = f"{lines[n][:indent]}: {lines[n][indent:]}"
    marked = _CODE.sub(_escaped, "\n".join(lines))
    lines[:] = marked.split("\n")


def _escaped(found: re.Match[str]) -> str:
    """Stars outside code with a backslash, and a plural s that follows code apart from it."""
    if found[1] is None:
        return r"\*\*"
    return f"{found[1]}\\ {found[2]}" if found[2] else found[1]


def _by_last_name(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Find `MaskError` for `subprobe.data.errors.MaskError`, as docstrings write it."""
    if node.get("refdomain") != "py" or "refspecific" in node:
        return None
    node["refspecific"] = True
    place = (env, node["refdoc"], app.builder, node["reftype"], node["reftarget"])
    return env.domains["py"].resolve_xref(*place, node, content)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    # before napoleon
    app.connect("autodoc-process-docstring", _plain, priority=400)
    app.connect("autodoc-skip-member", _described_elsewhere)
    app.connect("missing-reference", _by_last_name)
