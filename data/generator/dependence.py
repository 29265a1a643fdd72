"""Words that need a licensor: reflexives, negative polarity items, determiners, correlatives."""

from __future__ import annotations

from .grammar import (
    Draw,
    adj,
    adv,
    aux,
    bare,
    cc,
    clause,
    conjoined,
    cop,
    name,
    np,
    obj,
    ordered,
    pp,
    pronoun,
    subordinate,
    that_relative,
    vp,
)
from .registry import MinimalSet, Phenomenon, crossed
from .trees import Tree


def _self(plural: bool) -> Tree:
    return pronoun("themselves" if plural else "himself", "obj")


def _gendered(feminine: bool) -> Tree:
    return pronoun("herself" if feminine else "himself", "obj")


def reflexive_pp(draw: Draw) -> MinimalSet:
    """The pilot near the guards often praised himself."""
    nouns, verb = (draw.person().sg, draw.person().pl), draw.transitive()
    where, adverb = draw.preposition(), draw.adverb()

    def build(plural: bool, reflexive: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        subject = np(one).post(pp(where, np(two)))
        return clause(subject, adverb, predicate=vp(verb.past, _self(reflexive)))

    return crossed(build)


def reflexive_relative(draw: Draw) -> MinimalSet:
    """The pilot that the guards praised often blamed himself."""
    nouns, adverb = (draw.person().sg, draw.person().pl), draw.adverb()
    inner, outer = draw.transitive(), draw.transitive()

    def build(plural: bool, reflexive: bool) -> Tree:
        one, two = ordered(plural, *nouns)
        inside = that_relative(clause(np(two), predicate=vp(inner.past)), "obj")
        return clause(np(one).post(inside), adverb, predicate=vp(outer.past, _self(reflexive)))

    return crossed(build)


def reflexive_gender(draw: Draw) -> MinimalSet:
    """The king near the girl often praised himself."""
    nouns = draw.pick(draw.words.men).sg, draw.pick(draw.words.women).sg
    where, adverb, verb = draw.preposition(), draw.adverb(), draw.transitive()

    def build(feminine: bool, reflexive: bool) -> Tree:
        one, two = ordered(feminine, *nouns)
        subject = np(one).post(pp(where, np(two)))
        return clause(subject, adverb, predicate=vp(verb.past, _gendered(reflexive)))

    return crossed(build)


def reflexive_clause(draw: Draw) -> MinimalSet:
    """Mary thought that John often praised himself."""
    names = draw.pick(draw.words.male_names), draw.pick(draw.words.female_names)
    outer, verb, adverb = draw.pick(draw.words.that_verbs), draw.transitive(), draw.adverb()

    def build(feminine: bool, reflexive: bool) -> Tree:
        two, one = ordered(feminine, *names)
        inside = clause(name(two), adverb, predicate=vp(verb.past, _gendered(reflexive)))
        said = vp(outer.past, subordinate("that", inside, "ccomp"))
        return clause(name(one), predicate=said)

    return crossed(build)


def _licensor(negative: bool, noun: str) -> Tree:
    return np(noun, "no" if negative else "the")


def npi_coordination(draw: Draw) -> MinimalSet:
    """No pilot ever laughed and the guard slept."""
    one, two = draw.person().sg, draw.person().sg
    first, second = draw.intransitive(), draw.intransitive()
    conjunction = draw.pick(("and", "but"))

    def build(late_no: bool, late_ever: bool) -> Tree:
        left = clause(
            _licensor(not late_no, one),
            None if late_ever else adv("ever"),
            predicate=vp(first.past),
        )
        right = clause(
            _licensor(late_no, two),
            adv("ever") if late_ever else None,
            predicate=vp(second.past),
        )
        return left.post(conjoined(conjunction, right))

    return crossed(build)


def npi_perfect(draw: Draw) -> MinimalSet:
    """No pilot has ever laughed while the guard has often slept."""
    one, two = draw.person().sg, draw.person().sg
    first, second = draw.intransitive(), draw.intransitive()
    marker, adverb = draw.pick(("while", "because", "although")), draw.adverb()

    def build(late_no: bool, late_ever: bool) -> Tree:
        early, late = ordered(late_ever, adv("ever"), adverb)
        left = clause(_licensor(not late_no, one), aux("has"), early, predicate=vp(first.part))
        right = clause(_licensor(late_no, two), aux("has"), late, predicate=vp(second.part))
        return left.post(subordinate(marker, right, "advcl"))

    return crossed(build)


def npi_any(draw: Draw) -> MinimalSet:
    """No pilot praised any authors but the guard blamed the bankers."""
    one, two = draw.person().sg, draw.person().sg
    three, four = draw.person().pl, draw.person().pl
    first, second = draw.transitive(), draw.transitive()
    conjunction = draw.pick(("and", "but"))

    def build(late_no: bool, late_any: bool) -> Tree:
        early, late = ordered(late_any, "any", "the")
        left = clause(_licensor(not late_no, one), predicate=vp(first.past, obj(np(three, early))))
        right = clause(_licensor(late_no, two), predicate=vp(second.past, obj(np(four, late))))
        return left.post(conjoined(conjunction, right))

    return crossed(build)


def npi_never(draw: Draw) -> MinimalSet:
    """The pilot never praised any authors but the guard often blamed the bankers."""
    one, two = draw.person().sg, draw.person().sg
    three, four = draw.person().pl, draw.person().pl
    first, second = draw.transitive(), draw.transitive()
    other, conjunction = draw.adverb(), draw.pick(("and", "but"))

    def build(late_never: bool, late_any: bool) -> Tree:
        early_adverb, late_adverb = ordered(late_never, adv("never"), other)
        early, late = ordered(late_any, "any", "the")
        left = clause(np(one), early_adverb, predicate=vp(first.past, obj(np(three, early))))
        right = clause(np(two), late_adverb, predicate=vp(second.past, obj(np(four, late))))
        return left.post(conjoined(conjunction, right))

    return crossed(build)


def determiner_arguments(draw: Draw) -> MinimalSet:
    """This noisy pilot praised these clever guards."""
    nouns, verb = (draw.person().sg, draw.person().pl), draw.transitive()
    left, right = draw.attribute(), draw.attribute()
    pair = draw.pick((("this", "these"), ("that", "those")))

    def build(dets_swapped: bool, nouns_swapped: bool) -> Tree:
        first, second = ordered(dets_swapped, *pair)
        one, two = ordered(nouns_swapped, *nouns)
        return clause(np(one, first, left), predicate=vp(verb.past, obj(np(two, second, right))))

    return crossed(build)


def determiner_pp(draw: Draw) -> MinimalSet:
    """Mary saw this noisy pilot near these clever guards."""
    nouns, verb = (draw.person().sg, draw.person().pl), draw.transitive()
    left, right = draw.attribute(), draw.attribute()
    pair = draw.pick((("this", "these"), ("that", "those")))
    who, where = name(draw.pick(draw.words.female_names)), draw.preposition()

    def build(dets_swapped: bool, nouns_swapped: bool) -> Tree:
        first, second = ordered(dets_swapped, *pair)
        one, two = ordered(nouns_swapped, *nouns)
        thing = np(one, first, left).post(pp(where, np(two, second, right)))
        return clause(who, predicate=vp(verb.past, obj(thing)))

    return crossed(build)


def determiner_quantifiers(draw: Draw) -> MinimalSet:
    """Every noisy pilot praised several clever guards."""
    nouns, verb = (draw.person().sg, draw.person().pl), draw.transitive()
    left, right = draw.attribute(), draw.attribute()
    pair = draw.pick(("every", "each")), draw.pick(("several", "many"))

    def build(dets_swapped: bool, nouns_swapped: bool) -> Tree:
        first, second = ordered(dets_swapped, *pair)
        one, two = ordered(nouns_swapped, *nouns)
        return clause(np(one, first, left), predicate=vp(verb.past, obj(np(two, second, right))))

    return crossed(build)


def determiner_mass(draw: Draw) -> MinimalSet:
    """The pilot bought too much good bread and too many old lamps."""
    nouns = draw.pick(draw.words.mass).sg, draw.pick(draw.words.things).pl
    person, verb = draw.person().sg, draw.pick(("bought", "found", "sold", "wanted"))
    left, right = (
        Tree(draw.pick(("good", "old", "cheap", "fine")), "ADJ", "amod") for _ in range(2)
    )

    def amount(form: str) -> Tree:
        return Tree(form, "ADJ", "amod", before=(adv("too"),))

    def build(dets_swapped: bool, nouns_swapped: bool) -> Tree:
        first, second = ordered(dets_swapped, "much", "many")
        one, two = ordered(nouns_swapped, *nouns)
        other = conjoined("and", bare(two, amount(second), right))
        things = bare(one, amount(first), left).post(other)
        return clause(np(person), predicate=vp(verb, obj(things)))

    return crossed(build)


def _correlative(opener: str, conjunction: str, one: str, two: str) -> Tree:
    """`both the pilot and the guard`."""
    return np(one).pre(Tree(opener, "CCONJ", "cc:preconj")).post(conjoined(conjunction, np(two)))


def correlative_objects(draw: Draw) -> MinimalSet:
    """Either the pilot or the guard praised both the author and the banker."""
    one, two, three, four = (draw.person().sg for _ in range(4))
    verb, negative = draw.transitive(), draw.pick((("either", "or"), ("neither", "nor")))

    def build(openers: bool, conjunctions: bool) -> Tree:
        first, second = ordered(openers, negative[0], "both")
        left, right = ordered(conjunctions, negative[1], "and")
        subject = _correlative(first, left, one, two)
        return clause(
            subject, predicate=vp(verb.past, obj(_correlative(second, right, three, four)))
        )

    return crossed(build)


def _graded(grade: str, than: str, quality: str, noun: str) -> Tree:
    """`more careful than the guard`."""
    return adj(quality).pre(adv(grade)).post(pp(than, np(noun), "obl"))


def correlative_grades(draw: Draw) -> MinimalSet:
    """The pilot is more careful than the guard but as famous as the author."""
    one, two, three = (draw.person().sg for _ in range(3))
    first, second = (draw.pick(draw.words.long_adjectives) for _ in range(2))
    conjunction = draw.pick(("but", "and"))

    def build(grades: bool, standards: bool) -> Tree:
        left, right = ordered(grades, "more", "as")
        near, far = ordered(standards, "than", "as")
        other = _graded(right, far, second, three).pre(cc(conjunction)).as_("conj")
        graded = _graded(left, near, first, two).post(other)
        return clause(np(one), cop(False), predicate=graded)

    return crossed(build)


def correlative_amounts(draw: Draw) -> MinimalSet:
    """The pilot praised many more guards than authors and as many bankers as bakers."""
    person, verb = draw.person().sg, draw.transitive()
    one, two, three, four = (draw.person().pl for _ in range(4))

    def amount(equal: bool, standard: str, left: str, right: str) -> Tree:
        words = ("as", "many") if equal else ("many", "more")
        many = Tree(words[1], "ADJ", "amod", before=(adv(words[0]),))
        return bare(left, many).post(pp(standard, bare(right)))

    def build(grades: bool, standards: bool) -> Tree:
        near, far = ordered(standards, "than", "as")
        other = conjoined("and", amount(not grades, far, three, four))
        things = amount(grades, near, one, two).post(other)
        return clause(np(person), predicate=vp(verb.past, obj(things)))

    return crossed(build)


DEPENDENCE = (
    Phenomenon(
        "reflexive",
        "a reflexive agrees in number and gender with the subject of its own clause",
        (reflexive_pp, reflexive_relative, reflexive_gender, reflexive_clause),
    ),
    Phenomenon(
        "npi-licensing",
        "ever and any need a negation in their own clause",
        (npi_coordination, npi_perfect, npi_any, npi_never),
    ),
    Phenomenon(
        "determiner-noun",
        "determiners and quantifiers agree with their noun across an adjective",
        (determiner_arguments, determiner_pp, determiner_quantifiers, determiner_mass),
    ),
    Phenomenon(
        "correlatives",
        "both goes with and, either with or, more with than, as with as",
        (correlative_objects, correlative_grades, correlative_amounts),
    ),
)
