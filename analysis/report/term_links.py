"""Links from the first use of a term in a section of a page to its definition."""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

from ..glossary import TERMS

_FORMS: Mapping[str, str] = {
    "full": "full models?",
    "good": "good",
    "bad": "bad",
    # random sets of heads, random weights and so on are not the random subnetworks
    "random": "random(?! (?:sets?|weights|baselines?|order|numbers?|heads))",
    **{kind: f"{kind}(?= (?:subnetwork|mask))" for kind in ("super", "anti", "middle")},
    "complement": "complements?(?= of)",
    "pruned": "pruned(?! units?)",
    "retrained": "retrained",
    "own": "own(?= (?:probe|state))",
    "family": "famil(?:y|ies) of tests",
    "majority baseline": "majority(?: baseline)?",
}
"""How a term stands in sentences, where that is more than its name in singular or plural."""
_CLOSED = re.compile(r"<(a|code|span)\b.*?</\1>|<[^>]*>", re.DOTALL)


def anchor_of(term: str) -> str:
    """The anchor of a term's definition."""
    return f"term-{re.sub(r'[^a-z0-9]+', '-', term.lower())}"


class TermLinks:
    """Links the first use of each term; one object for each section of a page.

    Args:
        terms: term -> its definition.
    """

    def __init__(self, terms: Mapping[str, str] = TERMS):
        self._terms = list(terms)
        self._used: set[str] = set()
        # of two terms that begin alike the longer one is meant
        ordered = sorted(range(len(self._terms)), key=lambda i: -len(self._terms[i]))
        forms = (f"(?P<t{i}>{self._form(self._terms[i])})" for i in ordered)
        self._pattern = re.compile(rf"(?<![\w=-])(?:{'|'.join(forms)})(?![\w=-])", re.IGNORECASE)

    def __call__(self, text: str) -> Markup:
        """The text with links; what is not `Markup` is escaped, and tags are left alone."""
        safe, done, last = str(escape(text)), [], 0
        for tag in _CLOSED.finditer(safe):
            done += [self._pattern.sub(self._linked, safe[last : tag.start()]), tag[0]]
            last = tag.end()
        return Markup("".join([*done, self._pattern.sub(self._linked, safe[last:])]))

    @staticmethod
    def _form(term: str) -> str:
        return _FORMS.get(term, f"{re.escape(str(escape(term)))}s?")

    def _linked(self, found: re.Match[str]) -> str:
        term = self._terms[int(str(found.lastgroup)[1:])]
        if term in self._used:
            return found[0]
        self._used.add(term)
        return f'<a class="term" href="#{anchor_of(term)}">{found[0]}</a>'
