"""The table is made from WordNet's own files, here from a made database in their format."""

import pytest
from benchmark_code import load

MAKER = load("make_wordnet")
HEAD = "  1 WordNet 3.0 Copyright 2006 by Princeton University.  \n"
FILES = {
    "index.noun": "film n 1 0 1 1 00000001\nmovie n 1 0 1 1 00000001\nhot_dog n 1 0 1 0 00000001\n",
    "data.noun": "00000001 06 n 03 film 0 movie 0 hot_dog 0 000 | a show  \n",
    "index.verb": "see v 2 1 ! 2 1 00000011 00000012\nfind v 1 0 1 0 00000012\n"
    "watch v 1 0 1 0 00000011\nmiss v 1 0 1 0 00000013\nseed v 1 0 1 0 00000014\n",
    "data.verb": "00000011 39 v 02 see 0 watch 0 001 ! 00000013 v 0101 00 | look  \n"
    "00000012 39 v 02 find 0 see 1 000 00 | discover  \n"
    "00000013 39 v 01 miss 0 001 ! 00000011 v 0101 00 | fail  \n"
    "00000014 39 v 01 seed 0 000 00 | sow  \n",
    "index.adj": "able a 1 1 ! 1 0 00000021\nunable a 1 1 ! 1 0 00000022\n",
    "data.adj": "00000021 00 a 01 able(p) 0 001 ! 00000022 a 0101 | can  \n"
    "00000022 00 a 01 unable 0 001 ! 00000021 a 0101 | cannot  \n",
    "index.adv": "",
    "data.adv": "",
    "noun.exc": "",
    "verb.exc": "saw see\nseen see\nfound find\n",
    "adj.exc": "",
    "adv.exc": "",
}


@pytest.fixture
def database(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(HEAD + text, encoding="utf-8")
    return tmp_path


def test_forms_are_paired_by_their_ending(database):
    vocabulary = {"film", "films", "movie", "movies", "see", "saw", "seen", "found", "watched",
                  "seed", "watch", "able", "unable", "missed"}  # fmt: skip
    lines = MAKER.table(database, vocabulary)
    found = {(form, tag): (same, other) for form, tag, same, other in lines}
    assert found["films", "n"] == (["movies"], [])
    assert found["movie", "n"] == (["film"], [])
    # in the order of the senses of `see`: to look, to discover
    assert found["saw", "v"] == (["seen", "watched", "found"], ["missed"])
    assert found["see", "v"] == (["watch"], [])
    assert ("seed", "v") not in found
    assert found["able", "a"] == ([], ["unable"])
    assert MAKER.table(database, {"films"}) == []


def test_the_licence_is_that_of_the_files(database):
    assert MAKER.licence(database) == "WordNet 3.0 Copyright 2006 by Princeton University.\n"
