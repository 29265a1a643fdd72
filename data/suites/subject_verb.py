"""Pairs of subject-verb agreement: counted from the gold trees of a treebank, or generated.

A treebank gives its own inflection table: two forms of one lemma are the two numbers of a verb if
their features differ in nothing but `Number`. This is the procedure of Linzen et al. (2016, TACL)
with gold features and trees in place of a tagger and a parser.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ..errors import DataFileError
from ..generator.agreement import AGREEMENT
from ..generator.sampling import sample
from ..sentences.conllu_reader import read_conllu
from ..sentences.relations import main_relation
from ..sentences.sentence import Sentence
from ..sentences.spans import word_spans
from .generated import GENERATED, n_examples, paired
from .pair import Pair, Suite, checked_suite

SUBJECT_VERB = "subject-verb"
NUMBERS = ("Sing", "Plur")
NO_OTHER_FORM = "no other form in the treebank"
ATTACHED = "attached to another word"
OTHER_NUMBER = "another number than the subject"
COORDINATED = "coordinated subject"
SEVERAL_SUBJECTS = "several subjects"
NO_PAIR = (NO_OTHER_FORM, ATTACHED, OTHER_NUMBER, COORDINATED, SEVERAL_SUBJECTS)
"""Why a verb and its subject are no pair."""
CONSTRUCTIONS = (
    ("relative-clause", ("acl:relcl",)),
    ("clause", ("acl", "advcl", "ccomp", "csubj")),
    ("prepositional-phrase", ("nmod",)),
    ("apposition", ("appos",)),
)
"""Construction -> relations of what stands between subject and verb; the first that occurs counts.
Else it is `adjacent` if nothing stands there, and `other`."""

_GENERATED = {"t1": ("adjacent", 0), "t2": ("prepositional-phrase", 1)}
"""Template of the generator -> construction and attractors."""
_NOUNS = ("NOUN", "PROPN")
_SUBJECTS = (*_NOUNS, "PRON")
_SUBJECT_OF = ("nsubj", "nsubj:pass")
_VERBS = ("VERB", "AUX")
_SPECIAL = frozenset({"Typo", "Abbr", "Style"})
"""Features of words that are no regular forms."""

Cell = tuple[str, frozenset[tuple[str, str]]]
"""A lemma and the features of a form, its number excepted."""


def generated_agreement(seed: int, n: int) -> Suite:
    """Pairs of the generator, by turns without and with one attractor.

    Args:
        seed: same seed, same pairs.
        n: number of pairs.

    Raises:
        ConfigError: if `n` is below 1, or the templates do not yield that many pairs.
    """
    examples = sample("agreement", AGREEMENT, seed, {"test": n_examples(n)})["test"]
    return Suite(GENERATED, GENERATED, tuple(map(_described, paired(examples, n))))


def _described(pair: Pair) -> Pair:
    construction, attractors = _GENERATED[pair.term]
    return replace(pair, paradigm=GENERATED, term=construction, attractors=attractors)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A verb and its subject in a sentence.

    Attributes:
        sentence: the sentence.
        subject: the subject's place.
        verb: place of the finite verb or auxiliary that agrees.
    """

    sentence: Sentence
    subject: int
    verb: int


def treebank_pairs(path: Path | str) -> Suite:
    """One pair for each verb with an earlier subject whose other number the treebank has.

    The subject is a noun or a pronoun of the third person with a number. Attractors are nouns of
    the other number between subject and verb.

    Raises:
        DataFileError: if the file is not CoNLL-U, has no lemmas, features or trees, or no pair.
    """
    path = Path(path)
    sentences = read_conllu(path, lemmas=True)
    if not any(one.lemmas and one.feats and one.heads and one.upos for one in sentences):
        raise DataFileError(
            "has no sentence with lemmas, features, tags and trees",
            where=str(path),
            remedy="name a treebank whose columns 3, 4, 6, 7 and 8 are filled",
        )
    table = inflection_table(sentences)
    pairs: list[Pair] = []
    skipped: Counter[str] = Counter()
    for sentence in sentences:
        every = list(agreements(sentence))
        subjects = Counter(found.verb for found in every)
        for found in every:
            alone = subjects[found.verb] == 1
            made = _pair(found, table, path) if alone else SEVERAL_SUBJECTS
            if isinstance(made, Pair):
                pairs.append(made)
            else:
                skipped[made] += 1
    if not pairs:
        reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(skipped.items()))
        raise DataFileError(
            "contains no subject-verb pair" + (f" ({reasons})" if reasons else ""),
            where=str(path),
            remedy="name a larger treebank of a language whose verbs agree in number",
        )
    return checked_suite(path, pairs, skipped)


def inflection_table(sentences: Sequence[Sentence]) -> dict[Cell, dict[str, str]]:
    """Lemma and features -> number -> the most frequent form of finite verbs, in lower case."""
    counts: dict[Cell, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for sentence in sentences:
        if not (sentence.lemmas and sentence.feats and sentence.upos):
            continue
        for place, upos in enumerate(sentence.upos):
            cell = _cell(sentence, place) if upos in _VERBS else None
            if cell is not None:
                counts[cell[0]][cell[1]][sentence.words[place].lower()] += 1
    return {
        cell: {
            number: max(sorted(forms), key=forms.__getitem__) for number, forms in numbers.items()
        }
        for cell, numbers in counts.items()
    }


def _cell(sentence: Sentence, place: int) -> tuple[Cell, str] | None:
    """The cell and number of a finite verb; None for a word of another kind."""
    features = _features(sentence.feats[place])
    number = features.get("Number")
    if number not in NUMBERS or features.get("VerbForm") != "Fin" or _SPECIAL & set(features):
        return None
    others = frozenset(pair for pair in features.items() if pair[0] != "Number")
    return (sentence.lemmas[place].lower(), others), number


@cache
def _features(text: str) -> Mapping[str, str]:
    return dict(one.split("=", 1) for one in text.split("|") if "=" in one)


def agreements(sentence: Sentence) -> Iterator[Agreement]:
    """The finite verbs of a sentence with their subjects, where the subject comes first."""
    if not (sentence.heads and sentence.feats and sentence.upos and sentence.lemmas):
        return
    for subject, relation in enumerate(sentence.deprels):
        if relation not in _SUBJECT_OF or sentence.upos[subject] not in _SUBJECTS:
            continue
        features = _features(sentence.feats[subject])
        if features.get("Number") not in NUMBERS or features.get("Person", "3") != "3":
            continue
        verb = _finite(sentence, sentence.heads[subject])
        if verb is not None and subject < verb:
            yield Agreement(sentence, subject, verb)


def _finite(sentence: Sentence, head: int) -> int | None:
    """The first finite verb of a clause: its head, or an auxiliary or copula of it."""
    own = [
        place
        for place, above in enumerate(sentence.heads)
        if place == head
        or (above == head and main_relation(sentence.deprels[place]) in ("aux", "cop"))
    ]
    finite = (
        place
        for place in own
        if sentence.upos[place] in _VERBS
        and _features(sentence.feats[place]).get("VerbForm") == "Fin"
    )
    return next(finite, None)


def _pair(found: Agreement, table: Mapping[Cell, Mapping[str, str]], path: Path) -> Pair | str:
    """The pair of a verb and its other form, or why there is none."""
    sentence, subject, verb = found.sentence, found.subject, found.verb
    if any(
        head == subject and main_relation(relation) == "conj"
        for head, relation in zip(sentence.heads, sentence.deprels, strict=True)
    ):
        return COORDINATED
    number = _features(sentence.feats[subject])["Number"]
    cell = _cell(sentence, verb)
    form = sentence.words[verb]
    other = "" if cell is None else table[cell[0]].get(NUMBERS[NUMBERS[0] == cell[1]], "")
    if cell is None or not other or other == form.lower():
        return NO_OTHER_FORM
    if cell[1] != number:
        return OTHER_NUMBER
    text, spans = sentence.raw_text(), word_spans(sentence)
    start, end = (0, 0) if spans is None else spans[verb]
    if text[start:end] != form or not _alone(text, start, end):
        return ATTACHED
    bad = text[:start] + _cased(other, form) + text[end:]
    return Pair(
        f"{sentence.id}/{verb + 1}", text, bad, path.name.split(".")[0], SUBJECT_VERB,
        construction(found), attractors(found), sentence.document or sentence.id, path.name,
        f"sentence {sentence.id}",
    )  # fmt: skip


def _alone(text: str, start: int, end: int) -> bool:
    """Whether a word is all letters and no letter, apostrophe or hyphen touches it."""
    around = text[start - 1 : start] + text[end : end + 1]
    return text[start:end].isalpha() and not any(one.isalnum() or one in "'’-" for one in around)


def _cased(form: str, like: str) -> str:
    """A form in the case of another one."""
    if like.isupper() and len(like) > 1:
        return form.upper()
    return form.capitalize() if like[0].isupper() else form


def attractors(found: Agreement) -> int:
    """Number of nouns between subject and verb whose number is not the subject's."""
    sentence = found.sentence
    number = _features(sentence.feats[found.subject])["Number"]
    between = range(found.subject + 1, found.verb)
    return sum(
        sentence.upos[place] in _NOUNS
        and _features(sentence.feats[place]).get("Number", number) != number
        for place in between
    )


def construction(found: Agreement) -> str:
    """What stands between subject and verb, by the relations of its words (`CONSTRUCTIONS`)."""
    between = range(found.subject + 1, found.verb)
    relations = {found.sentence.deprels[place] for place in between}
    main = {main_relation(one) for one in relations if one != "acl:relcl"}
    for name, wanted in CONSTRUCTIONS:
        if (relations | main) & set(wanted):
            return name
    return "other" if between else "adjacent"
