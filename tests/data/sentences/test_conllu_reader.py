from __future__ import annotations

import gzip

import pytest
from subprobe.data.errors import DataFileError
from subprobe.data.sentences.conllu_reader import read_conllu

SENTENCE = """\
# newdoc id = d
# sent_id = first
# text = It doesn't fit.
1	It	it	PRON	PRP	Case=Nom	4	nsubj	4:nsubj	_
2-3	doesn't	_	_	_	_	_	_	_	SpaceAfter=No
2	does	do	AUX	VBZ	_	4	aux	4:aux	_
3	n't	not	PART	RB	_	4	advmod:neg	4:advmod	_
4	fit	fit	VERB	VB	_	0	root	0:root	SpaceAfter=No
4.1	fits	fit	VERB	VB	_	_	_	0:conj	_
5	.	.	PUNCT	.	_	4	punct	4:punct	_
"""

OTHER = """\
1	_	_	NOUN	_	_	2	nsubj	_	_
2	a\u2028b	x	VERB	_	_	0	root	_	_
"""


def write(tmp_path, text, name="bank.conllu"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_words_tags_and_trees_are_read(tmp_path):
    first, second = read_conllu(write(tmp_path, SENTENCE + "\n" + OTHER + "\n"))
    assert first.id == "first"
    assert first.text == "It doesn't fit."
    assert first.words == ("It", "does", "n't", "fit", ".")
    assert first.upos == ("PRON", "AUX", "PART", "VERB", "PUNCT")
    assert first.xpos == ("PRP", "VBZ", "RB", "VB", ".")
    assert first.heads == (3, 3, 3, -1, 3)
    assert first.deprels == ("nsubj", "aux", "advmod:neg", "root", "punct")
    assert (first.annotation, first.scheme) == ("gold", "ud")
    assert second.id == "2"
    assert second.words == ("_", "a\u2028b")
    assert second.text == "_ a\u2028b"
    assert second.xpos == ()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("gap", ["", "\n", "\n\n\n"])
def test_line_ends_and_gaps_do_not_matter(tmp_path, end, gap):
    text = "\ufeff" + SENTENCE + "\n" + OTHER + gap
    found = read_conllu(write(tmp_path, text.replace("\n", end)))
    assert [len(one.words) for one in found] == [5, 2]
    assert found == read_conllu(write(tmp_path, SENTENCE + "\n" + OTHER))


def test_a_zipped_treebank_is_the_same(tmp_path):
    zipped = tmp_path / "bank.conllu.gz"
    zipped.write_bytes(gzip.compress(SENTENCE.encode()))
    assert read_conllu(zipped) == read_conllu(write(tmp_path, SENTENCE))


def test_ids_are_unique_and_comments_alone_are_no_sentence(tmp_path):
    found = read_conllu(write(tmp_path, SENTENCE + "\n# a note\n\n" + SENTENCE))
    assert [one.id for one in found] == ["first", "first#2"]


def test_tagged_sentences_without_trees_are_read_as_such(tmp_path):
    lines = "1\tIt\tit\tPRON\t_\t_\t_\t_\t_\t_\n2\tfits\tfit\tVERB\t_\t_\t_\t_\t_\t_\n"
    (found,) = read_conllu(write(tmp_path, lines))
    assert found.upos == ("PRON", "VERB")
    assert not found.heads


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("4	aux", "9	aux", "sentence 'first' from line 1: broken tree: head 9 of a 5-word"),
        ("0	root", "1	root", "broken tree: 0 roots"),
        ("4	aux", "0	aux", "broken tree: 2 roots"),
        ("4	aux	", "3	aux	", "broken tree: cycle"),
        ("4	aux", "_	aux", "broken tree: word 2 has no head"),
        ("4	aux", "x	aux", "Failed parsing field 'head'"),
        ("\n5	.", "\n6	.", "word ids are not consecutive"),
        ("\n5	.", "\nfive	.", "Failed parsing field 'id'"),
        ("	PRP	", "	", "line 4 has 9 columns instead of 10"),
        ("4:aux	_", "4:aux	_	_", "line 6 has 11 columns instead of 10"),
        ("1	It	", "1  It  ", "line 4 has 8 columns instead of 10"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_its_place(tmp_path, old, new, message):
    text = (
        SENTENCE.replace("4	advmod:neg", "2	advmod:neg") if "cycle" in message else SENTENCE
    )
    assert old in text
    path = write(tmp_path, text.replace(old, new, 1))
    with pytest.raises(DataFileError) as caught:
        read_conllu(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_without_sentences_are_refused(tmp_path):
    with pytest.raises(DataFileError, match="the file is empty"):
        read_conllu(write(tmp_path, "\n\n"))
    with pytest.raises(DataFileError, match="contains comments but no sentence"):
        read_conllu(write(tmp_path, "# sent_id = 1\n"))
    with pytest.raises(DataFileError, match="no such file"):
        read_conllu(tmp_path / "nowhere.conllu")
    with pytest.raises(DataFileError, match="is a folder"):
        read_conllu(tmp_path)


def test_the_real_treebank_is_whole(realdata):
    found = read_conllu(realdata / "ud" / "en_ewt-ud-dev.conllu")
    assert len(found) == 2001
    assert sum(len(one.words) for one in found) == 25147
    assert all(one.heads and one.deprels and one.text for one in found)
    assert len({one.id for one in found}) == 2001


def test_the_best_offsets_of_the_real_treebank(realdata):
    found = read_conllu(realdata / "ud" / "en_ewt-ud-dev.conllu")
    distances: dict[str, list[int]] = {"det": [], "amod": [], "nsubj": [], "obj": []}
    for one in found:
        for place, (head, relation) in enumerate(zip(one.heads, one.deprels, strict=True)):
            universal = relation.split(":", 1)[0]
            if universal in distances:
                distances[universal].append(head - place)
    shares = {
        name: (round(values.count(offset) / len(values), 3), len(values))
        for (name, values), offset in zip(distances.items(), (1, 1, 1, -2), strict=True)
    }
    assert shares == {
        "det": (0.589, 1841),
        "amod": (0.747, 1326),
        "nsubj": (0.339, 2137),
        "obj": (0.358, 1211),
    }


def test_sentences_belong_to_the_documents_that_are_named(tmp_path):
    bare = "\n".join(line for line in SENTENCE.splitlines() if not line.startswith("#")) + "\n"
    blocks = [
        bare,
        "# newdoc id = one\n" + bare,
        bare,
        "# newdoc\n# sent_id = x\n" + bare,
        "# newdoc id = two words\n# a block of comments alone\n",
        bare,
        "# newdocument = no\n" + bare,
        "# newdoc id =\n" + bare,
    ]
    found = read_conllu(write(tmp_path, "\n".join(blocks)))
    documents = [sentence.document for sentence in found]
    assert documents == ["", "one", "one", "document 2", "two words", "two words", "document 4"]
