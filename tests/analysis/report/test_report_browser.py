"""The report in a real browser: it draws, loads nothing, and works by keyboard, dark, on a phone
and on paper.

The browser is driven over a pipe, so the test opens no socket.
"""

import re

import pytest
from accessibility import LOOKS, STANDARDS, violations
from chromium import Browser, find_chromium
from paired_run import write_paired_run
from report_rows import report_rows, report_words
from run_rows import made_manifest
from subprobe.analysis.comparison.tables import comparison_tables
from subprobe.analysis.report.comparison_page import write_page
from subprobe.analysis.report.report import write_report

PROGRAM = find_chromium()
A4 = 702
"""CSS pixels between the margins of a page: 210 mm less two of 12 mm."""
pytestmark = [
    pytest.mark.skipif(
        PROGRAM is None,
        reason="no Chromium on this machine: the report is not checked in a browser "
        "(Debian: apt-get install chromium)",
    ),
    pytest.mark.timeout(240),
    pytest.mark.slow,
]

CONTRAST = """(() => {
  const part = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = part(getComputedStyle(at).backgroundColor);
      layers.push(colour.length < 4 ? [...colour, 1] : colour);
    }
    return layers.reverse().reduce((under, [r, g, b, a]) =>
      [r, g, b].map((v, i) => a * v + (1 - a) * under[i]), [255, 255, 255]);
  };
  const found = {};
  for (const element of document.querySelectorAll("h1,h2,h3,h4,p,td,th,dt,dd,a,summary,.word")) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.classList.contains("skip")) continue;
    const [a, b] = [light(part(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = element.tagName + "." + element.className;
    found[name] = Math.min(ratio, found[name] ?? 99);
  }
  return found;
})()"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    rows, path = report_rows(), tmp_path_factory.mktemp("report") / "report.html"
    write_report(rows, made_manifest(), path, words=report_words(rows))
    return path


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison") / "run"
    rows, path = write_paired_run(folder, n=30, sentences=8, draws=2), folder / "comparison.html"
    write_page(comparison_tables(rows, folder / "cells", resamples=50), ["run"], path)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    started = Browser(PROGRAM, tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture
def opened(browser, report):
    """The page at desktop size in light colours, with nothing in the log yet."""
    browser.events.clear()
    browser.size(1200, 900)
    browser.look("light")
    browser.open(report)
    return browser


def test_every_chart_is_drawn_without_a_word_on_the_console(opened):
    drawn, figures = opened.evaluate(
        "[[...document.querySelectorAll('.chart')].map(c => c.querySelector('svg')"
        "?.getBoundingClientRect().width ?? 0), document.querySelectorAll('figure.drawn').length]"
    )
    assert len(drawn) == figures
    assert figures > 15
    assert min(drawn) > 100
    assert opened.said() == []


def test_no_request_leaves_the_page(opened, report):
    asked = [
        event["params"]["request"]["url"]
        for event in opened.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [report.as_uri()]
    entries = opened.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
    assert [name for name in entries if not name.startswith(("data:", "blob:"))] == []


def test_the_keyboard_reaches_the_answer_and_opens_the_numbers(opened):
    seen = []
    for _ in range(60):
        opened.press("Tab")
        seen.append(
            opened.evaluate(
                "(a => [a.tagName, a.className, a.textContent.trim().slice(0, 20),"
                " parseFloat(getComputedStyle(a).outlineWidth)])(document.activeElement)"
            )
        )
        if seen[-1][0] == "SUMMARY":
            break
    assert seen[0][1] == "skip"
    assert seen[-1][0] == "SUMMARY", seen
    assert all(width >= 2 for *_, width in seen), "focus is not seen"
    opened.press("Enter")
    assert opened.evaluate("document.activeElement.parentElement.open")
    reached = opened.evaluate(
        "[...document.querySelectorAll('details > summary')].every(s => s.tabIndex === 0)"
    )
    assert reached


def test_it_has_landmarks_and_names_for_a_screen_reader(opened):
    nodes = opened.call("Accessibility.getFullAXTree")["nodes"]
    roles = {}
    for node in nodes:
        if not node.get("ignored"):
            roles.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value"))
    assert len(roles["main"]) == len(roles["banner"]) == len(roles["navigation"]) == 1
    # the library would give its own name to the element that it draws in
    pictures = roles.get("image", []) + roles.get("img", [])
    assert "Vega visualization" not in pictures
    assert "graphics-symbol" not in roles
    charts = [name for name in roles["application"] if "Vega" not in name]
    assert len(charts) == len(roles["application"]) > 15
    # of each chart the one value that has the focus next
    assert len(pictures) >= len(charts)
    for role in ("region", "table", "application"):
        assert all(roles[role]), role
    assert all(pictures)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(browser, opened, scheme):
    browser.look(scheme)
    paper = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]
    ratios = browser.evaluate(CONTRAST)
    assert len(ratios) > 8
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}
    ink = browser.evaluate("getComputedStyle(document.body).color")
    label = browser.evaluate(
        "getComputedStyle(document.querySelector('.chart svg .role-axis-label text')).fill"
    )
    assert label == ink


def test_a_phone_never_scrolls_sideways(browser, opened):
    browser.size(375, 800, mobile=True)
    browser.open_again()
    browser.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert browser.evaluate("document.documentElement.scrollWidth") <= 375
    wide = browser.evaluate(
        "[...document.querySelectorAll('.chart svg')].map(s => s.getBoundingClientRect().width)"
    )
    assert max(wide) <= 375


def test_it_prints(browser, opened):
    browser.look("dark")
    printed = browser.pdf()
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 3
    browser.paper(A4)
    assert browser.evaluate("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    hidden = browser.evaluate("getComputedStyle(document.querySelector('nav')).display")
    assert hidden == "none"


def test_nothing_is_wider_than_a_page_of_paper(browser, opened):
    browser.paper(A4)
    wider = browser.evaluate(
        f"""[...document.querySelectorAll("body *")].filter(one => !one.closest("svg svg, .unseen")
          && one.checkVisibility() && one.getBoundingClientRect().right > {A4} + .5)
          .map(one => one.tagName + "." + one.getAttribute("class")
            + one.textContent.trim().slice(0, 30))"""
    )
    assert wider == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= A4
    tall = browser.evaluate(
        "Math.max(...[...document.querySelectorAll('figure')].map(f => f.offsetHeight))"
    )
    assert tall < A4 * (297 - 26) / (210 - 24), "a figure is cut by the end of a page"


FOCUSED = """(mark => [mark.getAttribute("aria-label"), mark.getAttribute("role"),
  [...mark.closest("figure.drawn").querySelectorAll(".chart [tabindex]")].length,
  parseFloat(getComputedStyle(mark).outlineWidth)])(document.activeElement)"""
SHOWN = """(tip => tip?.classList.contains("visible")
  ? [...tip.querySelectorAll("tr")].map(r => [...r.cells].map(c => c.textContent).join(": "))
    .join("; ") : "")(document.getElementById("vg-tooltip-element"))"""


def test_every_value_of_a_chart_is_told_by_keyboard(opened):
    opened.evaluate("document.querySelector('figure[id^=heads] .chart [tabindex]').focus()")
    told = []
    for key in ("End", "Home", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowUp"):
        opened.press(key)
        label, role, stops, ring = opened.evaluate(FOCUSED)
        assert (role, stops) == ("img", 1)
        assert ring >= 2, "focus is not seen"
        assert opened.evaluate(SHOWN) == label
        told.append(label)
    places = [label.partition("; seeds")[0].removesuffix(":") for label in told[1:]]
    assert places == ["layer: 0; head: 0", "layer: 0; head: 1", "layer: 1; head: 1",
                      "layer: 1; head: 0", "layer: 0; head: 0", "layer: 0; head: 0"]  # fmt: skip
    assert told[0] != told[1]
    opened.press("Escape")
    assert opened.evaluate(SHOWN) == ""
    # the next stop is outside of the chart
    opened.press("Tab")
    assert opened.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert opened.evaluate(SHOWN) == ""


def test_arrow_keys_reach_each_value_once_and_pages_each_kind_of_mark(opened):
    opened.evaluate("document.querySelector('figure[id^=headline] .chart [tabindex]').focus()")
    reached = opened.evaluate("""(() => {
      const press = key => document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", { key, bubbles: true }));
      const walk = key => {
        const seen = [];
        while (!seen.includes(document.activeElement)) {
          seen.push(document.activeElement);
          press(key);
        }
        return seen;
      };
      const marks = [...document.activeElement.closest(".chart").querySelectorAll(".role-mark > *")]
        .filter(mark => mark.__data__.tooltip);
      press("Home");
      const all = walk("ArrowRight");
      press("Home");
      const groups = walk("PageDown").map(mark => mark.parentNode);
      const back = walk("PageUp").map(mark => mark.parentNode);
      return [all.length, marks.length, groups.length, new Set(groups).size,
        new Set(marks.map(mark => mark.parentNode)).size, back.length];
    })()""")
    values, marks, groups, different, kinds, back = reached
    assert values == marks > 50
    assert groups == different == kinds == back > 3


@pytest.mark.parametrize("modifier", ["altKey", "ctrlKey", "metaKey"])
def test_keys_with_a_modifier_are_left_to_the_browser(opened, modifier):
    """Alt and an arrow key go back in the history."""
    left = opened.evaluate(
        "(() => { const mark = document.querySelector('figure .chart [tabindex]');"
        " mark.focus();"
        " const sent = given => { const event = new KeyboardEvent('keydown', { key: 'ArrowRight',"
        " bubbles: true, cancelable: true, ...given }); mark.dispatchEvent(event);"
        " return [event.defaultPrevented, document.activeElement === mark]; };"
        f" return [sent({{ {modifier}: true }}), sent({{}})]; }})()"
    )
    assert left == [[False, True], [True, False]]


def test_everything_that_can_be_clicked_is_reached_by_keyboard(opened):
    missed = opened.evaluate("""[...document.querySelectorAll("*")].filter(one =>
      getComputedStyle(one).cursor === "pointer" && !one.closest("a, button, summary")
      && one.tabIndex < 0).map(one => one.outerHTML.slice(0, 80))""")
    assert missed == []
    opened.evaluate("document.querySelector('th button').focus()")
    opened.press("Enter")
    assert opened.evaluate("document.querySelector('th').getAttribute('aria-sort')") == "ascending"


def test_a_column_is_sorted_by_the_numbers_in_front_of_intervals(opened):
    given = ["0.90 [0.85, 0.95]", "\u2013", "10.5", "\u22120.20 [\u22120.30, 0.10]", "0.123 (3)"]
    there = opened.evaluate(f"""(() => {{
      const table = document.querySelector("table"), body = table.tBodies[0];
      const row = body.rows[0];
      body.replaceChildren(...{given!r}.map(text => {{
        const made = row.cloneNode(true);
        made.cells[0].textContent = text;
        return made;
      }}));
      const said = () => [...body.rows].map(one => one.cells[0].textContent);
      const heading = table.querySelector("th button");
      heading.click();
      const up = said();
      heading.click();
      return [up, said()];
    }})()""")
    order = [given[3], given[4], given[0], given[2], given[1]]
    assert there == [order, order[::-1]]


def test_the_policy_stops_scripts_and_requests_from_elsewhere(opened):
    ran = opened.evaluate("""(() => {
      const script = document.createElement("script");
      script.textContent = "window.strange = true";
      document.body.append(script);
      const style = document.createElement("style");
      style.textContent = "body { --strange: 1 }";
      document.head.append(style);
      const found = getComputedStyle(document.body).getPropertyValue("--strange");
      return [window.strange ?? null, found];
    })()""")
    assert ran == [None, ""]
    with pytest.raises(RuntimeError, match="Failed to fetch"):
        opened.evaluate("fetch('data:text/plain,x')")
    assert opened.said(), "the browser tells of what it stopped"


@pytest.mark.parametrize("width", [1400, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["report", "comparison"])
def test_axe_finds_no_violation(browser, request, page, scheme, width):
    browser.size(width, 900, mobile=width < 500)
    browser.look(scheme)
    browser.open(request.getfixturevalue(page))
    # what does not depend on looks is asked once
    rules = STANDARDS if (scheme, width) == ("light", 1400) else LOOKS
    assert violations(browser, rules) == []
