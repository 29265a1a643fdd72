"""Surface tokens: multiword tokens as one word each, in what is still a tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.data.errors import DataFileError
from subprobe.data.sentences.conllu_reader import read_conllu
from subprobe.data.sentences.plain_text import read_corpus
from subprobe.data.sentences.sentence import ROOT, Sentence
from subprobe.data.sentences.surface_tokens import MultiwordToken, with_surface_tokens

FRENCH = """\
# text = Il vient du marché.
1	Il	il	PRON	_	_	2	nsubj	_	_
2	vient	venir	VERB	_	_	0	root	_	_
3-4	du	_	_	_	_	_	_	_	_
3	de	de	ADP	_	_	5	case	_	_
4	le	le	DET	_	_	5	det	_	_
5	marché	marché	NOUN	_	_	2	obl	_	SpaceAfter=No
6	.	.	PUNCT	_	_	2	punct	_	_
"""

# the second word of don't is not its outermost; an empty node; a range with the root; two ranges
ENGLISH = """\
# sent_id = e
# text = Don't tell'im.
1-2	Don't	_	_	_	_	_	_	_	_
1	Do	do	AUX	VB	_	3	aux	_	_
2	n't	not	PART	RB	_	1	advmod	_	_
2.1	you	you	PRON	_	_	_	_	3:nsubj	_
3-4	tell'im	_	_	_	_	_	_	_	SpaceAfter=No
3	tell	tell	VERB	VB	_	0	root	_	_
4	'im	he	PRON	PRP	_	3	obj	_	_
5	.	.	PUNCT	.	_	3	punct	_	_
"""


def written(tmp_path, *blocks):
    path = tmp_path / "bank.conllu"
    path.write_text("\n".join(blocks) + "\n", encoding="utf-8")
    return path


def test_a_multiword_token_takes_the_place_of_its_outermost_word(tmp_path):
    (french, english) = read_conllu(written(tmp_path, FRENCH, ENGLISH), surface=True)
    assert french.words == ("Il", "vient", "du", "marché", ".")
    assert french.heads == (1, ROOT, 3, 1, 1)
    assert french.deprels == ("nsubj", "root", "case", "obl", "punct")
    assert french.upos == ("PRON", "VERB", "ADP", "NOUN", "PUNCT")
    assert french.text == "Il vient du marché."
    assert english.words == ("Don't", "tell'im", ".")
    assert english.heads == (1, ROOT, 1)
    assert english.deprels == ("aux", "root", "punct")
    assert english.upos == ("AUX", "VERB", "PUNCT")
    assert english.xpos == ("VB", "VB", ".")
    assert (english.id, english.annotation, english.scheme) == ("e", "gold", "ud")


def test_syntactic_words_are_the_default(tmp_path):
    path = written(tmp_path, FRENCH, ENGLISH)
    assert read_corpus(path) == read_conllu(path)
    assert [one.words for one in read_corpus(path)] == [
        ("Il", "vient", "de", "le", "marché", "."),
        ("Do", "n't", "tell", "'im", "."),
    ]
    assert read_corpus(path, surface=True) == read_conllu(path, surface=True)


def test_what_hung_on_an_inner_word_hangs_on_the_token():
    # 3 hangs on 2, 4 on 1: both words are inside; and 1's way to the root leads through 3
    sentence = Sentence(
        "s", ("a", "b", "c", "d"), heads=(2, ROOT, 1, 0), deprels=("w", "root", "y", "z")
    )
    found = with_surface_tokens(sentence, [MultiwordToken(0, 1, "ab")])
    assert found.words == ("ab", "c", "d")
    assert found.heads == (ROOT, 0, 0)
    assert found.deprels == ("root", "y", "z")


def test_without_a_tree_the_first_word_gives_the_tags(tmp_path):
    bare = "\n".join(
        line if line.startswith("#") else "\t".join([*line.split("\t")[:6], *"____"])
        for line in FRENCH.splitlines()
    )
    (found,) = read_conllu(written(tmp_path, bare + "\n"), surface=True)
    assert found.words == ("Il", "vient", "du", "marché", ".")
    assert (found.heads, found.deprels) == ((), ())
    assert found.upos[2] == "ADP"


@st.composite
def trees_with_ranges(draw):
    """A random tree and random ranges over its words."""
    W = draw(st.integers(1, 12))
    order = draw(st.permutations(range(W)))
    heads = [ROOT] * W
    for rank in range(1, W):
        heads[order[rank]] = order[draw(st.integers(0, rank - 1))]
    starts = sorted(draw(st.sets(st.integers(0, W), max_size=6)))
    pairs = zip(starts[::2], starts[1::2], strict=False)
    ranges = [MultiwordToken(a, b - 1, f"{a}-{b}") for a, b in pairs]
    names = tuple(f"r{i}" for i in range(W))
    return Sentence("s", names, heads=tuple(heads), deprels=names, upos=names), ranges


@given(trees_with_ranges())
def test_every_contraction_is_a_tree_of_old_arcs(case):
    sentence, ranges = case
    found = with_surface_tokens(sentence, ranges)  # a broken tree would be refused
    assert len(found.words) == len(sentence.words) - sum(one.last - one.first for one in ranges)
    inside = {i: one.form for one in ranges for i in range(one.first, one.last + 1)}
    names = [inside.get(i, word) for i, word in enumerate(sentence.words)]
    old = {
        (names[i], names[head] if head != ROOT else "root", sentence.deprels[i])
        for i, head in enumerate(sentence.heads)
    }
    for i, head in enumerate(found.heads):
        above = found.words[head] if head != ROOT else "root"
        assert (found.words[i], above, found.deprels[i]) in old


@pytest.mark.parametrize("ids", ["3-9", "6-7"])
def test_a_range_that_does_not_fit_is_refused_where_it_is_read(tmp_path, ids):
    path = written(tmp_path, FRENCH.replace("3-4", ids))
    assert len(read_conllu(path)[0].words) == 6
    with pytest.raises(DataFileError, match=r"bank\.conllu, sentence '1' from line 1: multiword"):
        read_conllu(path, surface=True)


def test_a_range_without_a_form_is_its_words_together(tmp_path):
    (found,) = read_conllu(written(tmp_path, FRENCH.replace("3-4\tdu", "3-4\t_")), surface=True)
    assert found.words[2] == "dele"


def test_overlapping_ranges_are_refused():
    sentence = Sentence("s", ("a", "b", "c"))
    with pytest.raises(DataFileError, match="multiword token 2-3 does not match"):
        with_surface_tokens(sentence, [MultiwordToken(0, 1, "ab"), MultiwordToken(1, 2, "bc")])


def test_plain_text_has_no_surface_tokens(tmp_path):
    (tmp_path / "lines.txt").write_text("Don't.\n", encoding="utf-8")
    for corpus in (tmp_path / "lines.txt", "natural"):
        with pytest.raises(DataFileError, match="only a treebank has surface tokens"):
            read_corpus(corpus, surface=True)


@pytest.mark.realdata
def test_surface_tokens_of_a_treebank(realdata):
    path = realdata / "ud" / "en_ewt-ud-dev.conllu"
    ids = [line.split("\t")[0] for line in path.read_text("utf-8").split("\n") if "\t" in line]
    ranges = [tuple(map(int, one.split("-"))) for one in ids if one[0] != "#" and "-" in one]
    assert len(ranges) > 100
    syntactic, surface = read_conllu(path), read_conllu(path, surface=True)
    merged = sum(len(a.words) - len(b.words) for a, b in zip(syntactic, surface, strict=True))
    assert merged == sum(last - first for first, last in ranges)
    assert "don't" in {word for one in surface for word in one.words}
