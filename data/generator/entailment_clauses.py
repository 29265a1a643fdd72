"""Constituents: the hypothesis is a clause of the premise, which may or may not assert it.

Each premise asserts one of two clauses and leaves the other open. In each set both clauses occur in
both positions, and the hypothesis is one of them.
"""

from __future__ import annotations

from collections.abc import Callable

from .entailment_overlap import Style, paired, styled
from .grammar import Draw, adv, aux, cc, clause, conjoined, ordered, subordinate, to, vp
from .registry import MinimalSet, Phenomenon
from .trees import Tree

Event = Callable[[], Tree]


def event(style: Style, draw: Draw) -> Event:
    """A clause about an event, such as `the pilot smiled`; each call returns a new one."""
    who, verb = style(draw), draw.intransitive()
    return lambda: clause(who(), predicate=vp(verb.past))


def chosen(premise: Callable[[Event, Event], Tree], style: Style, draw: Draw) -> MinimalSet:
    """A minimal set whose premises assert the first event and leave the second open."""
    events = event(style, draw), event(style, draw)
    return paired(lambda swap: premise(*ordered(swap, *events)), lambda swap: events[swap]())


def comma() -> Tree:
    """A comma after a preposed clause."""
    return Tree(",", "PUNCT", "punct")


def clause_because(style: Style, draw: Draw) -> MinimalSet:
    """Because Mary smiled, Anna left if Tom slept: Mary smiled, not that Tom slept."""
    third = event(style, draw)
    factive = draw.pick(("because", "although", "since"))
    open_ = draw.pick(("if", "unless"))

    def premise(real: Event, unreal: Event) -> Tree:
        main = third().post(subordinate(open_, unreal(), "advcl"))
        return main.pre(subordinate(factive, real(), "advcl"), comma())

    return chosen(premise, style, draw)


def clause_unless(style: Style, draw: Draw) -> MinimalSet:
    """If Tom slept, Anna left because Mary smiled: Mary smiled, not that Tom slept."""
    third = event(style, draw)
    factive = draw.pick(("because", "although", "since"))
    open_ = draw.pick(("if", "unless"))

    def premise(real: Event, unreal: Event) -> Tree:
        main = third().post(subordinate(factive, real(), "advcl"))
        return main.pre(subordinate(open_, unreal(), "advcl"), comma())

    return chosen(premise, style, draw)


def reported_first(style: Style, draw: Draw) -> MinimalSet:
    """Mary knew that Tom slept but thought that Anna smiled: Tom slept, not that Anna smiled."""
    who = style(draw)

    def premise(real: Event, unreal: Event) -> Tree:
        known = vp("knew", subordinate("that", real(), "ccomp"))
        thought = vp("thought", subordinate("that", unreal(), "ccomp"))
        return clause(who(), predicate=known.post(conjoined("but", thought)))

    return chosen(premise, style, draw)


def reported_last(style: Style, draw: Draw) -> MinimalSet:
    """Mary hoped that Anna smiled but saw that Tom slept: Tom slept, not that Anna smiled."""
    who = style(draw)

    def premise(real: Event, unreal: Event) -> Tree:
        hoped = vp("hoped", subordinate("that", unreal(), "ccomp"))
        seen = vp("saw", subordinate("that", real(), "ccomp"))
        return clause(who(), predicate=hoped.post(conjoined("but", seen)))

    return chosen(premise, style, draw)


def disjunction_last(style: Style, draw: Draw) -> MinimalSet:
    """Mary smiled but either Tom slept or Anna left: Mary smiled, not that Tom slept."""
    third = event(style, draw)

    def premise(real: Event, unreal: Event) -> Tree:
        either = unreal().pre(Tree("either", "CCONJ", "cc:preconj"))
        return real().post(conjoined("but", either.post(conjoined("or", third()))))

    return chosen(premise, style, draw)


def disjunction_first(style: Style, draw: Draw) -> MinimalSet:
    """Tom slept or Anna left but Mary smiled: Mary smiled, not that Tom slept."""
    third = event(style, draw)

    def premise(real: Event, unreal: Event) -> Tree:
        return unreal().post(conjoined("or", third()), conjoined("but", real()))

    return chosen(premise, style, draw)


def adverb_first(style: Style, draw: Draw) -> MinimalSet:
    """Certainly Mary smiled but possibly Tom slept: Mary smiled, not that Tom slept."""
    sure, unsure = draw.pick(("certainly", "clearly")), draw.pick(("possibly", "perhaps"))

    def premise(real: Event, unreal: Event) -> Tree:
        other = unreal().pre(adv(unsure))
        return real().pre(adv(sure)).post(conjoined("but", other))

    return chosen(premise, style, draw)


def adverb_last(style: Style, draw: Draw) -> MinimalSet:
    """Possibly Tom slept but certainly Mary smiled: Mary smiled, not that Tom slept."""
    sure, unsure = draw.pick(("certainly", "clearly")), draw.pick(("possibly", "perhaps"))

    def premise(real: Event, unreal: Event) -> Tree:
        other = real().pre(adv(sure))
        return unreal().pre(adv(unsure)).post(conjoined("but", other))

    return chosen(premise, style, draw)


def _negated(style: Style, draw: Draw, *, real_first: bool) -> MinimalSet:
    """One event happened, the other did not; both verbs are bare forms after `did`."""
    people, verb = (style(draw), style(draw)), draw.intransitive()

    def premise(swap: bool) -> Tree:
        doer, other = ordered(swap, *people)
        real = clause(doer(), aux("did"), predicate=vp(verb.base))
        unreal = clause(other(), aux("did"), Tree("not", "PART", "advmod"), predicate=vp(verb.base))
        one, two = ordered(not real_first, real, unreal)
        return one.post(conjoined("but", two))

    return paired(premise, lambda swap: clause(people[swap](), predicate=vp(verb.past)))


def negation_last(style: Style, draw: Draw) -> MinimalSet:
    """Mary did smile but Tom did not smile: Mary smiled, not Tom."""
    return _negated(style, draw, real_first=True)


def negation_first(style: Style, draw: Draw) -> MinimalSet:
    """Tom did not smile but Mary did smile: Mary smiled, not Tom."""
    return _negated(style, draw, real_first=False)


def _implied(style: Style, draw: Draw, *, real_first: bool) -> MinimalSet:
    """`managed to` implies that the event happened, `failed to` that it did not."""
    people, verb = (style(draw), style(draw)), draw.intransitive()

    def tried(who: Tree, verb_of_trying: str) -> Tree:
        return clause(who, predicate=vp(verb_of_trying, vp(verb.base).pre(to()).as_("xcomp")))

    def premise(swap: bool) -> Tree:
        doer, other = ordered(swap, *people)
        one, two = ordered(not real_first, tried(doer(), "managed"), tried(other(), "failed"))
        return one.post(two.pre(cc("but")).as_("conj"))

    return paired(premise, lambda swap: clause(people[swap](), predicate=vp(verb.past)))


def implicative_first(style: Style, draw: Draw) -> MinimalSet:
    """Mary managed to smile but Tom failed to smile: Mary smiled, not Tom."""
    return _implied(style, draw, real_first=True)


def implicative_last(style: Style, draw: Draw) -> MinimalSet:
    """Tom failed to smile but Mary managed to smile: Mary smiled, not Tom."""
    return _implied(style, draw, real_first=False)


CLAUSES = (
    Phenomenon(
        "constituent-adverbial",
        "`because` asserts its clause, `if` does not",
        styled(clause_because, clause_unless),
    ),
    Phenomenon(
        "constituent-embedded",
        "`know` presupposes its clause, `think` does not",
        styled(reported_first, reported_last),
    ),
    Phenomenon(
        "constituent-disjunction",
        "`but` asserts both clauses, `or` does not",
        styled(disjunction_last, disjunction_first),
    ),
    Phenomenon(
        "constituent-adverb",
        "`certainly` asserts its clause, `possibly` does not",
        styled(adverb_first, adverb_last),
    ),
    Phenomenon(
        "constituent-negation",
        "a negated clause is not asserted",
        styled(negation_last, negation_first),
    ),
    Phenomenon(
        "constituent-implicative",
        "`managed to` implies its event, `failed to` excludes it",
        styled(implicative_first, implicative_last),
    ),
)
