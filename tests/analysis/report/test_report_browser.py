"""The report in a real browser: it draws, loads nothing, and works by keyboard, dark, on a phone
and on paper.

The browser is driven over a pipe, so the test opens no socket.
"""

import re

import pytest
from chromium import Browser, find_chromium
from report_rows import report_rows, report_words
from run_rows import made_manifest
from subprobe.analysis.report.report import write_report

PROGRAM = find_chromium()
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
    said = [
        event
        for event in opened.events
        if event.get("method")
        in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    ]
    assert said == []


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
    assert len(pictures) > 15
    for role in ("region", "table"):
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
    browser.call("Emulation.setEmulatedMedia", media="print",
                 features=[{"name": "prefers-color-scheme", "value": "dark"}])  # fmt: skip
    assert browser.evaluate("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    hidden = browser.evaluate("getComputedStyle(document.querySelector('nav')).display")
    assert hidden == "none"
    browser.call("Emulation.setEmulatedMedia", media="", features=[])
