"""Fillers and gaps, islands, and the clauses that contain them.

Each set has two pairs of sentences with the same words; in one order the gap is where the grammar
allows it. In the unacceptable order a filler keeps the relation that it has in the acceptable one,
so that a clause whose gap is filled has two objects.
"""

from __future__ import annotations

from .grammar import (
    Draw,
    aux,
    cc,
    clause,
    name,
    np,
    obj,
    ordered,
    pronoun,
    subordinate,
    that_relative,
    vp,
)
from .registry import MinimalSet, Phenomenon, reordered
from .trees import Tree


def gap_object(draw: Draw) -> MinimalSet:
    """Mary praised the pilot that John avoided; Mary praised that John avoided the pilot."""
    names, noun, day = (draw.name(), draw.name()), draw.person().sg, draw.day()
    outer, inner = draw.transitive().past, draw.transitive().past

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        if good:
            inside = that_relative(clause(two, predicate=vp(inner, day)), "obj")
            return clause(one, predicate=vp(outer, obj(np(noun).post(inside))))
        inside = clause(two, predicate=vp(inner, obj(np(noun)), day))
        return clause(one, predicate=vp(outer, subordinate("that", inside, "ccomp")))

    return reordered(build)


def gap_subject(draw: Draw) -> MinimalSet:
    """The pilot that Mary praised avoided John; the pilot that Mary praised John avoided."""
    names, noun, day = (draw.name(), draw.name()), draw.person().sg, draw.day()
    inner, outer = draw.transitive().past, draw.transitive().past

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        if good:
            inside = that_relative(clause(one, predicate=vp(inner)), "obj")
            main = vp(outer, obj(two), day)
        else:
            inside = that_relative(clause(one, predicate=vp(inner, obj(two))), "obj")
            main = vp(outer, day)
        return clause(np(noun).post(inside), predicate=main)

    return reordered(build)


def gap_indirect(draw: Draw) -> MinimalSet:
    """The pilot forgot who Mary praised yesterday; the pilot forgot Mary praised who yesterday."""
    names, noun, day = (draw.name(), draw.name()), draw.person().sg, draw.day()
    knows, verb = draw.pick(draw.words.question_verbs).past, draw.transitive().past

    def build(good: bool, second: bool) -> Tree:
        who, subject = pronoun("who", "obj"), name(names[second])
        if good:
            inside = clause(subject, predicate=vp(verb, day)).pre(who)
        else:
            inside = clause(subject, predicate=vp(verb, who, day))
        return clause(np(noun), predicate=vp(knows, inside.as_("ccomp")))

    return reordered(build)


def island_subject(draw: Draw) -> MinimalSet:
    """Who did the pilot that praised Mary avoid? Who did the pilot that praised avoid Mary?"""
    names, noun, day = (draw.name(), draw.name()), draw.person().sg, draw.day()
    inner, outer = draw.transitive().past, draw.transitive().base

    def build(good: bool, second: bool) -> Tree:
        thing = obj(name(names[second]))
        body = vp(inner, thing) if good else vp(inner)
        main = vp(outer, day) if good else vp(outer, thing, day)
        subject = np(noun).post(that_relative(body, "nsubj"))
        return clause(subject, predicate=main).pre(pronoun("who", "obj"), aux("did"))

    return reordered(build, stop="?")


def island_adjunct(draw: Draw) -> MinimalSet:
    """Who did Mary praise after John met Anna? Who did Mary praise Anna after John met?"""
    names, third, day = (draw.name(), draw.name()), draw.name(), draw.day()
    first, second_verb = draw.transitive().base, draw.transitive().past
    marker = draw.pick(("because", "although", "while"))

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        thing = obj(name(third))
        inside = clause(
            two, predicate=vp(second_verb, thing, day) if good else vp(second_verb, day)
        )
        main = vp(first) if good else vp(first, thing)
        body = clause(one, predicate=main.post(subordinate(marker, inside, "advcl")))
        return body.pre(pronoun("who", "obj"), aux("did"))

    return reordered(build, stop="?")


def island_coordinate(draw: Draw) -> MinimalSet:
    """Who did Mary praise and John avoid? Who did Mary praise and avoid John?"""
    names, day = (draw.name(), draw.name()), draw.day()
    first, last = draw.transitive().base, draw.transitive().base

    def build(good: bool, second: bool) -> Tree:
        one, two = (name(each) for each in ordered(second, *names))
        if good:
            other = clause(two, predicate=vp(last, day)).pre(cc("and")).as_("conj")
        else:
            other = vp(last, obj(two), day).pre(cc("and")).as_("conj")
        body = clause(one, predicate=vp(first, other))
        return body.pre(pronoun("who", "obj"), aux("did"))

    return reordered(build, stop="?")


MOVEMENT = (
    Phenomenon(
        "filler-gap",
        "a relative or interrogative pronoun introduces its clause and leaves a gap in it",
        (gap_object, gap_subject, gap_indirect),
    ),
    Phenomenon(
        "islands",
        "a gap does not occur inside a subject, an adjunct or only one of two conjuncts",
        (island_subject, island_adjunct, island_coordinate),
    ),
)
