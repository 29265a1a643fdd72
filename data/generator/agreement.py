"""Subject-verb agreement: the number of the verb's own subject decides, not the nearest noun.

In each set one noun is singular and the other plural. Their order is crossed with the number of the
verb, so that each bag of words occurs with both labels.
"""

from __future__ import annotations

from .grammar import Draw, adj, clause, cop, np, obj, ordered, pp, vp
from .registry import MinimalSet, Phenomenon, crossed
from .trees import Tree


def _pair(draw: Draw) -> tuple[str, str]:
    """A singular and a plural noun."""
    return draw.person().sg, draw.person().pl


def simple_transitive(draw: Draw) -> MinimalSet:
    """The pilot praises the guards."""
    nouns, verb = _pair(draw), draw.transitive()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        return clause(np(one), predicate=vp(verb.present(verb_plural), obj(np(two))))

    return crossed(build)


def attractor_phrase(draw: Draw) -> MinimalSet:
    """The pilot near the guards is tired."""
    nouns, where, quality = _pair(draw), draw.preposition(), draw.adjective()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        subject = np(one).post(pp(where, np(two)))
        return clause(subject, cop(verb_plural), predicate=adj(quality))

    return crossed(build)


AGREEMENT = (
    Phenomenon(
        "agreement-attractor",
        "a verb agrees with its subject, not with the noun after it or just before it",
        (simple_transitive, attractor_phrase),
    ),
)
