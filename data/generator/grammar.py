"""Phrases from which templates are built, and the draw that fills them with words."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from .lexicon import Lexicon, Noun, Verb
from .trees import Tree

Word = TypeVar("Word")

PAST = frozenset({"yesterday", "recently", "earlier", "lately", "once"})
"""Adverbs that do not combine with modal verbs."""


@dataclass
class Draw:
    """Draws words of one split; no word occurs twice within one draw."""

    words: Lexicon
    rng: random.Random
    _taken: set[object] = field(default_factory=set)

    def pick(self, options: Sequence[Word]) -> Word:
        """One of the options that this draw has not returned yet."""
        chosen = self.rng.choice([option for option in options if option not in self._taken])
        self._taken.add(chosen)
        return chosen

    def person(self) -> Noun:
        """A noun for a person, singular and plural."""
        return self.pick(self.words.people)

    def transitive(self) -> Verb:
        """A transitive verb."""
        return self.pick(self.words.transitive)

    def intransitive(self) -> Verb:
        """An intransitive verb."""
        return self.pick(self.words.intransitive)

    def adverb(self) -> Tree:
        """An adverb that may precede a verb."""
        return adv(self.pick(self.words.adverbs))

    def adjective(self) -> str:
        """A predicative adjective."""
        return self.pick(self.words.adjectives)

    def attribute(self) -> Tree:
        """An attributive adjective."""
        return Tree(self.pick(self.words.attributes), "ADJ", "amod")

    def preposition(self) -> str:
        """A locative preposition."""
        return self.pick(("near", "behind", "beside", "opposite"))

    def day(self) -> Tree:
        """An adverb that may follow a verb."""
        return adv(self.pick(self.words.days))

    def anytime(self) -> Tree:
        """An adverb that may follow a verb in any tense."""
        return adv(self.pick([day for day in self.words.days if day not in PAST]))

    def name(self) -> str:
        """A proper name of either gender."""
        return self.pick((*self.words.male_names, *self.words.female_names))


def det(form: str) -> Tree:
    """A determiner."""
    return Tree(form, "DET", "det")


def adv(form: str) -> Tree:
    """An adverb."""
    return Tree(form, "ADV", "advmod")


def aux(form: str) -> Tree:
    """An auxiliary."""
    return Tree(form, "AUX", "aux")


def cop(plural: bool) -> Tree:
    """The copula in the present tense."""
    return Tree("are" if plural else "is", "AUX", "cop")


def mark(form: str) -> Tree:
    """A subordinating conjunction."""
    return Tree(form, "SCONJ", "mark")


def to() -> Tree:
    """The marker of an infinitive."""
    return Tree("to", "PART", "mark")


def cc(form: str) -> Tree:
    """A coordinating conjunction."""
    return Tree(form, "CCONJ", "cc")


def adj(form: str) -> Tree:
    """A predicative adjective, the head of its clause."""
    return Tree(form, "ADJ")


def pronoun(form: str, rel: str) -> Tree:
    """A pronoun in a given role."""
    return Tree(form, "PRON", rel)


def name(form: str) -> Tree:
    """A proper name."""
    return Tree(form, "PROPN")


def np(form: str, determiner: str = "the", *attributes: Tree) -> Tree:
    """A noun phrase with a determiner, such as `the young pilot`."""
    return Tree(form, "NOUN", before=(det(determiner), *attributes))


def bare(form: str, *attributes: Tree) -> Tree:
    """A noun phrase without a determiner."""
    return Tree(form, "NOUN", before=attributes)


def pp(preposition: str, phrase: Tree, rel: str = "nmod") -> Tree:
    """A prepositional phrase, headed by its noun."""
    return phrase.as_(rel).pre(Tree(preposition, "ADP", "case"))


def vp(form: str, *after: Tree) -> Tree:
    """A verb with its complements and adjuncts."""
    return Tree(form, "VERB", after=after)


def obj(phrase: Tree) -> Tree:
    """The phrase as a direct object."""
    return phrase.as_("obj")


def clause(subject: Tree, *middle: Tree | None, predicate: Tree) -> Tree:
    """A clause: subject, intervening words (adverbs, auxiliaries, copula) and predicate."""
    inner = tuple(tree for tree in middle if tree is not None)
    return predicate.pre(subject.as_("nsubj"), *inner)


def that_relative(body: Tree, role: str) -> Tree:
    """A relative clause introduced by `that`, which has the given role in the clause."""
    return body.pre(pronoun("that", role)).as_("acl:relcl")


def conjoined(conjunction: str, phrase: Tree) -> Tree:
    """A second conjunct preceded by its conjunction."""
    return phrase.pre(cc(conjunction)).as_("conj")


def subordinate(marker: str, body: Tree, rel: str) -> Tree:
    """A clause introduced by a marker such as `that` or `while`."""
    return body.pre(mark(marker)).as_(rel)


def ordered(swap: bool, first: Word, second: Word) -> tuple[Word, Word]:
    """The two values in the given order, or exchanged."""
    return (second, first) if swap else (first, second)
