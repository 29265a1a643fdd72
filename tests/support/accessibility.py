"""What axe-core finds wrong with a page that a browser shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files

from chromium import Browser

STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
"""The kinds of rules that are asked for."""
LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")
"""The rules whose answer changes with the colours or the width of a page."""

# each row of a table is made like the one before it, each task like the first; of a chart only
# the tab stop is more than a picture
_SHORTEN = """(() => {
  document.querySelectorAll("details").forEach(one => { one.open = true; });
  document.querySelectorAll("section.task ~ section.task, tbody tr:nth-child(n + 3),"
    + " .terms > :nth-child(n + 3)").forEach(one => one.remove());
  for (const part of document.querySelectorAll(".chart svg *"))
    if (!part.matches("[tabindex]") && !part.querySelector("[tabindex]")) part.remove();
})()"""
_RUN = """axe.run(document, {runOnly: %s, resultTypes: ["violations"]}).then(found =>
  found.violations.flatMap(rule => rule.nodes.map(node =>
    [rule.id, node.target.join(" "), node.failureSummary].join(": "))))"""


def violations(browser: Browser, rules: Sequence[str] = STANDARDS) -> list[str]:
    """The violations on the page that is open, one text per element.

    Args:
        browser: shows the page, which is shortened, and its details opened.
        rules: kinds of rules, or their names.
    """
    browser.evaluate(_SHORTEN)
    script = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    browser.evaluate(f"{script};0")
    return list(browser.evaluate(_RUN % json.dumps(list(rules))))
