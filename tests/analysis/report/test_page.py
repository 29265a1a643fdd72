"""The scripts of a page are taken from an earlier page only if they are those of the versions."""

from hashlib import sha256
from importlib.metadata import version

import pytest
from markupsafe import Markup
from subprobe.analysis.figures.charts import vega_lite_version
from subprobe.analysis.report import page

VERSIONS = version("vl-convert-python"), vega_lite_version()
SCRIPT = "draw('a < b')"


@pytest.fixture
def earlier(monkeypatch, tmp_path):
    """A page with a script of known digest; a new bundle is another text."""
    monkeypatch.setattr(page, "LIBRARIES", {VERSIONS: sha256(SCRIPT.encode()).hexdigest()})
    monkeypatch.setattr(page, "_bundled", lambda: Markup("bundled"))
    path = tmp_path / "report.html"
    path.write_text(f"<p>{SCRIPT}</p>\n<script>{SCRIPT}</script>\n<script>other()</script>")
    return path


def test_an_earlier_page_gives_its_script(earlier):
    assert page.library(earlier) == SCRIPT
    assert page.library() == page.library(earlier.with_name("none.html")) == "bundled"
    assert page.library(earlier.parent) == "bundled"


def test_a_script_that_was_changed_is_not_used(earlier):
    earlier.write_text(earlier.read_text().replace("<script>draw", "<script>steal(); draw"))
    assert page.library(earlier) == "bundled"
    earlier.write_bytes(b"\xff" + earlier.read_bytes())
    assert page.library(earlier) == "bundled"


def test_other_versions_bundle_their_own(earlier, monkeypatch):
    monkeypatch.setattr(page, "LIBRARIES", {})
    assert page.library(earlier) == "bundled"


@pytest.mark.skipif(VERSIONS not in page.LIBRARIES, reason="the digest of other versions is known")
def test_the_known_digest_is_that_of_the_bundle():
    assert sha256(page.library().encode()).hexdigest() == page.LIBRARIES[VERSIONS]
