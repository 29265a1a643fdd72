"""Words that depend on another word: reflexives, negative polarity items, determiners."""

from __future__ import annotations

from .grammar import Draw, bare, clause, det, name, np, obj, ordered, pronoun, vp
from .registry import MinimalSet, Phenomenon, reordered
from .trees import Tree


def _gendered(feminine: bool) -> Tree:
    return pronoun("herself" if feminine else "himself", "obj")


def reflexive_subject(draw: Draw) -> MinimalSet:
    """Apparently Mary praised herself today; apparently herself praised Mary today."""
    names = draw.pick(draw.words.male_names), draw.pick(draw.words.female_names)
    verb, adverb, day = draw.transitive(), draw.adverb(), draw.day()

    def build(good: bool, feminine: bool) -> Tree:
        who, oneself = name(names[feminine]), _gendered(feminine)
        subject, thing = (who, oneself) if good else (oneself, who)
        return clause(subject, predicate=vp(verb.past, obj(thing), day)).pre(adverb)

    return reordered(build)


def reflexive_plural(draw: Draw) -> MinimalSet:
    """Apparently the pilots praised themselves today; apparently themselves praised the pilots."""
    nouns, verb = (draw.person().pl, draw.person().pl), draw.transitive()
    adverb, day = draw.adverb(), draw.day()

    def build(good: bool, second: bool) -> Tree:
        who, oneself = np(nouns[second]), pronoun("themselves", "obj")
        subject, thing = (who, oneself) if good else (oneself, who)
        return clause(subject, predicate=vp(verb.past, obj(thing), day)).pre(adverb)

    return reordered(build)


def npi_object(draw: Draw) -> MinimalSet:
    """Yesterday no pilot praised any guard; yesterday any pilot praised no guard."""
    nouns, verb = (draw.person().sg, draw.person().sg), draw.transitive()
    day, end = draw.day(), draw.day()

    def build(good: bool, second: bool) -> Tree:
        one, two = ordered(second, *nouns)
        first, last = ordered(not good, "no", "any")
        praised = vp(verb.past, obj(np(two, last)), end)
        return clause(np(one, first), predicate=praised).pre(day)

    return reordered(build)


def npi_ditransitive(draw: Draw) -> MinimalSet:
    """Mary gave no pilot any lamp yesterday; Mary gave any pilot no lamp yesterday."""
    names, noun, thing = (draw.name(), draw.name()), draw.person().sg, draw.pick(draw.words.things)
    verb, day = draw.pick(draw.words.dative_verbs), draw.day()

    def build(good: bool, second: bool) -> Tree:
        first, last = ordered(not good, "no", "any")
        receiver, gift = np(noun, first).as_("iobj"), obj(np(thing.sg, last))
        return clause(name(names[second]), predicate=vp(verb.past, receiver, gift, day))

    return reordered(build)


def _determined(noun: str, determiner: str, good: bool) -> Tree:
    """`this pilot`, or `pilot this`."""
    return np(noun, determiner) if good else bare(noun).post(det(determiner))


def determiner_object(draw: Draw) -> MinimalSet:
    """Mary praised this guard yesterday; Mary praised guard this yesterday."""
    names, noun, verb = (draw.name(), draw.name()), draw.person().sg, draw.transitive()
    determiner, day = draw.pick(("this", "that", "every", "the")), draw.day()

    def build(good: bool, second: bool) -> Tree:
        thing = obj(_determined(noun, determiner, good))
        return clause(name(names[second]), predicate=vp(verb.past, thing, day))

    return reordered(build)


def determiner_subject(draw: Draw) -> MinimalSet:
    """Yesterday every guard praised Mary; yesterday guard every praised Mary."""
    names, noun, verb = (draw.name(), draw.name()), draw.person().sg, draw.transitive()
    determiner, day = draw.pick(("this", "that", "every", "the")), draw.day()

    def build(good: bool, second: bool) -> Tree:
        subject = _determined(noun, determiner, good)
        praised = vp(verb.past, obj(name(names[second])))
        return clause(subject, predicate=praised).pre(day)

    return reordered(build)


DEPENDENCE = (
    Phenomenon(
        "reflexive",
        "a reflexive is bound by the subject of its clause and agrees with it in gender",
        (reflexive_subject, reflexive_plural),
    ),
    Phenomenon(
        "npi-licensing",
        "`ever` and `any` need a preceding negation in their own clause",
        (npi_object, npi_ditransitive),
    ),
    Phenomenon(
        "determiner-noun",
        "a determiner stands before its noun and agrees with it",
        (determiner_object, determiner_subject),
    ),
)
