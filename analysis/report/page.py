"""What every HTML page is made with: templates, scripts, the chart library, and its policy."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup


def render(template: str, **values: Any) -> str:
    """A template of this package filled in; what is no `Markup` is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(template).render(**values)


def resource(*names: str) -> Markup:
    """Style sheets or a script of this package, to stand in a page as they are."""
    return Markup("\n".join(map(_text, names)))


def script_json(value: Any, **options: Any) -> Markup:
    """JSON that is safe inside a script element; `options` are those of `json.dumps`."""
    # only `<` could end the element or open another
    return Markup(json.dumps(value, **options).replace("<", "\\u003c"))


def policy(style: str, *scripts: str) -> str:
    """The Content-Security-Policy of a page: it loads nothing and runs only its own scripts.

    Args:
        style: the text of its style element.
        scripts: the text of each script element that runs.
    """
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {_digests(style)}; script-src {_digests(*scripts)}"
    )


def _digests(*texts: str) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests)


LIBRARIES = {
    ("1.9.0.post1", "6.4"): "3425bd951a44d478d0505c6b5d1e8d57656b6e9a4da7bfe88a718ce61d76e572",
}
"""Versions of vl-convert and of Vega-Lite -> SHA-256 of the scripts that they give."""
_LONGEST = 2**26


def library(page: Path | None = None) -> Markup:
    """Vega, Vega-Lite and Vega-Embed, to stand inside a script element.

    Bundling them takes longer than anything else about a small report. An earlier page has them,
    and their digest shows that they are what the installed versions give.

    Args:
        page: an earlier page, if there is one.
    """
    from ..figures.charts import vega_lite_version

    versions = version("vl-convert-python"), vega_lite_version()
    return _library_of(page, LIBRARIES.get(versions, "")) or _bundled()


def _library_of(page: Path | None, digest: str) -> Markup:
    """The script of a page that has this digest; empty if there is none."""
    try:
        if not digest or page is None or not 0 < page.stat().st_size <= _LONGEST:
            return Markup()
        text = page.read_bytes().decode() if page.is_file() else ""
    except (OSError, ValueError):
        return Markup()
    scripts = (part.partition("</script>")[0] for part in text.split("<script>")[1:])
    same = (one for one in scripts if hashlib.sha256(one.encode()).hexdigest() == digest)
    return Markup(next(same, ""))


@cache
def _bundled() -> Markup:
    """The scripts as vl-convert bundles them."""
    import vl_convert

    from ..figures.charts import vega_lite_version

    # its stub asks for a snippet, which the function itself does not
    text = vl_convert.javascript_bundle(vl_version=vega_lite_version())  # type: ignore[call-arg]
    return Markup(text.replace("</script", "<\\/script"))


STYLES = ("report.css", "print.css")
"""Style sheets of a report and of a comparison."""
SCRIPTS = ("charts.js", "report.js")
"""Their scripts: charts with their values; tables that sort and copy, and the contents."""


def _text(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
