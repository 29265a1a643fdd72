"""Correspondence of the relation names of ClearNLP (spaCy's English pipelines) and UD.

Sources: the ClearNLP guidelines (Choi 2012) and UD v2 (de Marneffe et al. 2021). The map states
which names correspond and where the trees differ, so that renaming an arc does not give a UD arc.
Trees are therefore never converted, and no comparison mixes schemes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class RelationName:
    """One ClearNLP relation and the nearest relations in UD.

    Attributes:
        clearnlp: its name in spaCy's English pipelines.
        ud: the nearest UD relations; subtypes are given only if they matter.
        same_arc: whether the arc joins the same two words in both schemes.
        note: the difference between the schemes.
    """

    clearnlp: str
    ud: tuple[str, ...]
    same_arc: bool
    note: str = ""


def _name(clearnlp: str, ud: str, note: str = "", *, same: bool = True) -> RelationName:
    return RelationName(clearnlp, tuple(ud.split()), same, note)


_COPULA = "in UD the copula depends on the predicate, in ClearNLP the predicate on the copula"
_PREPOSITION = "ClearNLP: verb > preposition > noun; UD: verb > noun > preposition (case)"

RELATIONS: tuple[RelationName, ...] = (
    _name("acl", "acl"),
    _name("acomp", "root ccomp xcomp", _COPULA, same=False),
    _name("advcl", "advcl"),
    _name("advmod", "advmod"),
    _name("agent", "case", _PREPOSITION, same=False),
    _name("amod", "amod"),
    _name("appos", "appos"),
    _name("attr", "root ccomp xcomp", _COPULA, same=False),
    _name("aux", "aux"),
    _name("auxpass", "aux:pass"),
    _name("case", "case", "possessive 's in ClearNLP, every preposition in UD"),
    _name("cc", "cc", "on the first conjunct in ClearNLP, on the next one in UD", same=False),
    _name("ccomp", "ccomp"),
    _name("compound", "compound"),
    _name("conj", "conj", "a conjunct depends on the previous one in ClearNLP, on the first in UD",
          same=False),
    _name("csubj", "csubj"),
    _name("csubjpass", "csubj:pass"),
    _name("dative", "iobj obl", "the preposition if there is one; in UD then obl"),
    _name("dep", "dep"),
    _name("det", "det"),
    _name("dobj", "obj"),
    _name("expl", "expl"),
    _name("intj", "discourse"),
    _name("mark", "mark"),
    _name("meta", "discourse", "headings and markup"),
    _name("neg", "advmod det", "UD v2 has no separate relation"),
    _name("nmod", "nmod compound"),
    _name("npadvmod", "obl:npmod obl:tmod"),
    _name("nsubj", "nsubj", "the head differs in clauses with a copula"),
    _name("nsubjpass", "nsubj:pass"),
    _name("nummod", "nummod"),
    _name("oprd", "xcomp"),
    _name("parataxis", "parataxis"),
    _name("pcomp", "advcl acl", _PREPOSITION, same=False),
    _name("pobj", "obl nmod", _PREPOSITION, same=False),
    _name("poss", "nmod:poss"),
    _name("preconj", "cc:preconj"),
    _name("predet", "det:predet"),
    _name("prep", "case", _PREPOSITION, same=False),
    _name("prt", "compound:prt"),
    _name("punct", "punct", "the head may differ"),
    _name("quantmod", "advmod nummod"),
    _name("relcl", "acl:relcl"),
    _name("root", "root", "the copula in ClearNLP, its predicate in UD"),
    _name("xcomp", "xcomp"),
)  # fmt: skip
"""All relations of spaCy's English pipelines, by name."""


def both_schemes(ud: Iterable[str]) -> frozenset[str]:
    """The given UD relations and the ClearNLP relations that correspond only to them.

    Args:
        ud: main UD relations, such as `nsubj`.
    """
    wanted = frozenset(ud)
    return wanted | {
        one.clearnlp for one in RELATIONS if {name.partition(":")[0] for name in one.ud} <= wanted
    }


def main_relation(deprel: str) -> str:
    """The relation without its subtype: `nsubj:pass` becomes `nsubj`."""
    return deprel.partition(":")[0]
