"""The first use of a term in a section of a page leads to its definition."""

import re

from markupsafe import Markup
from subprobe.analysis.glossary import TERMS
from subprobe.analysis.report.term_links import TermLinks, anchor_of


def links(text: str) -> list[tuple[str, str]]:
    return re.findall(r'<a class="term" href="#([^"]+)">([^<]+)</a>', text)


def test_only_the_first_use_is_a_link_and_the_text_stays_the_same():
    linked = TermLinks()
    said = "The good subnetworks keep 81% of the heads; good ones beat random ones, mask by mask."
    shown = linked(said)
    assert links(shown) == [
        ("term-good", "good"), ("term-subnetwork", "subnetworks"), ("term-random", "random"),
        ("term-mask", "mask"),
    ]  # fmt: skip
    assert re.sub(r"<[^>]+>", "", shown) == said
    assert links(linked("Random masks and seeds")) == [("term-seed", "seeds")]
    assert len(links(TermLinks()("Random masks"))) == 2


def test_the_longer_term_wins_and_ordinary_words_are_no_terms():
    assert links(TermLinks()("above the majority baseline")) == [
        ("term-majority-baseline", "majority baseline")
    ]
    assert links(TermLinks()("in hidden state 3")) == [("term-hidden-state", "hidden state")]
    assert links(TermLinks()("McNemar's test")) == [("term-mcnemar-s-test", "McNemar&#39;s test")]
    for plain in ("the middle 95%", "with their own heads", "random sets of heads", "unmasked",
                  "bad-tempered", "a family of models"):  # fmt: skip
        assert "term-middle" not in str(TermLinks()(plain)), plain
        assert not links(TermLinks()(plain)), plain
    assert links(TermLinks()("the middle subnetwork"))[0] == ("term-middle", "middle")


def test_tags_numbers_code_and_text_from_elsewhere_are_left_as_they_are():
    number = '<span class="number" data-column="draw">.5</span>'
    assert number in TermLinks()(Markup(number + " of the seeds"))
    assert TermLinks()(Markup("<code>mask</code>")) == "<code>mask</code>"
    link = '<a href="heads.csv"><code>heads.csv</code> of good masks</a>'
    assert TermLinks()(Markup(link)) == link
    assert TermLinks()("<b>no</b>") == "&lt;b&gt;no&lt;/b&gt;"


def test_anchors_of_terms_differ():
    assert len({anchor_of(term) for term in TERMS}) == len(TERMS)
