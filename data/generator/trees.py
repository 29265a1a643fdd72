"""Nested phrases that are converted to words and a dependency tree, correct by construction.

A `Tree` is a word with its dependents on the left and on the right, so that every linearised
sentence is projective and has one root. Relations and tags are those of Universal Dependencies v2
as the English Web Treebank uses them (de Marneffe et al. 2021, Computational Linguistics).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..sentences.sentence import ROOT, Sentence

NO_SPACE_BEFORE = frozenset(".,?!;:")


@dataclass(frozen=True, slots=True)
class Tree:
    """A word, its relation to its head, and its dependents in surface order."""

    form: str
    upos: str
    rel: str = "root"
    before: tuple[Tree, ...] = ()
    after: tuple[Tree, ...] = ()

    def as_(self, rel: str) -> Tree:
        """The phrase with another relation to its head."""
        return replace(self, rel=rel)

    def pre(self, *trees: Tree) -> Tree:
        """The phrase with dependents added in front of all others."""
        return replace(self, before=(*trees, *self.before))

    def inner(self, *trees: Tree) -> Tree:
        """The phrase with dependents added directly before its head word."""
        return replace(self, before=(*self.before, *trees))

    def post(self, *trees: Tree) -> Tree:
        """The phrase with dependents added at its end."""
        return replace(self, after=(*self.after, *trees))


def linearise(tree: Tree) -> list[tuple[str, str, int, str]]:
    """(form, upos, head, relation) of each word; heads count from 0, `ROOT` for the root."""
    rows: list[tuple[str, str, int, str]] = []

    def visit(node: Tree) -> int:
        """Append the words of `node` and return the position of its head word."""
        children = [visit(child) for child in node.before]
        here = len(rows)
        rows.append((node.form, node.upos, ROOT, node.rel))
        children += [visit(child) for child in node.after]
        for child in children:
            form, upos, _, rel = rows[child]
            rows[child] = (form, upos, here, rel)
        return here

    visit(tree)
    return rows


def detokenise(words: tuple[str, ...]) -> str:
    """The words as running text, without a space before punctuation."""
    pieces = [
        word if i == 0 or word in NO_SPACE_BEFORE else f" {word}" for i, word in enumerate(words)
    ]
    return "".join(pieces)


def sentence(tree: Tree, id: str, stop: str = ".") -> Sentence:
    """A gold UD sentence from a phrase, with final punctuation and a capital first letter."""
    words, upos, heads, deprels = zip(
        *linearise(tree.as_("root").post(Tree(stop, "PUNCT", "punct"))), strict=True
    )
    words = (words[0][0].upper() + words[0][1:], *words[1:])
    return Sentence(
        id=id,
        words=words,
        text=detokenise(words),
        upos=upos,
        heads=heads,
        deprels=deprels,
        annotation="gold",
        scheme="ud",
    )
