"""Fillers and gaps, islands, and the order of subject and auxiliary.

A gap is shown by `praised every morning` where `praised every guard` fills the object's place.
In the unacceptable members a filler bears the relation that it has in the acceptable ones, so a
clause whose gap is filled has two objects.
"""

from __future__ import annotations

from .arguments import every
from .grammar import (
    Draw,
    adj,
    adv,
    aux,
    cc,
    clause,
    conjoined,
    mark,
    np,
    obj,
    ordered,
    pp,
    pronoun,
    subordinate,
    that_relative,
    vp,
)
from .registry import Item, MinimalSet, Phenomenon, crossed
from .trees import Tree

KNOWS = ("knows", "remembers", "reveals", "understands", "forgot")


def gap_indirect(draw: Draw) -> MinimalSet:
    """The author knows who the pilot praised every morning, or that he praised every guard."""
    verb, nouns = draw.transitive(), (draw.person().sg, draw.time())
    subject, knower = draw.person().sg, draw.person().sg
    knows = draw.pick(KNOWS)

    def build(filler: bool, gap: bool) -> Tree:
        rest = every(nouns[gap], not gap)
        opener = pronoun("who", "obj") if filler else mark("that")
        inside = clause(np(subject), predicate=vp(verb.past, rest)).pre(opener)
        return clause(np(knower), predicate=vp(knows, inside.as_("ccomp")))

    return crossed(build)


def gap_question(draw: Draw) -> MinimalSet:
    """Who did the pilot praise every morning? Why did the pilot praise every guard?"""
    verb, nouns = draw.transitive(), (draw.person().sg, draw.time())
    subject, reason = draw.person().sg, draw.pick(("why", "how", "where"))

    def build(filler: bool, gap: bool) -> Tree:
        rest = every(nouns[gap], not gap)
        opener = pronoun("who", "obj") if filler else adv(reason)
        return clause(np(subject), predicate=vp(verb.base, rest)).pre(opener, aux("did"))

    return crossed(build, stop="?")


def gap_cleft(draw: Draw) -> MinimalSet:
    """It was this guard that the pilot praised every morning."""
    verb, nouns = draw.transitive(), (draw.person().sg, draw.time())
    subject, focus, quality = draw.person().sg, draw.person().sg, draw.pick(("clear", "true"))

    def build(cleft: bool, gap: bool) -> Tree:
        body = clause(np(subject), predicate=vp(verb.past, every(nouns[gap], not gap)))
        it, was = pronoun("it", "expl" if not cleft else "nsubj"), Tree("was", "AUX", "cop")
        if cleft:
            return np(focus, "this").pre(it, was).post(that_relative(body, "obj"))
        inside = subordinate("that", body, "csubj")
        return adj(quality).pre(it, was, adv("quite")).post(inside)

    return crossed(build)


def gap_noun(draw: Draw) -> MinimalSet:
    """The guard that the pilot praised every morning surprised the author."""
    verb, outer, nouns = draw.transitive(), draw.transitive(), (draw.person().sg, draw.time())
    subject, affected, head = draw.person().sg, draw.person().sg, draw.person().sg
    claim, adverb = draw.pick(draw.words.abstract).sg, draw.adverb()

    def build(relative: bool, gap: bool) -> Tree:
        body = clause(np(subject), predicate=vp(verb.past, every(nouns[gap], not gap)))
        if relative:
            topic = np(head).post(that_relative(body, "obj"))
        else:
            topic = np(claim).post(subordinate("that", body, "acl"))
        return clause(topic, adverb, predicate=vp(outer.past, obj(np(affected))))

    return crossed(build)


def island_subject(draw: Draw) -> MinimalSet:
    """The author knows who the pilot that praised every guard often blamed every morning."""
    inner, outer = draw.transitive(), draw.transitive()
    nouns = draw.person().sg, draw.time()
    asker, subject, other = (draw.person().sg for _ in range(3))
    adverb, knows = draw.adverb(), draw.pick(KNOWS)

    def build(inside_gap: bool, relative_gap: bool) -> Tree:
        near, far = ordered(relative_gap, every(nouns[0], True), every(nouns[1], False))
        body, opener, role = vp(inner.past, near), pronoun("who", "obj"), "nsubj"
        if inside_gap:
            body, opener, role = clause(np(other), predicate=body), mark("that"), "obj"
        topic = np(subject).post(that_relative(body, role))
        inside = clause(topic, adverb, predicate=vp(outer.past, far)).pre(opener)
        return clause(np(asker), predicate=vp(knows, inside.as_("ccomp")))

    return crossed(build)


def island_coordinate(draw: Draw) -> MinimalSet:
    """The author knows who the pilot praised every morning and the guard avoided every evening.

    A gap must be in both conjuncts or in neither.
    """
    verbs = draw.transitive().past, draw.transitive().past
    nouns = (draw.person().sg, draw.person().sg), (draw.time(), draw.time())
    subjects = draw.person().sg, draw.person().sg
    knower, knows = draw.person().sg, draw.pick(KNOWS)

    def build(filler: bool, gaps: tuple[bool, bool]) -> Tree:
        left, right = (
            clause(np(subjects[i]), predicate=vp(verbs[i], every(nouns[gaps[i]][i], not gaps[i])))
            for i in range(2)
        )
        opener = pronoun("who", "obj") if filler else mark("that")
        inside = left.pre(opener).post(conjoined("and", right)).as_("ccomp")
        return clause(np(knower), predicate=vp(knows, inside))

    return (
        Item(build(True, (True, True)), True),
        Item(build(False, (False, False)), True),
        Item(build(True, (True, False)), False),
        Item(build(False, (False, True)), False),
    )


def island_adjunct(draw: Draw) -> MinimalSet:
    """Mary knows who the pilot praised every morning because the guard blamed every author."""
    verbs = draw.transitive().past, draw.transitive().past
    nouns = draw.person().sg, draw.time()
    subjects = draw.person().sg, draw.person().sg
    knower, knows = draw.person().sg, draw.pick(KNOWS)
    marker = draw.pick(("because", "although"))

    def build(late_filler: bool, late_gap: bool) -> Tree:
        near, far = ordered(not late_gap, every(nouns[0], True), every(nouns[1], False))
        first = clause(np(subjects[0]), predicate=vp(verbs[0], near))
        second = clause(np(subjects[1]), predicate=vp(verbs[1], far))
        if late_filler:
            second = second.pre(pronoun("who", "obj")).as_("ccomp")
            asked = clause(np(knower), predicate=vp(knows, second))
            return first.post(subordinate(marker, asked, "advcl"))
        first = first.pre(pronoun("who", "obj")).as_("ccomp")
        main = clause(np(knower), predicate=vp(knows, first))
        return main.post(subordinate(marker, second, "advcl"))

    return crossed(build)


def _question_order(subject: Tree, helper: Tree, verb: Tree, inverted: bool) -> Tree:
    """`has the guard slept` or `the guard has slept`."""
    if inverted:
        return clause(subject, predicate=verb).pre(helper)
    return clause(subject, helper, predicate=verb)


def inversion_adjunct(draw: Draw) -> MinimalSet:
    """But where has the guard slept? The pilot knows where the guard has slept."""
    subject, knower, verb = draw.person().sg, draw.person().sg, draw.intransitive()
    where, opener = draw.pick(("where", "when", "why", "how")), draw.pick(("but", "and", "so"))
    knows, helper = draw.pick(KNOWS), draw.pick(("has", "will", "can"))
    form = verb.part if helper == "has" else verb.base

    def build(embedded: bool, straight: bool) -> Tree:
        body = _question_order(np(subject), aux(helper), vp(form), not straight)
        body = body.pre(adv(where))
        if embedded:
            return clause(np(knower), predicate=vp(knows, body.as_("ccomp")))
        return body.pre(cc(opener))

    return crossed(build, stop=("?", "."))


def inversion_object(draw: Draw) -> MinimalSet:
    """But who has the guard praised? The pilot knows who the guard has praised."""
    subject, knower, verb = draw.person().sg, draw.person().sg, draw.transitive()
    opener, knows = draw.pick(("but", "and", "so")), draw.pick(KNOWS)
    helper = draw.pick(("has", "will", "can"))
    form = verb.part if helper == "has" else verb.base

    def build(embedded: bool, straight: bool) -> Tree:
        body = _question_order(np(subject), aux(helper), vp(form), not straight)
        body = body.pre(pronoun("who", "obj"))
        if embedded:
            return clause(np(knower), predicate=vp(knows, body.as_("ccomp")))
        return body.pre(cc(opener))

    return crossed(build, stop=("?", "."))


def inversion_negative(draw: Draw) -> MinimalSet:
    """Never in the garden has the pilot laughed; often in the garden the pilot has laughed."""
    subject, verb, place = draw.person().sg, draw.intransitive(), draw.place()
    adverbs = adv(draw.pick(("never", "nowhere"))), draw.adverb()

    def build(positive: bool, straight: bool) -> Tree:
        body = _question_order(np(subject), aux("has"), vp(verb.part), not straight)
        return body.pre(adverbs[positive], pp("in", np(place), "obl"))

    return crossed(build)


MOVEMENT = (
    Phenomenon(
        "filler-gap",
        "a filler needs a gap and a gap needs a filler",
        (gap_indirect, gap_question, gap_cleft, gap_noun),
    ),
    Phenomenon(
        "islands",
        "no gap inside a subject, an adjunct, or one conjunct alone",
        (island_subject, island_coordinate, island_adjunct),
    ),
    Phenomenon(
        "inversion",
        "main questions and negative openings invert subject and auxiliary, others do not",
        (inversion_adjunct, inversion_object, inversion_negative),
    ),
)
