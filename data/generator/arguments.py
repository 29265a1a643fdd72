"""What verbs take: objects, clauses, auxiliaries, passives.

Verbs with opposite demands are crossed with the two frames. `every guard` is an object where
`every morning` is an adjunct of the same shape, so that having an object is neither a matter of
length nor of the word that follows the verb.
"""

from __future__ import annotations

from .grammar import (
    Draw,
    adv,
    aux,
    bare,
    clause,
    conjoined,
    mark,
    name,
    np,
    obj,
    ordered,
    pp,
    subordinate,
    to,
    vp,
)
from .registry import MinimalSet, Phenomenon, crossed
from .trees import Tree


def every(form: str, is_object: bool, determiner: str = "every") -> Tree:
    """`every guard` as an object, or `every morning` as a bare temporal adjunct."""
    return np(form, determiner).as_("obj" if is_object else "obl:unmarked")


def structure_plain(draw: Draw) -> MinimalSet:
    """The pilot often praised every guard; the pilot often slept every morning."""
    verbs = draw.transitive().past, draw.intransitive().past
    nouns = draw.person().sg, draw.time()
    subject, adverb = draw.person().sg, draw.adverb()

    def build(intransitive: bool, temporal: bool) -> Tree:
        rest = every(nouns[temporal], not temporal)
        return clause(np(subject), adverb, predicate=vp(verbs[intransitive], rest))

    return crossed(build)


def structure_question(draw: Draw) -> MinimalSet:
    """Did the pilot really praise that guard?"""
    one, two = draw.transitive(), draw.intransitive()
    verbs, nouns = (one.base, two.base), (draw.person().sg, draw.time())
    subject, adverb = draw.person().sg, draw.adverb()

    def build(intransitive: bool, temporal: bool) -> Tree:
        rest = every(nouns[temporal], not temporal, "that")
        body = clause(np(subject), adverb, predicate=vp(verbs[intransitive], rest))
        return body.pre(aux("did"))

    return crossed(build, stop="?")


def structure_infinitive(draw: Draw) -> MinimalSet:
    """The pilot promised Mary to praise every guard."""
    one, two = draw.transitive(), draw.intransitive()
    verbs, nouns = (one.base, two.base), (draw.person().sg, draw.time())
    subject, want = draw.person().sg, draw.pick(draw.words.to_verbs)

    def build(intransitive: bool, temporal: bool) -> Tree:
        rest = every(nouns[temporal], not temporal)
        inside = vp(verbs[intransitive], rest).pre(to()).as_("xcomp")
        return clause(np(subject), predicate=vp(want.past, inside))

    return crossed(build)


def structure_coordination(draw: Draw) -> MinimalSet:
    """The pilot praised every guard and the author slept every morning."""
    verbs = draw.transitive().past, draw.intransitive().past
    nouns = draw.person().sg, draw.time()
    subjects = draw.person().sg, draw.person().sg

    def build(verbs_swapped: bool, nouns_swapped: bool) -> Tree:
        first, second = ordered(verbs_swapped, *verbs)
        near, far = every(nouns[0], True), every(nouns[1], False)
        near, far = ordered(nouns_swapped, near, far)
        left = clause(np(subjects[0]), predicate=vp(first, near))
        right = clause(np(subjects[1]), predicate=vp(second, far))
        return left.post(conjoined("and", right))

    return crossed(build)


def _frame(infinitive: bool, noun: str, transitive: str, intransitive: str) -> Tree:
    """`to praise the guard` or `that the guard slept`: four words each."""
    if infinitive:
        return vp(transitive, obj(np(noun))).pre(to()).as_("xcomp")
    return subordinate("that", clause(np(noun), predicate=vp(intransitive)), "ccomp")


def subcategorisation_plain(draw: Draw) -> MinimalSet:
    """The pilot tried again to praise the guard; the pilot noticed again that the guard slept."""
    verbs = draw.pick(draw.words.that_verbs).past, draw.pick(draw.words.to_verbs).past
    subject, noun, day = draw.person().sg, draw.person().sg, draw.day()
    inner = draw.transitive().base, draw.intransitive().past

    def build(wants_to: bool, infinitive: bool) -> Tree:
        frame = _frame(infinitive, noun, *inner)
        return clause(np(subject), predicate=vp(verbs[wants_to], day, frame))

    return crossed(build)


def subcategorisation_question(draw: Draw) -> MinimalSet:
    """Did the pilot attempt again to praise the guard?"""
    verbs = draw.pick(draw.words.that_verbs).base, draw.pick(draw.words.to_verbs).base
    subject, noun, day = draw.person().sg, draw.person().sg, draw.day()
    inner = draw.transitive().base, draw.intransitive().past

    def build(wants_to: bool, infinitive: bool) -> Tree:
        frame = _frame(infinitive, noun, *inner)
        body = clause(np(subject), predicate=vp(verbs[wants_to], day, frame))
        return body.pre(aux("did"))

    return crossed(build, stop="?")


def subcategorisation_coordination(draw: Draw) -> MinimalSet:
    """Mary noticed again that the guard slept and John tried today to praise the author."""
    verbs = draw.pick(draw.words.that_verbs).past, draw.pick(draw.words.to_verbs).past
    names = draw.pick(draw.words.female_names), draw.pick(draw.words.male_names)
    nouns, days = (draw.person().sg, draw.person().sg), (draw.day(), draw.day())
    inner = draw.transitive().base, draw.intransitive().past

    def build(verbs_swapped: bool, frames_swapped: bool) -> Tree:
        first, second = ordered(verbs_swapped, *verbs)
        near, far = (
            _frame(frames_swapped ^ late, noun, *inner)
            for late, noun in zip((False, True), nouns, strict=True)
        )
        left = clause(name(names[0]), predicate=vp(first, days[0], near))
        right = clause(name(names[1]), predicate=vp(second, days[1], far))
        return left.post(conjoined("and", right))

    return crossed(build)


def form_perfect_progressive(draw: Draw) -> MinimalSet:
    """The pilot has often praised the guard; the pilot is often praising the guard."""
    verb, adverb = draw.transitive(), draw.adverb()
    one, two = draw.person().sg, draw.person().sg

    def build(progressive: bool, ing: bool) -> Tree:
        form = verb.ing if ing else verb.part
        helper = aux("is" if progressive else "has")
        return clause(np(one), helper, adverb, predicate=vp(form, obj(np(two))))

    return crossed(build)


def form_question(draw: Draw) -> MinimalSet:
    """Did the pilot praise the guard? Was the pilot praising the guard?"""
    verb, one, two = draw.transitive(), draw.person().sg, draw.person().sg

    def build(progressive: bool, ing: bool) -> Tree:
        form = verb.ing if ing else verb.base
        body = clause(np(one), predicate=vp(form, obj(np(two))))
        return body.pre(aux("was" if progressive else "did"))

    return crossed(build, stop="?")


def form_modal(draw: Draw) -> MinimalSet:
    """The pilot will certainly praise the guard; the pilot has certainly praised the guard."""
    verb, adverb = draw.transitive(), draw.adverb()
    one, two, modal = draw.person().sg, draw.person().sg, draw.pick(("will", "must", "may"))

    def build(perfect: bool, participle: bool) -> Tree:
        form = verb.part if participle else verb.base
        helper = aux("has" if perfect else modal)
        return clause(np(one), helper, adverb, predicate=vp(form, obj(np(two))))

    return crossed(build)


def form_coordination(draw: Draw) -> MinimalSet:
    """The pilot has often praised the guard and is certainly avoiding the author."""
    verbs = draw.transitive(), draw.transitive()
    adverbs = draw.adverb(), draw.adverb()
    one, two, three = (draw.person().sg for _ in range(3))

    def build(helpers_swapped: bool, forms_swapped: bool) -> Tree:
        first, second = ordered(helpers_swapped, aux("has"), aux("is"))
        near = verbs[0].ing if forms_swapped else verbs[0].part
        far = verbs[1].part if forms_swapped else verbs[1].ing
        right = vp(far, obj(np(three))).pre(second, adverbs[1])
        left = vp(near, obj(np(two)), conjoined("and", right))
        return clause(np(one), first, adverbs[0], predicate=left)

    return crossed(build)


def _passive(subject: Tree, adverb: Tree, verb: str, *after: Tree) -> Tree:
    """`the guard was often praised by the pilot`."""
    return vp(verb, *after).pre(subject.as_("nsubj:pass"), Tree("was", "AUX", "aux:pass"), adverb)


def passive_intransitive(draw: Draw) -> MinimalSet:
    """The guard was often praised by the pilot; the guard had often slept by the river."""
    verbs = draw.transitive().part, draw.intransitive().part
    subject, agent, place = draw.person().sg, draw.person().sg, draw.place()
    adverb = draw.adverb()

    def build(active: bool, intransitive: bool) -> Tree:
        verb = verbs[intransitive]
        if active:
            there = pp("by", np(place), "obl")
            return clause(np(subject), aux("had"), adverb, predicate=vp(verb, there))
        return _passive(np(subject), adverb, verb, pp("by", np(agent), "obl:agent"))

    return crossed(build)


def passive_participle(draw: Draw) -> MinimalSet:
    """The guard was praised only by old pilots; the guard was praising only the old pilots."""
    verb, subject, other = draw.transitive(), draw.person().sg, draw.person().pl
    quality, adverb = draw.attribute(), draw.adverb()

    def build(agentless: bool, ing: bool) -> Tree:
        form = verb.ing if ing else verb.part
        if agentless:
            target = np(other, "the", quality).pre(adv("only")).as_("obj")
            return clause(np(subject), aux("was"), adverb, predicate=vp(form, target))
        agent = pp("by", bare(other, quality), "obl:agent").pre(adv("only"))
        return _passive(np(subject), adverb, form, agent)

    return crossed(build)


def passive_coordination(draw: Draw) -> MinimalSet:
    """The pilot was often praised by the guards and the baker has avoided all the authors."""
    verbs = draw.transitive().part, draw.transitive().part
    adverbs = draw.adverb(), draw.adverb()
    subject, other = draw.person().sg, draw.person().sg
    agent, target = draw.person().pl, draw.person().pl

    def every_one(noun: str) -> Tree:
        return np(noun).pre(Tree("all", "DET", "det:predet"))

    def half(passive: bool, by: bool, who: Tree, late: bool) -> Tree:
        thing = pp("by", np(agent), "obl:agent") if by else obj(every_one(target))
        if passive:
            return _passive(who, adverbs[late], verbs[late], thing)
        return clause(who, aux("has"), adverbs[late], predicate=vp(verbs[late], thing))

    def build(helpers_swapped: bool, frames_swapped: bool) -> Tree:
        left = half(not helpers_swapped, not frames_swapped, np(subject), False)
        right = half(helpers_swapped, frames_swapped, np(other), True)
        return left.post(conjoined("and", right))

    return crossed(build)


def complement_whether(draw: Draw) -> MinimalSet:
    """The pilot asked again whether, or noticed again that, the guard slept."""
    asks = draw.pick(("wondered", "asked", "inquired"))
    verbs = draw.pick(draw.words.that_verbs).past, asks
    subject, noun, day = draw.person().sg, draw.person().sg, draw.day()
    inner = draw.intransitive().past

    def build(wonders: bool, whether: bool) -> Tree:
        inside = clause(np(noun), predicate=vp(inner))
        marked = inside.pre(mark("whether" if whether else "that")).as_("ccomp")
        return clause(np(subject), predicate=vp(verbs[wonders], day, marked))

    return crossed(build)


ARGUMENTS = (
    Phenomenon(
        "argument-structure",
        "transitive verbs need an object, intransitive verbs take none",
        (structure_plain, structure_question, structure_infinitive, structure_coordination),
    ),
    Phenomenon(
        "subcategorisation",
        "verbs choose between that-clause, infinitive and whether-clause",
        (
            subcategorisation_plain,
            subcategorisation_question,
            subcategorisation_coordination,
            complement_whether,
        ),
    ),
    Phenomenon(
        "verb-form",
        "an auxiliary fixes the form of its verb across an adverb or a subject",
        (form_perfect_progressive, form_question, form_modal, form_coordination),
    ),
    Phenomenon(
        "passive",
        "only transitive participles make passives, and a passive has lost its object",
        (passive_intransitive, passive_participle, passive_coordination),
    ),
)
