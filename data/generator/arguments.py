"""Argument structure of verbs: objects, clauses, auxiliaries, passives.

Verbs with different complements are crossed with two frames of equal length, or occur in two
clauses and are exchanged.
"""

from __future__ import annotations

from .grammar import Draw, aux, clause, conjoined, name, np, obj, ordered, pp, subordinate, to, vp
from .registry import MinimalSet, Phenomenon, reordered
from .trees import Tree


def structure_order(draw: Draw) -> MinimalSet:
    """The pilot praised the guard yesterday; the pilot the guard praised yesterday."""
    nouns, verb, day = (draw.person().sg, draw.person().sg), draw.transitive(), draw.day()

    def build(good: bool, second: bool) -> Tree:
        one, two = (np(each) for each in ordered(second, *nouns))
        if good:
            return clause(one, predicate=vp(verb.past, obj(two), day))
        return clause(one, obj(two), predicate=vp(verb.past, day))

    return reordered(build)


def structure_ditransitive(draw: Draw) -> MinimalSet:
    """Mary gave John the lamp yesterday; Mary gave the lamp John yesterday."""
    names, thing = (draw.name(), draw.name()), draw.pick(draw.words.things).sg
    verb, day = draw.pick(draw.words.dative_verbs), draw.day()

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        gift, receiver = obj(np(thing)), two.as_("iobj")
        rest = (receiver, gift) if good else (gift, receiver)
        return clause(one, predicate=vp(verb.past, *rest, day))

    return reordered(build)


def structure_valency(draw: Draw) -> MinimalSet:
    """Mary praised John and Anna smiled; Mary smiled John and Anna praised."""
    names, day = [draw.name() for _ in range(3)], draw.day()
    verbs = draw.transitive().past, draw.intransitive().past

    def build(good: bool, second: bool) -> Tree:
        one, two = ordered(not good, *verbs)
        subject, other = ordered(second, names[0], names[2])
        right = clause(name(other), predicate=vp(two, day))
        left = clause(name(subject), predicate=vp(one, obj(name(names[1]))))
        return left.post(conjoined("and", right))

    return reordered(build)


def complement_nested(draw: Draw) -> MinimalSet:
    """Mary will try to praise John; Mary will praise to try John."""
    names, day = (draw.name(), draw.name()), draw.anytime()
    verbs = draw.pick(draw.words.to_verbs).base, draw.transitive().base
    modal = draw.pick(("will", "may", "must"))

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        outer, inner = ordered(not good, *verbs)
        inside = vp(inner, obj(two), day).pre(to()).as_("xcomp")
        return clause(one, aux(modal), predicate=vp(outer, inside))

    return reordered(build)


def complement_clause(draw: Draw) -> MinimalSet:
    """Mary noticed that John smiled; Mary smiled that John noticed."""
    names, day = (draw.name(), draw.name()), draw.day()
    verbs = draw.pick(draw.words.that_verbs).past, draw.intransitive().past

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        outer, inner = ordered(not good, *verbs)
        inside = subordinate("that", clause(two, predicate=vp(inner, day)), "ccomp")
        return clause(one, predicate=vp(outer, inside))

    return reordered(build)


def _passive(subject: Tree, verb: Tree, *inner: Tree) -> Tree:
    """`the guard was praised by the pilot`, with words between the auxiliary and the verb."""
    return verb.pre(subject.as_("nsubj:pass"), Tree("was", "AUX", "aux:pass"), *inner)


def passive_order(draw: Draw) -> MinimalSet:
    """The guard was often praised by the pilot; the guard was often by the pilot praised."""
    nouns, verb = (draw.person().sg, draw.person().sg), draw.transitive().part
    adverb, day = draw.adverb(), draw.day()

    def build(good: bool, second: bool) -> Tree:
        one, two = (np(each) for each in ordered(second, *nouns))
        agent = pp("by", two, "obl:agent")
        if good:
            return _passive(one, vp(verb, agent, day), adverb)
        return _passive(one, vp(verb, day), adverb, agent)

    return reordered(build)


def passive_valency(draw: Draw) -> MinimalSet:
    """Mary was praised by John but Anna smiled; Mary was smiled by John but Anna praised."""
    names, day = [draw.name() for _ in range(3)], draw.day()
    verbs = draw.transitive().part, draw.intransitive().past
    conjunction = draw.pick(("but", "and"))

    def build(good: bool, second: bool) -> Tree:
        one, two = ordered(not good, *verbs)
        subject, other = ordered(second, names[0], names[2])
        right = conjoined(conjunction, clause(name(other), predicate=vp(two, day)))
        agent = pp("by", name(names[1]), "obl:agent")
        return _passive(name(subject), vp(one, agent, right))

    return reordered(build)


ARGUMENTS = (
    Phenomenon(
        "argument-structure",
        "objects occur where their verb requires them, and only where it takes one",
        (structure_order, structure_ditransitive, structure_valency),
    ),
    Phenomenon(
        "subcategorisation",
        "a verb selects an object, a that-clause or an infinitive",
        (complement_nested, complement_clause),
    ),
    Phenomenon(
        "passive",
        "a passive has a transitive participle, an agent after it, and no object",
        (passive_order, passive_valency),
    ),
)
