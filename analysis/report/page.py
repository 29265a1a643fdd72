"""What every HTML page is made with: templates, scripts, the chart library, and its policy."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
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


@cache
def library() -> Markup:
    """Vega, Vega-Lite and Vega-Embed, to stand inside a script element."""
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
