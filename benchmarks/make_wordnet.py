"""Make the table of synonyms and antonyms that subprobe ships, from the files of WordNet 3.0.

Run it with the folder of WordNet's database (Debian: package `wordnet-base`, /usr/share/wordnet):

    python -m benchmarks.make_wordnet /usr/share/wordnet data/resources/wordnet

It writes `synonyms.tsv.gz` and WordNet's licence. Each line is an inflected word, a part of speech
(n, v, a, r), its synonyms in the order of WordNet's senses, and its antonyms. Only single words of
the embedded encoder's vocabulary are kept. Inflected forms are paired by their ending: a plural
with plurals, a past form with past forms. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

NAMES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
MOST = 50
"""Synonyms of a word that are kept: as many as TextFooler asks for."""
BASE = ""
_RULES = {
    "n": (("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"),
          ("men", "man"), ("ies", "y")),
    "v": (("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"),
          ("ing", "")),
    "a": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "r": (),
}  # fmt: skip
"""Rules of WordNet's morphy(7WN): ending of an inflected form -> ending of its lemma."""
_PLAIN = re.compile(r"[a-z]+")
Senses = dict[str, list[int]]


def read_index(folder: Path, tag: str) -> Senses:
    """Lemma -> its synsets, the most frequent sense first; multi-word lemmas too."""
    found: Senses = {}
    for line in _lines(folder / f"index.{NAMES[tag]}"):
        fields = line.split()
        count = int(fields[2])
        found[fields[0]] = [int(one) for one in fields[-count:]]
    return found


def read_synsets(
    folder: Path, tag: str
) -> tuple[dict[int, list[str]], dict[int, list[tuple[int, int, int]]]]:
    """Synset -> its words, and -> its antonym pointers (own word, other synset, other word)."""
    words: dict[int, list[str]] = {}
    opposite: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for line in _lines(folder / f"data.{NAMES[tag]}"):
        fields = line.split(" | ")[0].split()
        count = int(fields[3], 16)
        names = fields[4 : 4 + 2 * count : 2]
        here = int(fields[0])
        words[here] = [name.split("(")[0].lower() for name in names]
        at = 4 + 2 * count
        for number in range(int(fields[at])):
            sign, target, _, places = fields[at + 1 + 4 * number : at + 5 + 4 * number]
            if sign == "!":
                opposite[here].append((int(places[:2], 16), int(target), int(places[2:], 16)))
    return words, opposite


def read_exceptions(folder: Path, tag: str) -> Iterator[tuple[str, str]]:
    """Irregular form and lemma."""
    for line in _lines(folder / f"{NAMES[tag]}.exc"):
        form, *lemmas = line.split()
        for lemma in lemmas:
            yield form, lemma


def inflections(
    folder: Path, tag: str, lemmas: Iterable[str], vocabulary: set[str]
) -> dict[str, list[tuple[str, str]]]:
    """Form -> (lemma, ending) of each lemma that it may be a form of, itself first."""
    known = set(lemmas)
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for form in sorted(vocabulary):
        if form in known:
            # `seed` is no form of `see`
            found[form].append((form, BASE))
            continue
        for ending, instead in _RULES[tag]:
            if form.endswith(ending):
                lemma = form[: -len(ending)] + instead
                pair = (lemma, _group(tag, form))
                if lemma in known and pair not in found[form]:
                    found[form].append(pair)
    for form, lemma in read_exceptions(folder, tag):
        pair = (lemma, _group(tag, form))
        if form in vocabulary and lemma in known and form != lemma and pair not in found[form]:
            found[form].append(pair)
    return {form: pairs for form, pairs in found.items() if pairs}


def _group(tag: str, form: str) -> str:
    """The kind of an inflected form: irregular nouns are plurals, irregular verbs past forms."""
    if tag == "n":
        return "s"
    if tag == "v":
        return "ing" if form.endswith("ing") else "s" if form.endswith("s") else "ed"
    return "est" if form.endswith("st") else "er"


def table(folder: Path, vocabulary: set[str]) -> list[tuple[str, str, list[str], list[str]]]:
    """Form, part of speech, synonyms and antonyms, sorted."""
    lines = []
    for tag in NAMES:
        index = read_index(folder, tag)
        words, opposite = read_synsets(folder, tag)
        forms = inflections(folder, tag, index, vocabulary)
        inflected: dict[tuple[str, str], list[str]] = defaultdict(list)
        for form, pairs in forms.items():
            for pair in pairs:
                inflected[pair].append(form)
        for form, pairs in forms.items():
            same: dict[str, None] = {}
            other: dict[str, None] = {}
            for lemma, ending in pairs:
                for synset in index[lemma]:
                    for word in words[synset]:
                        same |= dict.fromkeys(inflected.get((word, ending), ()))
                    for own, target, theirs in opposite.get(synset, ()):
                        if words[synset][own - 1] == lemma:
                            word = words[target][theirs - 1]
                            other |= dict.fromkeys(inflected.get((word, ending), ()))
            kept = [word for word in same if word != form and word not in other][:MOST]
            if kept or other:
                lines.append((form, tag, kept, sorted(other)))
    return sorted(lines)


def licence(folder: Path) -> str:
    """WordNet's licence, as its files carry it."""
    text = (folder / "data.adv").read_text(encoding="utf-8")
    head = [line for line in text.splitlines() if line.startswith("  ")]
    return "\n".join(line.lstrip().partition(" ")[2].rstrip() for line in head) + "\n"


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("  "):
            yield line


def main() -> None:
    """Read the arguments and write the files."""
    from subprobe.models.checkpoint.checkpoint import load_tokenizer

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("wordnet", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()
    vocabulary = {word for word in load_tokenizer("embedded").get_vocab() if _PLAIN.fullmatch(word)}
    lines = [
        "\t".join((form, tag, " ".join(same), " ".join(other)))
        for form, tag, same, other in table(given.wordnet, vocabulary)
    ]
    packed = gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0)
    given.target.mkdir(parents=True, exist_ok=True)
    (given.target / "synonyms.tsv.gz").write_bytes(packed)
    (given.target / "LICENSE.txt").write_text(licence(given.wordnet), encoding="utf-8")
    print(f"{len(lines):,} lines, {len(packed):,} bytes")


if __name__ == "__main__":
    main()
