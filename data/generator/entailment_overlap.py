"""Lexical overlap and subsequences: every word of the hypothesis occurs in the premise.

The label depends on who did what to whom. In each set, two words are exchanged in the premise or
not, and likewise in the hypothesis; it follows if both or neither are exchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .grammar import Draw, clause, conjoined, name, np, obj, ordered, pp, that_relative, vp
from .lexicon import Verb
from .registry import Item, MinimalSet, Phenomenon, Template
from .trees import Tree

Someone = Callable[[], Tree]


def named(draw: Draw) -> Someone:
    """A person by proper name; each call returns a new phrase."""
    return partial(name, draw.name())


def described(draw: Draw) -> Someone:
    """A person by a noun phrase: `the pilot`."""
    return partial(np, draw.person().sg)


Style = Callable[[Draw], Someone]
STYLES: tuple[Style, ...] = (named, described)
NOUNS: tuple[Style, ...] = (described,)
"""For restrictive relative clauses, which proper names do not take."""


def paired(
    premise: Callable[[bool], Tree], hypothesis: Callable[[bool], Tree], even: bool = True
) -> MinimalSet:
    """The four pairs of two crossed choices; entailed if the choices match, or if they differ.

    Args:
        premise: builds the premise from its choice.
        hypothesis: builds the hypothesis from its choice.
        even: whether matching choices mean entailment.
    """
    return tuple(
        Item(premise(left), (left == right) == even, second=hypothesis(right))
        for left in (False, True)
        for right in (False, True)
    )


def did(who: Tree, verb: Verb, whom: Tree) -> Tree:
    """`A praised B`."""
    return clause(who, predicate=vp(verb.past, obj(whom)))


def passive(style: Style, draw: Draw) -> MinimalSet:
    """The guard was praised by the pilot: the pilot praised the guard."""
    people, verb = (style(draw), style(draw)), draw.transitive()

    def premise(swap: bool) -> Tree:
        one, two = ordered(swap, *people)
        subject = one().as_("nsubj:pass")
        agent = pp("by", two(), "obl:agent")
        return vp(verb.part, agent).pre(subject, Tree("was", "AUX", "aux:pass"))

    def hypothesis(swap: bool) -> Tree:
        one, two = ordered(swap, *people)
        return did(two(), verb, one())

    return paired(premise, hypothesis)


def object_relative(style: Style, draw: Draw) -> MinimalSet:
    """The pilot that the guard praised smiled: the guard praised the pilot."""
    people, inner, outer = (style(draw), style(draw)), draw.transitive(), draw.intransitive()

    def premise(swap: bool) -> Tree:
        one, two = ordered(swap, *people)
        inside = that_relative(clause(two(), predicate=vp(inner.past)), "obj")
        return clause(one().post(inside), predicate=vp(outer.past))

    def hypothesis(swap: bool) -> Tree:
        one, two = ordered(swap, *people)
        return did(two(), inner, one())

    return paired(premise, hypothesis)


def subject_relative(style: Style, draw: Draw) -> MinimalSet:
    """The pilot that praised the guard smiled: the pilot praised the guard."""
    people, inner, outer = (style(draw), style(draw)), draw.transitive(), draw.intransitive()

    def premise(swap: bool) -> Tree:
        one, two = ordered(swap, *people)
        inside = that_relative(vp(inner.past, obj(two())), "nsubj")
        return clause(one().post(inside), predicate=vp(outer.past))

    def hypothesis(swap: bool) -> Tree:
        one, two = ordered(swap, *people)
        return did(one(), inner, two())

    return paired(premise, hypothesis)


def coordinated_subjects(style: Style, draw: Draw) -> MinimalSet:
    """The pilot and the guard praised Mary: the pilot praised Mary, not Mary the pilot."""
    one, two, three = style(draw), style(draw), style(draw)
    verb = draw.transitive()

    def premise(swap: bool) -> Tree:
        left, right = ordered(swap, one, three)
        return did(left().post(conjoined("and", two())), verb, right())

    def hypothesis(swap: bool) -> Tree:
        left, right = ordered(swap, one, three)
        return did(left(), verb, right())

    return paired(premise, hypothesis)


def coordinated_objects(style: Style, draw: Draw) -> MinimalSet:
    """Mary praised the pilot and the guard: Mary praised the guard, not the guard Mary."""
    one, two, three = style(draw), style(draw), style(draw)
    verb = draw.transitive()

    def premise(swap: bool) -> Tree:
        left, right = ordered(swap, one, three)
        return did(left(), verb, two().post(conjoined("and", right())))

    def hypothesis(swap: bool) -> Tree:
        left, right = ordered(swap, one, three)
        return did(left(), verb, right())

    return paired(premise, hypothesis)


def phrase_on_subject(style: Style, draw: Draw) -> MinimalSet:
    """The pilot near the guard praised Mary: the pilot praised Mary, not the guard."""
    people, third = (style(draw), style(draw)), style(draw)
    where, verb = draw.preposition(), draw.transitive()

    def premise(swap: bool) -> Tree:
        one, two = ordered(swap, *people)
        return did(one().post(pp(where, two())), verb, third())

    def hypothesis(swap: bool) -> Tree:
        return did(people[swap](), verb, third())

    return paired(premise, hypothesis)


def subsequence_phrase(style: Style, draw: Draw) -> MinimalSet:
    """The pilot near the guard smiled: the pilot smiled, not the guard."""
    people, where, verb = (style(draw), style(draw)), draw.preposition(), draw.intransitive()

    def premise(swap: bool) -> Tree:
        one, two = ordered(swap, *people)
        return clause(one().post(pp(where, two())), predicate=vp(verb.past))

    def hypothesis(swap: bool) -> Tree:
        return clause(people[swap](), predicate=vp(verb.past))

    return paired(premise, hypothesis)


def subsequence_relative(style: Style, draw: Draw) -> MinimalSet:
    """The pilot that praised the guard smiled: the pilot smiled, not the guard."""
    people, inner, outer = (style(draw), style(draw)), draw.transitive(), draw.intransitive()

    def premise(swap: bool) -> Tree:
        one, two = ordered(swap, *people)
        inside = that_relative(vp(inner.past, obj(two())), "nsubj")
        return clause(one().post(inside), predicate=vp(outer.past))

    def hypothesis(swap: bool) -> Tree:
        return clause(people[swap](), predicate=vp(outer.past))

    return paired(premise, hypothesis)


def subsequence_participle(style: Style, draw: Draw) -> MinimalSet:
    """The pilot praised by the guard smiled: the pilot smiled, not the guard."""
    people, inner, outer = (style(draw), style(draw)), draw.transitive(), draw.intransitive()

    def premise(swap: bool) -> Tree:
        one, two = ordered(swap, *people)
        inside = vp(inner.part, pp("by", two(), "obl:agent")).as_("acl")
        return clause(one().post(inside), predicate=vp(outer.past))

    def hypothesis(swap: bool) -> Tree:
        return clause(people[swap](), predicate=vp(outer.past))

    return paired(premise, hypothesis)


def styled(
    *makers: Callable[[Style, Draw], MinimalSet], styles: tuple[Style, ...] = STYLES
) -> tuple[Template, ...]:
    """Each template with people by name and with people by noun phrase."""
    return tuple(partial(maker, style) for maker in makers for style in styles)


OVERLAP = (
    Phenomenon("overlap-passive", "the agent of a passive", styled(passive)),
    Phenomenon(
        "overlap-relative",
        "the agent of a relative clause",
        styled(object_relative, subject_relative, styles=NOUNS),
    ),
    Phenomenon(
        "overlap-coordination",
        "the agent of a verb with a coordination",
        styled(coordinated_subjects, coordinated_objects),
    ),
    Phenomenon(
        "overlap-phrase", "the agent of a verb after an intervening phrase",
        styled(phrase_on_subject),
    ),
    Phenomenon(
        "subsequence-phrase", "the noun directly before the verb is not its subject",
        styled(subsequence_phrase),
    ),
    Phenomenon(
        "subsequence-clause",
        "the last noun of a relative or participle clause is not the main verb's subject",
        styled(subsequence_relative, subsequence_participle, styles=NOUNS),
    ),
)  # fmt: skip
