"""Subject-verb agreement: the number of the verb's own subject decides, not the nearest noun.

In each set one noun is singular and the other plural; their order is crossed with the number of
the verb, so that all four sentences differ in one word at most and each bag of words comes with
both labels. An adverb keeps subject and verb from being neighbours.
"""

from __future__ import annotations

from .grammar import (
    Draw,
    adj,
    adv,
    cc,
    clause,
    conjoined,
    cop,
    have,
    np,
    obj,
    ordered,
    pp,
    subordinate,
    that_relative,
    vp,
)
from .registry import MinimalSet, Phenomenon, crossed
from .trees import Tree


def _pair(draw: Draw) -> tuple[str, str]:
    """A singular and a plural noun."""
    return draw.person().sg, draw.person().pl


def simple_transitive(draw: Draw) -> MinimalSet:
    """The pilot often praises the guards."""
    nouns, verb, adverb = _pair(draw), draw.transitive(), draw.adverb()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        return clause(np(one), adverb, predicate=vp(verb.present(verb_plural), obj(np(two))))

    return crossed(build)


def simple_comparative(draw: Draw) -> MinimalSet:
    """The pilot certainly is older than the guards."""
    nouns, adverb, grade = _pair(draw), draw.adverb(), draw.pick(draw.words.comparatives)

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        than = pp("than", np(two), "obl")
        return clause(np(one), adverb, cop(verb_plural), predicate=adj(grade).post(than))

    return crossed(build)


def simple_perfect(draw: Draw) -> MinimalSet:
    """The pilot often has praised the guards."""
    nouns, verb, adverb = _pair(draw), draw.transitive(), draw.adverb()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        predicate = vp(verb.part, obj(np(two)))
        return clause(np(one), adverb, have(verb_plural), predicate=predicate)

    return crossed(build)


def simple_question(draw: Draw) -> MinimalSet:
    """Is the pilot older than the guards?"""
    nouns, grade = _pair(draw), draw.pick(draw.words.comparatives)

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        than = pp("than", np(two), "obl")
        return clause(np(one), predicate=adj(grade).post(than)).pre(cop(verb_plural))

    return crossed(build, stop="?")


def pp_adjective(draw: Draw) -> MinimalSet:
    """The pilot near the guards certainly is tired."""
    nouns, adverb = _pair(draw), draw.adverb()
    where, quality = draw.preposition(), draw.adjective()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        subject = np(one).post(pp(where, np(two)))
        return clause(subject, adverb, cop(verb_plural), predicate=adj(quality))

    return crossed(build)


def pp_intransitive(draw: Draw) -> MinimalSet:
    """The pilot near the guards often laughs."""
    nouns, adverb = _pair(draw), draw.adverb()
    where, verb = draw.preposition(), draw.intransitive()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        subject = np(one).post(pp(where, np(two)))
        return clause(subject, adverb, predicate=vp(verb.present(verb_plural)))

    return crossed(build)


def pp_perfect(draw: Draw) -> MinimalSet:
    """The pilot near the guards often has praised Mary."""
    nouns, adverb, verb = _pair(draw), draw.adverb(), draw.transitive()
    where, third = draw.preposition(), Tree(draw.pick(draw.words.female_names), "PROPN")

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        subject = np(one).post(pp(where, np(two)))
        predicate = vp(verb.part, obj(third))
        return clause(subject, adverb, have(verb_plural), predicate=predicate)

    return crossed(build)


def pp_fronted(draw: Draw) -> MinimalSet:
    """In the garden the pilot near the guards certainly is tired."""
    nouns, adverb, place = _pair(draw), draw.adverb(), draw.place()
    where, quality = draw.preposition(), draw.adjective()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        subject = np(one).post(pp(where, np(two)))
        body = clause(subject, adverb, cop(verb_plural), predicate=adj(quality))
        return body.pre(pp("in", np(place), "obl"))

    return crossed(build)


def relative_object(draw: Draw) -> MinimalSet:
    """The pilot that the guards praised certainly is tired."""
    nouns, adverb = _pair(draw), draw.adverb()
    verb, quality = draw.transitive(), draw.adjective()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        inside = that_relative(clause(np(two), predicate=vp(verb.past)), "obj")
        subject = np(one).post(inside)
        return clause(subject, adverb, cop(verb_plural), predicate=adj(quality))

    return crossed(build)


def relative_subject(draw: Draw) -> MinimalSet:
    """The pilot that praised the guards certainly is tired."""
    nouns, adverb = _pair(draw), draw.adverb()
    verb, quality = draw.transitive(), draw.adjective()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        inside = that_relative(vp(verb.past, obj(np(two))), "nsubj")
        return clause(np(one).post(inside), adverb, cop(verb_plural), predicate=adj(quality))

    return crossed(build)


def relative_reduced(draw: Draw) -> MinimalSet:
    """The pilot praised by the guards often has laughed."""
    nouns, adverb = _pair(draw), draw.adverb()
    verb, second = draw.transitive(), draw.intransitive()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        inside = vp(verb.part, pp("by", np(two), "obl:agent")).as_("acl")
        return clause(np(one).post(inside), adverb, have(verb_plural), predicate=vp(second.part))

    return crossed(build)


def relative_inside(draw: Draw) -> MinimalSet:
    """The pilots that the guard often praises laughed."""
    nouns, adverb = _pair(draw), draw.adverb()
    verb, second = draw.transitive(), draw.intransitive()

    def build(plural: bool, verb_plural: bool) -> Tree:
        two, one = ordered(plural, *nouns)
        body = clause(np(two), adverb, predicate=vp(verb.present(verb_plural)))
        subject = np(one).post(that_relative(body, "obj"))
        return clause(subject, predicate=vp(second.past))

    return crossed(build)


def _coordinated(one: str, two: str, joined: bool, where: str) -> Tree:
    """Two nouns joined by `and`, or the second in a prepositional phrase."""
    return np(one).post(conjoined("and", np(two)) if joined else pp(where, np(two)))


def coordinated_transitive(draw: Draw) -> MinimalSet:
    """The pilot and the guard often praise the author near the banker."""
    one, two, three, four = (draw.person().sg for _ in range(4))
    where, adverb, verb = draw.preposition(), draw.adverb(), draw.transitive()

    def build(joined: bool, verb_plural: bool) -> Tree:
        subject = _coordinated(one, two, joined, where)
        other = _coordinated(three, four, not joined, where)
        predicate = vp(verb.present(verb_plural), obj(other))
        return clause(subject, adverb, predicate=predicate)

    return crossed(build)


def coordinated_comparative(draw: Draw) -> MinimalSet:
    """The pilot and the guard certainly are older than the author near the banker."""
    one, two, three, four = (draw.person().sg for _ in range(4))
    where, adverb, grade = draw.preposition(), draw.adverb(), draw.pick(draw.words.comparatives)

    def build(joined: bool, verb_plural: bool) -> Tree:
        subject = _coordinated(one, two, joined, where)
        than = pp("than", _coordinated(three, four, not joined, where), "obl")
        return clause(subject, adverb, cop(verb_plural), predicate=adj(grade).post(than))

    return crossed(build)


def coordinated_predicates(draw: Draw) -> MinimalSet:
    """The pilot praised the guards and now is tired."""
    nouns, verb, quality = _pair(draw), draw.transitive(), draw.adjective()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        then = adj(quality).pre(cc("and"), adv("now"), cop(verb_plural)).as_("conj")
        return clause(np(one), predicate=vp(verb.past, obj(np(two)), then))

    return crossed(build)


def coordinated_clauses(draw: Draw) -> MinimalSet:
    """While pilots certainly are tired, the guard often is calm."""
    nouns = _pair(draw)
    first, second = draw.adverb(), draw.adverb()
    here, there = draw.adjective(), draw.adjective()

    def build(plural: bool, verb_plural: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        opening = clause(np(one), first, cop(verb_plural), predicate=adj(here))
        main = clause(np(two), second, cop(not verb_plural), predicate=adj(there))
        return main.pre(subordinate("while", opening, "advcl"), Tree(",", "PUNCT", "punct"))

    return crossed(build)


AGREEMENT = (
    Phenomenon(
        "agreement-simple",
        "a verb agrees with its subject, not with its object",
        (simple_transitive, simple_comparative, simple_perfect, simple_question),
    ),
    Phenomenon(
        "agreement-pp",
        "a verb agrees with its subject across a prepositional phrase of the other number",
        (pp_adjective, pp_intransitive, pp_perfect, pp_fronted),
    ),
    Phenomenon(
        "agreement-relative",
        "a verb agrees with its subject across, or inside, a relative clause",
        (relative_object, relative_subject, relative_reduced, relative_inside),
    ),
    Phenomenon(
        "agreement-coordination",
        "a coordinated subject is plural; coordinated predicates share one subject",
        (
            coordinated_transitive,
            coordinated_comparative,
            coordinated_predicates,
            coordinated_clauses,
        ),
    ),
)
