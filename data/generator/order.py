"""Word order inside phrases: modifiers, prepositions, conjunctions, auxiliaries.

Each set has two pairs of sentences with the same words in two orders, one of which is grammatical.
Two words that the splits share never occur next to each other in only one of the orders.
"""

from __future__ import annotations

from .grammar import (
    Draw,
    aux,
    bare,
    cc,
    clause,
    conjoined,
    cop,
    det,
    name,
    np,
    obj,
    ordered,
    pp,
    vp,
)
from .registry import MinimalSet, Phenomenon, reordered
from .trees import Tree


def _attributed(noun: str, attribute: Tree, good: bool, determiner: str = "the") -> Tree:
    """`the noisy pilot`, or `the pilot noisy`."""
    if good:
        return np(noun, determiner, attribute)
    return np(noun, determiner).post(attribute)


def adjective_subject(draw: Draw) -> MinimalSet:
    """The noisy pilot praised Mary; the pilot noisy praised Mary."""
    noun, attribute, who = draw.person().sg, draw.attribute(), draw.name()
    verbs = draw.transitive().past, draw.transitive().past

    def build(good: bool, second: bool) -> Tree:
        return clause(
            _attributed(noun, attribute, good), predicate=vp(verbs[second], obj(name(who)))
        )

    return reordered(build)


def adjective_object(draw: Draw) -> MinimalSet:
    """Mary praised the noisy pilot yesterday."""
    noun, attribute, day = draw.person().sg, draw.attribute(), draw.day()
    names, verb = (draw.name(), draw.name()), draw.transitive()

    def build(good: bool, second: bool) -> Tree:
        thing = obj(_attributed(noun, attribute, good))
        return clause(name(names[second]), predicate=vp(verb.past, thing, day))

    return reordered(build)


def adjective_predicate(draw: Draw) -> MinimalSet:
    """Mary is a noisy pilot near John."""
    noun, attribute, names = draw.person().sg, draw.attribute(), (draw.name(), draw.name())
    where = draw.preposition()

    def build(good: bool, second: bool) -> Tree:
        one, two = ordered(second, *names)
        thing = _attributed(noun, attribute, good, "a")
        return clause(name(one), cop(False), predicate=thing.post(pp(where, name(two))))

    return reordered(build)


def adverb_object(draw: Draw) -> MinimalSet:
    """The pilot often praised Mary; the pilot praised often Mary."""
    noun, verb, adverb = draw.person().sg, draw.transitive(), draw.adverb()
    names = draw.name(), draw.name()

    def build(good: bool, second: bool) -> Tree:
        thing = obj(name(names[second]))
        if good:
            return clause(np(noun), adverb, predicate=vp(verb.past, thing))
        return clause(np(noun), predicate=vp(verb.past, adverb, thing))

    return reordered(build)


def adverb_perfect(draw: Draw) -> MinimalSet:
    """Mary has often praised John; Mary has praised often John."""
    names, verb, adverb = (draw.name(), draw.name()), draw.transitive(), draw.adverb()

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        if good:
            return clause(one, aux("has"), adverb, predicate=vp(verb.part, obj(two)))
        return clause(one, aux("has"), predicate=vp(verb.part, adverb, obj(two)))

    return reordered(build)


def adverb_noun(draw: Draw) -> MinimalSet:
    """The pilot often smiled near Mary; the often pilot smiled near Mary."""
    noun, verb, adverb = draw.person().sg, draw.intransitive(), draw.adverb()
    names, where = (draw.name(), draw.name()), draw.preposition()

    def build(good: bool, second: bool) -> Tree:
        predicate = vp(verb.past, pp(where, name(names[second]), "obl"))
        if good:
            return clause(np(noun), adverb, predicate=predicate)
        return clause(bare(noun, det("the"), adverb), predicate=predicate)

    return reordered(build)


def _prepositional(where: str, phrase: Tree, good: bool, rel: str) -> Tree:
    """`near Mary`, or `Mary near`."""
    if good:
        return pp(where, phrase, rel)
    return phrase.as_(rel).post(Tree(where, "ADP", "case"))


def preposition_adjunct(draw: Draw) -> MinimalSet:
    """The pilot smiled near Mary yesterday; the pilot smiled Mary near yesterday."""
    noun, verb, day = draw.person().sg, draw.intransitive(), draw.day()
    names, where = (draw.name(), draw.name()), draw.preposition()

    def build(good: bool, second: bool) -> Tree:
        there = _prepositional(where, name(names[second]), good, "obl")
        return clause(np(noun), predicate=vp(verb.past, there, day))

    return reordered(build)


def preposition_subject(draw: Draw) -> MinimalSet:
    """The pilot near Mary praised John; the pilot Mary near praised John."""
    noun, verb, where = draw.person().sg, draw.transitive(), draw.preposition()
    names = draw.name(), draw.name()

    def build(good: bool, second: bool) -> Tree:
        one, two = ordered(second, *names)
        subject = np(noun).post(_prepositional(where, name(one), good, "nmod"))
        return clause(subject, predicate=vp(verb.past, obj(name(two))))

    return reordered(build)


def preposition_object(draw: Draw) -> MinimalSet:
    """Mary praised the pilot near John yesterday."""
    noun, verb, where = draw.person().sg, draw.transitive(), draw.preposition()
    names, day = (draw.name(), draw.name()), draw.day()

    def build(good: bool, second: bool) -> Tree:
        one, two = ordered(second, *names)
        thing = np(noun).post(_prepositional(where, name(two), good, "nmod"))
        return clause(name(one), predicate=vp(verb.past, obj(thing), day))

    return reordered(build)


def _joined(one: Tree, two: Tree, good: bool) -> Tree:
    """`Mary and John`, or `Mary John and`."""
    if good:
        return one.post(conjoined("and", two))
    return one.post(two.post(cc("and")).as_("conj"))


def coordination_subjects(draw: Draw) -> MinimalSet:
    """Mary and John praised the pilot; Mary John and praised the pilot."""
    names, noun, verb = (draw.name(), draw.name()), draw.person().sg, draw.transitive()

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        return clause(_joined(one, two, good), predicate=vp(verb.past, obj(np(noun))))

    return reordered(build)


def coordination_objects(draw: Draw) -> MinimalSet:
    """The pilot praised Mary and John yesterday."""
    names, noun, verb = (draw.name(), draw.name()), draw.person().sg, draw.transitive()
    day = draw.day()

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        thing = obj(_joined(one, two, good))
        return clause(np(noun), predicate=vp(verb.past, thing, day))

    return reordered(build)


def coordination_predicates(draw: Draw) -> MinimalSet:
    """The pilot smiled and coughed yesterday."""
    noun, day = draw.person().sg, draw.day()
    verbs = draw.intransitive().past, draw.intransitive().past

    def build(good: bool, second: bool) -> Tree:
        one, two = (vp(verb) for verb in ordered(second, *verbs))
        return clause(np(noun), predicate=_joined(one, two, good).post(day))

    return reordered(build)


def auxiliary_perfect(draw: Draw) -> MinimalSet:
    """The pilot has praised Mary; the pilot praised has Mary."""
    noun, verb, names = draw.person().sg, draw.transitive(), (draw.name(), draw.name())

    def build(good: bool, second: bool) -> Tree:
        thing = obj(name(names[second]))
        if good:
            return clause(np(noun), aux("has"), predicate=vp(verb.part, thing))
        return clause(np(noun), predicate=vp(verb.part, aux("has"), thing))

    return reordered(build)


def auxiliary_modal(draw: Draw) -> MinimalSet:
    """Mary will praise John; Mary praise will John."""
    verb, names = draw.transitive(), (draw.name(), draw.name())
    modal, day = draw.pick(("will", "can", "must", "may")), draw.anytime()

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        if good:
            return clause(one, aux(modal), predicate=vp(verb.base, obj(two), day))
        return clause(one, predicate=vp(verb.base, aux(modal), obj(two), day))

    return reordered(build)


def auxiliary_question(draw: Draw) -> MinimalSet:
    """Did Mary praise the pilot? Did praise Mary the pilot?"""
    noun, verb, names = draw.person().sg, draw.transitive(), (draw.name(), draw.name())

    def build(good: bool, second: bool) -> Tree:
        subject, thing = name(names[second]).as_("nsubj"), obj(np(noun))
        if good:
            return vp(verb.base, thing).pre(aux("did"), subject)
        return vp(verb.base, subject, thing).pre(aux("did"))

    return reordered(build, stop="?")


ORDER = (
    Phenomenon(
        "adjective-order",
        "an attributive adjective stands between determiner and noun",
        (adjective_subject, adjective_object, adjective_predicate),
    ),
    Phenomenon(
        "adverb-placement",
        "an adverb stands neither between verb and object nor inside a noun phrase",
        (adverb_object, adverb_perfect, adverb_noun),
    ),
    Phenomenon(
        "preposition-order",
        "a preposition stands before its noun",
        (preposition_adjunct, preposition_subject, preposition_object),
    ),
    Phenomenon(
        "coordination",
        "a conjunction stands between its conjuncts, and a coordinated subject is plural",
        (
            coordination_subjects,
            coordination_objects,
            coordination_predicates,
        ),
    ),
    Phenomenon(
        "auxiliary-order",
        "an auxiliary stands before its verb, and before the subject in questions",
        (auxiliary_perfect, auxiliary_modal, auxiliary_question),
    ),
)
