"""The shipped table of WordNet: what it holds, its size and its licence."""

from importlib.resources import files

from subprobe.data.words.wordnet import TAGS, wordnet

FOLDER = files("subprobe.data").joinpath("resources", "wordnet")


def test_synonyms_have_the_part_of_speech_and_the_form_of_the_word():
    table = wordnet()
    assert table.synonyms_of("films", "NOUN")[:1] == ("movies",)
    assert "movies" not in table.synonyms_of("films", "VERB")
    assert "glad" in table.synonyms_of("Happy", "ADJ")
    assert "rapidly" in table.synonyms_of("quickly", "ADV")
    assert table.synonyms_of("films", "PUNCT") == table.synonyms_of("xyzzy", "NOUN") == ()


def test_antonyms_are_no_synonyms_and_go_both_ways():
    table = wordnet()
    assert table.antonyms_of("Happy") == {"unhappy"}
    assert "bad" in table.antonyms_of("good")
    assert table.antonyms_of("xyzzy") == frozenset()
    both = sum(one in table.antonyms_of(other) for one in table.antonyms
               for other in table.antonyms[one])  # fmt: skip
    assert both == sum(map(len, table.antonyms.values()))


def test_the_table_holds_different_single_words_in_lower_case():
    table = wordnet()
    assert len(table.synonyms) > 10_000
    assert {tag for _, tag in table.synonyms} == set(TAGS.values())
    for (word, _), same in table.synonyms.items():
        assert word not in same
        assert len(same) == len(set(same)) <= 50
        assert all(one.isascii() and one.islower() and one.isalpha() for one in (word, *same))


def test_the_table_is_small_and_has_its_licence():
    assert len(FOLDER.joinpath("synonyms.tsv.gz").read_bytes()) < 300_000
    licence = FOLDER.joinpath("LICENSE.txt").read_text(encoding="utf-8")
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in licence
    assert "Permission to use, copy, modify and distribute" in licence
