"""Subject, verb, object and negation of a sentence, determined by its dependency tree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .relations import both_schemes, main_relation
from .sentence import Sentence

GROUPS = ("subject", "verb", "object", "negation")
"""Names of the G groups; a word may belong to several or none."""

_SUBJECTS = both_schemes({"nsubj", "csubj"})
_OBJECTS = both_schemes({"obj", "iobj"}) | {"dative"}
_VERB_TAGS = frozenset({"VERB", "AUX"})
_NEGATORS = frozenset({"not", "n't", "n’t", "nt"})


def word_groups(sentences: Sequence[Sentence]) -> npt.NDArray[np.bool_]:
    """Membership of words in groups [G, W], for the concatenated words of all sentences.

    The relation names of both schemes are supported: UD (`nsubj:pass`, `obj`) and spaCy's English
    pipelines (`nsubjpass`, `dobj`). Objects of prepositions are not objects. Negation is the
    relation `neg`, the adverb `not` in any spelling, and the determiner `no`.

    Args:
        sentences: one or two parsed sentences with universal tags.
    """
    columns = [
        _groups(word.lower(), tag, main_relation(deprel))
        for sentence in sentences
        for word, tag, deprel in zip(sentence.words, sentence.upos, sentence.deprels, strict=True)
    ]
    return np.array(columns, dtype=np.bool_).reshape(-1, len(GROUPS)).T


def _groups(word: str, tag: str, relation: str) -> tuple[bool, bool, bool, bool]:
    negates = (
        relation == "neg"
        or (relation == "advmod" and word in _NEGATORS)
        or (relation == "det" and word == "no")
    )
    return relation in _SUBJECTS, tag in _VERB_TAGS, relation in _OBJECTS, negates
